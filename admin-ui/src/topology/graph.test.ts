import { describe, expect, it } from 'vitest'
import { graphOf, MOST_NODES } from './graph.ts'

const node = (id: string, namespace = 'default') => ({
  ...{ id, kind: 'service' as const, name: id, namespace, endpoints: 1 },
  policies: [] as string[],
})
const edge = (from: string, to: string) => ({ from, to, configured: true })
const ALL = { namespace: '', query: '', lonely: false, around: '', hops: 1 }

describe('what is shown of a topology', () => {
  const mesh = { nodes: [node('a'), node('b'), node('c'), node('alone')], edges: [edge('a', 'b'), edge('b', 'c')] }

  it('leaves out what calls nobody and is called by nobody, unless asked for', () => {
    expect(graphOf(mesh, ALL).nodes.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(graphOf(mesh, { ...ALL, lonely: true }).nodes).toHaveLength(4)
  })

  it('keeps the neighbours of what a filter finds', () => {
    const { nodes, edges } = graphOf(mesh, { ...ALL, query: 'c' })
    expect(nodes.map(({ id }) => id)).toEqual(['b', 'c'])
    expect(edges).toEqual([edge('b', 'c')])
  })

  it('shows a node with what is one call away, or two, in both directions', () => {
    const names = (around: string, hops: number) => graphOf(mesh, { ...ALL, around, hops }).nodes.map(({ id }) => id)
    expect(names('b', 1)).toEqual(['a', 'b', 'c'])
    expect(names('a', 1)).toEqual(['a', 'b'])
    expect(names('a', 2)).toEqual(['a', 'b', 'c'])
    expect(names('alone', 3)).toEqual(['alone'])
  })

  it('groups by namespace what nobody could read, with sums of what was reported', () => {
    const many = Array.from({ length: MOST_NODES + 1 }, (_, index) => node(`s${index}`, `ns${index % 3}`))
    const edges = many.slice(1).map(({ id }, index) => ({ ...edge(many[index]!.id, id), issued: 2, failed: 1 }))
    const graph = graphOf({ nodes: many, edges }, ALL)
    expect(graph.grouped).toBe(true)
    expect(graph.nodes.map(({ name, members }) => [name, members])).toEqual([
      ['ns0', 101],
      ['ns1', 100],
      ['ns2', 100],
    ])
    const total = graph.edges.reduce((sum, { issued = 0 }) => sum + issued, 0)
    expect(total).toBe(2 * MOST_NODES)
  })
})
