import type { ConfigObject } from '../../config/object.ts'
import { addLatency, type Latency, type Percentiles, percentilesOf } from '../../figures/index.ts'
import { expandShortName } from '../../model/hosts.ts'
import { parseOutboundClusterName, type Service } from '../../model/service.ts'
import { destinations, type Policy, type PolicyTopic, servicesOf } from './policies.ts'

/** service: a host of the registry; gateway: a way in; host: named by a rule and not in the registry; workload: a caller that is no service. */
export type NodeKind = 'service' | 'gateway' | 'host' | 'workload'

export interface TopologyNode {
  readonly id: string
  readonly kind: NodeKind
  readonly name: string
  readonly namespace: string
  readonly endpoints: number
  readonly policies: readonly PolicyTopic[]
}

export interface TopologyEdge {
  readonly from: string
  readonly to: string
  /** Whether a rule says so, and whether proxies have reported requests. */
  readonly configured: boolean
  /** Requests reported since the control plane began to take reports; absent when nothing is known. */
  readonly issued?: number
  readonly failed?: number
  /** Requests of the last minutes; absent where there were none. */
  readonly recent?: RecentCalls
  /** The rule, `<kind>/<namespace>/<name>`. */
  readonly document?: string
}

/** Requests in a window of time, which may be shorter than asked for; no times where nobody tells of any. */
export interface RecentCalls extends Percentiles {
  readonly seconds: number
  readonly requests: number
  readonly failed: number
}

export interface Topology {
  readonly nodes: readonly TopologyNode[]
  readonly edges: readonly TopologyEdge[]
}

export interface TopologySources {
  readonly services: readonly Service[]
  readonly endpoints: (service: Service) => number
  readonly objects: ReadonlyMap<string, ConfigObject>
  readonly policies: readonly Policy[]
  readonly domain: string
  /** What proxies reported: the workload that calls (`shop.default`), the cluster it called, requests and failures. */
  readonly calls: Iterable<{
    readonly workload: string
    readonly cluster: string
    readonly issued: number
    readonly failed: number
  }>
  /** What proxies did in the last minutes: the workload that calls, and the host it called. */
  readonly recent: Iterable<{
    readonly workload: string
    readonly host: string
    readonly seconds: number
    readonly requests: number
    readonly failed: number
    readonly latency: Latency
  }>
}

/** Who calls whom: as rules say, and as proxies report. */
export function topologyOf(sources: TopologySources): Topology {
  const graph = new Graph(sources)
  for (const object of sources.objects.values()) if (object.kind === 'VirtualService') addRule(graph, object)
  for (const { workload, cluster, issued, failed } of sources.calls) {
    const parsed = parseOutboundClusterName(cluster)
    if (!parsed || issued === 0) continue
    const { known, edge } = graph.called(workload, parsed.hostname)
    graph.add({ ...edge, issued: (known?.issued ?? 0) + issued, failed: (known?.failed ?? 0) + failed })
  }
  addRecent(graph, sources.recent)
  return { nodes: [...graph.nodes.values()], edges: [...graph.edges.values()] }
}

/** Nodes and edges by name: what several sources tell of is there once. */
class Graph {
  readonly nodes = new Map<string, TopologyNode>()
  readonly edges = new Map<string, TopologyEdge>()
  readonly domain: string
  readonly #topics = new Map<string, Set<PolicyTopic>>()

  /** With a node for each service. */
  constructor({ services, endpoints, policies, domain }: TopologySources) {
    this.domain = domain
    for (const { topic, services: hosts } of policies)
      for (const host of hosts) this.#topics.set(host, (this.#topics.get(host) ?? new Set()).add(topic))
    for (const service of services) {
      const { hostname, namespace } = service
      if (!this.nodes.has(hostname))
        this.#put({ id: hostname, kind: 'service', name: hostname, namespace, endpoints: endpoints(service) })
    }
  }

  /** Makes a node where there is none of this id. @returns the id */
  ensure(id: string, kind: NodeKind, name: string, namespace: string): string {
    if (!this.nodes.has(id)) this.#put({ id, kind, name, namespace, endpoints: 0 })
    return id
  }

  /** What is new of an edge replaces what was known of it; nobody calls itself. */
  add(edge: TopologyEdge): void {
    if (edge.from === edge.to) return
    const known = this.edges.get(edgeKey(edge))
    this.edges.set(edgeKey(edge), known ? { ...known, ...edge, configured: known.configured || edge.configured } : edge)
  }

  /** The edge a workload's requests to a host belong to, and what is known of it. */
  called(workload: string, host: string): { readonly known: TopologyEdge | undefined; readonly edge: TopologyEdge } {
    const [name = '', namespace = ''] = workload.split('.')
    const asService = `${name}.${namespace}.svc.${this.domain}`
    const from = this.nodes.has(asService)
      ? asService
      : this.ensure(`workload/${workload}`, 'workload', workload, namespace)
    const to = this.ensure(host, 'host', host, namespace)
    const known = this.edges.get(edgeKey({ from, to }))
    return { known, edge: { from, to, configured: known?.configured ?? false } }
  }

  #put(node: Omit<TopologyNode, 'policies'>): void {
    this.nodes.set(node.id, { ...node, policies: [...(this.#topics.get(node.id) ?? [])] })
  }
}

function edgeKey({ from, to }: Pick<TopologyEdge, 'from' | 'to'>): string {
  return JSON.stringify([from, to])
}

/** From each gateway and host that a VirtualService speaks for to each host that it sends to. */
function addRule(graph: Graph, object: ConfigObject): void {
  const { namespace, key, spec } = object
  const { http, tcp, tls, gateways, hosts } = spec as Readonly<Record<string, readonly unknown[] | undefined>>
  const targets = [...(http ?? []), ...(tcp ?? []), ...(tls ?? [])]
    .flatMap(destinations)
    .map((host) => expandShortName(host, namespace, graph.domain))
  const ways = (gateways ?? []).map(String).filter((name) => name !== 'mesh')
  const inner = ways.length === 0 || (gateways ?? []).includes('mesh')
  const froms = [
    ...ways.map((name) => {
      const [space, own] = name.includes('/') ? (name.split('/', 2) as [string, string]) : [namespace, name]
      return graph.ensure(`gateway/${space}/${own}`, 'gateway', own, space)
    }),
    ...(inner
      ? servicesOf({ ...object, spec: { hosts } }, graph.domain).map((host) =>
          graph.ensure(host, 'host', host, namespace),
        )
      : []),
  ]
  for (const to of new Set(targets))
    for (const from of froms)
      graph.add({ from, to: graph.ensure(to, 'host', to, namespace), configured: true, document: key })
}

/** What proxies did lately; several of one edge are added up, their times before percentiles are taken. */
function addRecent(graph: Graph, recent: TopologySources['recent']): void {
  const times = new Map<string, Map<number, number>>()
  for (const { workload, host, seconds, requests, failed, latency } of recent) {
    const { known, edge } = graph.called(workload, host)
    const sum = known?.recent ?? { seconds, requests: 0, failed: 0 }
    const key = edgeKey(edge)
    const took = times.get(key) ?? new Map<number, number>()
    times.set(key, took)
    addLatency(took, latency)
    graph.add({
      ...edge,
      recent: {
        ...{ seconds: sum.seconds, requests: sum.requests + requests, failed: sum.failed + failed },
        ...percentilesOf(took),
      },
    })
  }
}
