import { expect, it } from 'vitest'
import { NODE_HEIGHT, NODE_WIDTH, placesOf, rememberedPlaces } from './layout.ts'

const node = (id: string) => ({
  ...{ id, kind: 'service' as const, name: id, namespace: 'default', endpoints: 1, policies: [] as string[] },
})

it('callers stand left of what they call, nodes without calls in rows below, and no node on another', () => {
  const lonely = Array.from({ length: 130 }, (_, index) => `s${index}`)
  const nodes = ['a', 'b', 'c', ...lonely].map(node)
  const edges = [
    { from: 'a', to: 'b', configured: true },
    { from: 'b', to: 'c', configured: true },
  ]
  const places = placesOf({ nodes, edges, grouped: false })
  const at = (id: string) => places.get(id)!
  expect([at('a').x < at('b').x, at('b').x < at('c').x]).toEqual([true, true])
  expect(lonely.every((id) => at(id).y >= at('a').y + NODE_HEIGHT)).toBe(true)
  const all = [...places.values()]
  const meet = all.filter((one, i) =>
    all.some((two, j) => i < j && Math.abs(one.x - two.x) < NODE_WIDTH && Math.abs(one.y - two.y) < NODE_HEIGHT),
  )
  expect(meet).toEqual([])
  // Some rows, not one column that nobody can read.
  expect(Math.max(...all.map(({ y }) => y))).toBeLessThan(30 * (NODE_HEIGHT + 22))
})

it('figures that change move nothing, a node that comes does', () => {
  const layout = rememberedPlaces()
  const graph = { nodes: ['a', 'b'].map(node), edges: [{ from: 'a', to: 'b', configured: true }], grouped: false }
  const places = layout(graph)
  expect(layout({ ...graph, edges: [{ ...graph.edges[0]!, issued: 5 }] })).toBe(places)
  expect(layout({ ...graph, nodes: ['a', 'b', 'c'].map(node) }).size).toBe(3)
})
