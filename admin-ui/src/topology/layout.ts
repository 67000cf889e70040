import { graphlib, layout } from '@dagrejs/dagre'
import type { Graph } from './graph.ts'

export const NODE_WIDTH = 216
export const NODE_HEIGHT = 62

/** Places of nodes in layers from left to right. The same graph is always laid out the same. */
export function placesOf({ nodes, edges }: Graph): ReadonlyMap<string, { readonly x: number; readonly y: number }> {
  const graph = new graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 22, ranksep: 110, marginx: 12, marginy: 12 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { id } of [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1)))
    graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT })
  for (const { from, to } of edges) if (graph.hasNode(from) && graph.hasNode(to)) graph.setEdge(from, to)
  layout(graph)
  return new Map(
    nodes.map(({ id }) => {
      const { x, y } = graph.node(id) as { x: number; y: number }
      return [id, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }]
    }),
  )
}
