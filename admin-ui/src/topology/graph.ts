import type { Topology, TopologyEdge, TopologyNode } from '../api/schema.ts'

/** A node of the picture: one of the topology, or a namespace that stands for all of its own. */
export interface GraphNode extends TopologyNode {
  /** How many it stands for, when it is a group. */
  readonly members?: number
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly TopologyEdge[]
  readonly grouped: boolean
}

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
}

/** What is shown of a topology: filtered, and by namespace when it is too much. A filter keeps the neighbours of what it finds. */
export function graphOf(topology: Topology, { namespace, query, lonely, around, hops }: GraphFilter): Graph {
  const { nodes, edges } = around === '' ? topology : neighbourhood(topology, around, hops)
  const words = query.toLowerCase().trim()
  const hit = (node: TopologyNode) =>
    (namespace === '' || node.namespace === namespace) && (words === '' || node.name.toLowerCase().includes(words))
  const found = new Set(nodes.filter(hit).map(({ id }) => id))
  const filtered = namespace !== '' || words !== ''
  const kept = edges.filter(({ from, to }) => (filtered ? found.has(from) || found.has(to) : true))
  const joined = new Set(kept.flatMap(({ from, to }) => [from, to]))
  const shown = nodes.filter(({ id }) => joined.has(id) || (found.has(id) && (lonely || filtered || id === around)))
  return shown.length > MOST_NODES ? byNamespace(shown, kept) : { nodes: shown, edges: kept, grouped: false }
}

/** A node, and those that calls lead to or from, over so many calls at most. */
function neighbourhood({ nodes, edges }: Topology, around: string, hops: number): Topology {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) {
    next.set(from, [...(next.get(from) ?? []), to])
    next.set(to, [...(next.get(to) ?? []), from])
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

function byNamespace(nodes: readonly TopologyNode[], edges: readonly TopologyEdge[]): Graph {
  const groups = new Map<string, { members: number; endpoints: number; policies: Set<string> }>()
  const groupOf = new Map<string, string>()
  for (const { id, namespace, endpoints, policies } of nodes) {
    const name = namespace || '–'
    groupOf.set(id, name)
    const group = groups.get(name) ?? { members: 0, endpoints: 0, policies: new Set() }
    group.members++
    group.endpoints += endpoints
    for (const topic of policies) group.policies.add(topic)
    groups.set(name, group)
  }
  const sums = new Map<string, TopologyEdge>()
  for (const { from, to, configured, issued, failed } of edges) {
    const [a, b] = [groupOf.get(from), groupOf.get(to)]
    if (a === undefined || b === undefined || a === b) continue
    const key = JSON.stringify([a, b])
    const known = sums.get(key)
    sums.set(key, {
      from: `namespace/${a}`,
      to: `namespace/${b}`,
      configured: configured || (known?.configured ?? false),
      ...(issued === undefined && known?.issued === undefined
        ? {}
        : { issued: (issued ?? 0) + (known?.issued ?? 0), failed: (failed ?? 0) + (known?.failed ?? 0) }),
    })
  }
  return {
    grouped: true,
    nodes: [...groups].map(([name, { members, endpoints, policies }]) => ({
      ...{ id: `namespace/${name}`, kind: 'service' as const, name, namespace: name, endpoints, members },
      policies: [...policies],
    })),
    edges: [...sums.values()],
  }
}
