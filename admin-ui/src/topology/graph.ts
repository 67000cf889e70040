import type { Topology, TopologyNode } from '../api/schema.ts'
import { healthOf } from '../parts/health.ts'
import type { Graph, GraphEdge, GraphNode, Traffic } from './model.ts'
import { findsEdge, findsNode, type Query } from './query.ts'

/** More cannot be read, and cannot be laid out while one waits. */
export const MOST_NODES = 300

export interface GraphFilter {
  readonly namespace: string
  readonly query: string
  /** Nodes without any edge as well. */
  readonly lonely: boolean
  /** The id of a node to show alone with what is so many calls away at most; empty: all. */
  readonly around: string
  readonly hops: number
  /** What is marked. */
  readonly find: Query
  /** What is left out, with the calls of what is left out and what then has no call any more. */
  readonly hide: Query
}

type Parts = Pick<Graph, 'nodes' | 'edges'>

/** What is shown of a topology: filtered, and by namespace when it is too much. A filter keeps the neighbours of what it finds. */
export function graphOf(topology: Topology, filter: GraphFilter): Graph {
  const { namespace, query, lonely, around, hops, find, hide } = filter
  const all = withTraffic(topology)
  const { nodes, edges } = without(hide, around === '' ? all : neighbourhood(all, around, hops))
  const words = query.toLowerCase().trim()
  const hit = (node: TopologyNode) =>
    (namespace === '' || node.namespace === namespace) && (words === '' || node.name.toLowerCase().includes(words))
  const wanted = new Set(nodes.filter(hit).map(({ id }) => id))
  const filtered = namespace !== '' || words !== ''
  const kept = edges.filter(({ from, to }) => (filtered ? wanted.has(from) || wanted.has(to) : true))
  const joined = new Set(kept.flatMap(({ from, to }) => [from, to]))
  const shown = nodes.filter(({ id }) => joined.has(id) || (wanted.has(id) && (lonely || filtered || id === around)))
  return shown.length > MOST_NODES
    ? marked(find, { ...byNamespace(shown, kept), grouped: true })
    : marked(find, { nodes: shown, edges: kept, grouped: false })
}

function withTraffic({ nodes, edges }: Topology): Parts {
  const got = new Map<string, Traffic>()
  const sent = new Map<string, Traffic>()
  const calls = edges.map((edge): GraphEdge => {
    const { from, to, recent } = edge
    if (!recent) return edge
    const { seconds, ...counted } = recent
    const traffic = { ...counted, rate: seconds > 0 ? recent.requests / seconds : 0 }
    got.set(to, plus(got.get(to), traffic))
    sent.set(from, plus(sent.get(from), traffic))
    return { ...edge, traffic }
  })
  return {
    edges: calls,
    nodes: nodes.map((node) => {
      const traffic = got.get(node.id) ?? sent.get(node.id)
      return traffic ? { ...node, traffic } : node
    }),
  }
}

/** Percentiles of a sum cannot be told from those of its parts. */
function plus(a: Traffic | undefined, { rate, requests, failed }: Traffic): Traffic {
  return a
    ? { rate: a.rate + rate, requests: a.requests + requests, failed: a.failed + failed }
    : { rate, requests, failed }
}

function without(hide: Query, { nodes, edges }: Parts): Parts {
  if (hide.length === 0) return { nodes, edges }
  const left = new Set(nodes.filter((node) => !findsNode(hide, node)).map(({ id }) => id))
  const calls = edges.filter((edge) => left.has(edge.from) && left.has(edge.to) && !findsEdge(hide, edge))
  const before = new Set(edges.flatMap(({ from, to }) => [from, to]))
  const after = new Set(calls.flatMap(({ from, to }) => [from, to]))
  return { nodes: nodes.filter(({ id }) => left.has(id) && (after.has(id) || !before.has(id))), edges: calls }
}

function marked(find: Query, { nodes, edges, grouped }: Graph): Graph {
  if (find.length === 0) return { nodes, edges, grouped }
  return {
    grouped,
    nodes: nodes.map((node) => (findsNode(find, node) ? { ...node, found: true } : node)),
    edges: edges.map((edge) => (findsEdge(find, edge) ? { ...edge, found: true } : edge)),
  }
}

/** A node, and those that calls lead to or from, over so many calls at most. */
function neighbourhood({ nodes, edges }: Parts, around: string, hops: number): Parts {
  const next = new Map<string, string[]>()
  const join = (from: string, to: string) => {
    const known = next.get(from)
    if (known) known.push(to)
    else next.set(from, [to])
  }
  for (const { from, to } of edges) {
    join(from, to)
    join(to, from)
  }
  const near = new Set([around])
  let edge: readonly string[] = [around]
  for (let hop = 0; hop < hops && edge.length > 0; hop++) {
    edge = [...new Set(edge.flatMap((id) => next.get(id) ?? []))].filter((id) => !near.has(id))
    for (const id of edge) near.add(id)
  }
  return {
    nodes: nodes.filter(({ id }) => near.has(id)),
    edges: edges.filter(({ from, to }) => near.has(from) && near.has(to)),
  }
}

interface Group {
  members: number
  endpoints: number
  failing: number
  traffic: Traffic | undefined
  readonly policies: Set<string>
}

function byNamespace(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Parts {
  const groups = new Map<string, Group>()
  const groupOf = new Map<string, string>()
  for (const { id, namespace, endpoints, policies, traffic } of nodes) {
    const name = namespace || '–'
    groupOf.set(id, name)
    const group = groups.get(name) ?? {
      ...{ members: 0, endpoints: 0, failing: 0, traffic: undefined },
      policies: new Set(),
    }
    group.members++
    group.endpoints += endpoints
    if (traffic) group.traffic = plus(group.traffic, traffic)
    if (healthOf(traffic) === 'failing') group.failing++
    for (const topic of policies) group.policies.add(topic)
    groups.set(name, group)
  }
  const sums = new Map<string, GraphEdge>()
  for (const { from, to, configured, issued, failed, traffic } of edges) {
    const [a, b] = [groupOf.get(from), groupOf.get(to)]
    if (a === undefined || b === undefined || a === b) continue
    const key = JSON.stringify([a, b])
    const known = sums.get(key)
    const sum = traffic ? plus(known?.traffic, traffic) : known?.traffic
    sums.set(key, {
      from: `namespace/${a}`,
      to: `namespace/${b}`,
      configured: configured || (known?.configured ?? false),
      ...(issued === undefined && known?.issued === undefined
        ? {}
        : { issued: (issued ?? 0) + (known?.issued ?? 0), failed: (failed ?? 0) + (known?.failed ?? 0) }),
      ...(sum ? { traffic: sum } : {}),
    })
  }
  return {
    nodes: [...groups].map(([name, { members, endpoints, failing, traffic, policies }]) => ({
      ...{ id: `namespace/${name}`, kind: 'service' as const, name, namespace: name, endpoints, members, failing },
      ...(traffic ? { traffic } : {}),
      policies: [...policies],
    })),
    edges: [...sums.values()],
  }
}
