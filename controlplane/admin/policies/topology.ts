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
export function topologyOf({
  services,
  endpoints,
  objects,
  policies,
  domain,
  calls,
  recent,
}: TopologySources): Topology {
  const nodes = new Map<string, TopologyNode>()
  const edges = new Map<string, TopologyEdge>()
  const topics = new Map<string, Set<PolicyTopic>>()
  for (const { topic, services: hosts } of policies)
    for (const host of hosts) topics.set(host, (topics.get(host) ?? new Set()).add(topic))
  for (const service of services) {
    const { hostname, namespace } = service
    if (nodes.has(hostname)) continue
    const found = { id: hostname, kind: 'service' as const, name: hostname, namespace }
    nodes.set(hostname, { ...found, endpoints: endpoints(service), policies: [...(topics.get(hostname) ?? [])] })
  }
  const ensure = (id: string, kind: NodeKind, name: string, namespace: string) => {
    if (!nodes.has(id))
      nodes.set(id, { id, kind, name, namespace, endpoints: 0, policies: [...(topics.get(id) ?? [])] })
    return id
  }
  const add = (edge: TopologyEdge) => {
    if (edge.from === edge.to) return
    const key = JSON.stringify([edge.from, edge.to])
    const known = edges.get(key)
    edges.set(key, known ? { ...known, ...edge, configured: known.configured || edge.configured } : edge)
  }
  for (const object of objects.values()) {
    if (object.kind !== 'VirtualService') continue
    const { namespace, key, spec } = object
    const { http, tcp, tls, gateways, hosts } = spec as Readonly<Record<string, readonly unknown[] | undefined>>
    const targets = [...(http ?? []), ...(tcp ?? []), ...(tls ?? [])]
      .flatMap(destinations)
      .map((host) => expandShortName(host, namespace, domain))
    const ways = (gateways ?? []).map(String).filter((name) => name !== 'mesh')
    const inner = ways.length === 0 || (gateways ?? []).includes('mesh')
    const froms = [
      ...ways.map((name) => {
        const [space, own] = name.includes('/') ? (name.split('/', 2) as [string, string]) : [namespace, name]
        return ensure(`gateway/${space}/${own}`, 'gateway', own, space)
      }),
      ...(inner
        ? servicesOf({ ...object, spec: { hosts } }, domain).map((host) =>
            ensure(host, nodes.has(host) ? 'service' : 'host', host, namespace),
          )
        : []),
    ]
    for (const to of new Set(targets))
      for (const from of froms) add({ from, to: ensure(to, 'host', to, namespace), configured: true, document: key })
  }
  /** The edge a workload's requests to a host belong to, and what is known of it. */
  const called = (workload: string, host: string) => {
    const [name = '', namespace = ''] = workload.split('.')
    const asService = `${name}.${namespace}.svc.${domain}`
    const from = nodes.has(asService) ? asService : ensure(`workload/${workload}`, 'workload', workload, namespace)
    const to = ensure(host, 'host', host, namespace)
    const known = edges.get(JSON.stringify([from, to]))
    return { known, edge: { from, to, configured: known?.configured ?? false } }
  }
  for (const { workload, cluster, issued, failed } of calls) {
    const parsed = parseOutboundClusterName(cluster)
    if (!parsed || issued === 0) continue
    const { known, edge } = called(workload, parsed.hostname)
    add({ ...edge, issued: (known?.issued ?? 0) + issued, failed: (known?.failed ?? 0) + failed })
  }
  const times = new Map<string, Map<number, number>>()
  for (const { workload, host, seconds, requests, failed, latency } of recent) {
    const { known, edge } = called(workload, host)
    const sum = known?.recent ?? { seconds, requests: 0, failed: 0 }
    const key = JSON.stringify([edge.from, edge.to])
    const took = times.get(key) ?? new Map<number, number>()
    times.set(key, took)
    addLatency(took, latency)
    add({
      ...edge,
      recent: {
        ...{ seconds: sum.seconds, requests: sum.requests + requests, failed: sum.failed + failed },
        ...percentilesOf(took),
      },
    })
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] }
}
