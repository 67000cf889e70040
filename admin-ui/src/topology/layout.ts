import { graphlib, layout } from '@dagrejs/dagre'
import type { Graph } from './model.ts'

/** Sizes of a node in the picture, px. */
export const NODE_WIDTH = 216
export const NODE_HEIGHT = 62
const [GAP_X, GAP_Y] = [34, 22]
/** Between callers and what they call: room for the figures. */
const GAP_CALLS = 150
const MARGIN = 12
/** Columns of the nodes that nobody calls, where nothing beside them is wider. */
const FEWEST_COLUMNS = 5

interface Place {
  readonly x: number
  readonly y: number
}

/** Lays graphs out; one that differs from the last in figures only keeps its places, and costs nothing. */
export function rememberedPlaces(): (graph: Graph) => ReadonlyMap<string, Place> {
  let last: { readonly shape: string; readonly places: ReadonlyMap<string, Place> } | undefined
  return (graph) => {
    const shape = shapeOf(graph)
    if (last?.shape !== shape) last = { shape, places: placesOf(graph) }
    return last.places
  }
}

/** Who is there and who calls whom, as a text. */
export function shapeOf({ nodes, edges }: Graph): string {
  return JSON.stringify([nodes.map(({ id }) => id), edges.map(({ from, to }) => [from, to])])
}

/** Places of nodes in layers from left to right; those without a call stand below, in rows. The same graph is always laid out the same. */
export function placesOf({ nodes, edges }: Graph): ReadonlyMap<string, Place> {
  const graph = new graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: GAP_Y, ranksep: GAP_CALLS, marginx: MARGIN, marginy: MARGIN })
  graph.setDefaultEdgeLabel(() => ({}))
  const called = new Set(edges.flatMap(({ from, to }) => [from, to]))
  const ids = nodes.map(({ id }) => id).sort()
  for (const id of ids) if (called.has(id)) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT })
  for (const { from, to } of edges) if (graph.hasNode(from) && graph.hasNode(to)) graph.setEdge(from, to)
  layout(graph)
  const places = new Map<string, Place>()
  let [right, bottom] = [0, 0]
  for (const id of graph.nodes()) {
    const { x, y } = graph.node(id) as Place
    places.set(id, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 })
    right = Math.max(right, x + NODE_WIDTH / 2)
    bottom = Math.max(bottom, y + NODE_HEIGHT / 2)
  }
  const columns = Math.max(FEWEST_COLUMNS, Math.floor((right + GAP_X) / (NODE_WIDTH + GAP_X)))
  const top = bottom === 0 ? MARGIN : bottom + 2 * GAP_Y
  const lonely = ids.filter((id) => !places.has(id))
  for (const [index, id] of lonely.entries())
    places.set(id, {
      x: MARGIN + (index % columns) * (NODE_WIDTH + GAP_X),
      y: top + Math.floor(index / columns) * (NODE_HEIGHT + GAP_Y),
    })
  return places
}
