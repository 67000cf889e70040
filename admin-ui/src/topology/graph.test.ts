import { describe, expect, it } from 'vitest'
import { graphOf, MOST_NODES } from './graph.ts'
import { parseQuery, type Query } from './query.ts'

const node = (id: string, namespace = 'default') => ({
  ...{ id, kind: 'service' as const, name: id, namespace, endpoints: 1 },
  policies: [] as string[],
})
const edge = (from: string, to: string) => ({ from, to, configured: true })
const ALL = { namespace: '', query: '', lonely: false, around: '', hops: 1, find: [], hide: [] }
const asked = (text: string): Query => (parseQuery(text) as { query: Query }).query

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

  describe('with figures of the last minutes', () => {
    const recent = (requests: number, failed: number) => ({ recent: { seconds: 10, requests, failed } })
    const busy = {
      nodes: mesh.nodes,
      edges: [{ ...edge('a', 'b'), ...recent(20, 0) }, { ...edge('a', 'c'), ...recent(10, 5) }, edge('b', 'c')],
    }

    it('a node has what it gets; one that gets nothing, what it sends', () => {
      const { nodes } = graphOf(busy, ALL)
      expect(nodes.map(({ id, traffic }) => [id, traffic])).toEqual([
        ['a', { rate: 3, requests: 30, failed: 5 }],
        ['b', { rate: 2, requests: 20, failed: 0 }],
        ['c', { rate: 1, requests: 10, failed: 5 }],
      ])
    })

    it('a call has its percentiles; a sum of calls has none', () => {
      const timed = { ...recent(20, 0).recent, p50Ms: 5, p99Ms: 9 }
      const { nodes, edges } = graphOf({ ...busy, edges: [{ ...edge('a', 'b'), recent: timed }] }, ALL)
      expect(edges[0]?.traffic).toEqual({ rate: 2, requests: 20, failed: 0, p50Ms: 5, p99Ms: 9 })
      expect(nodes[1]?.traffic).toEqual({ rate: 2, requests: 20, failed: 0 })
    })

    it('hides calls and nodes, with what then has no call any more, and nothing that never had one', () => {
      const shown = (hide: string, more = {}) => {
        const { nodes, edges } = graphOf(busy, { ...ALL, ...more, hide: asked(hide) })
        return [nodes.map(({ id }) => id).join(), edges.map(({ from, to }) => from + to).join()]
      }
      expect(shown('idle')).toEqual(['a,b,c', 'ab,ac'])
      expect(shown('healthy')).toEqual(['a,c', 'ac'])
      expect(shown('name:b', { lonely: true })).toEqual(['a,c,alone', 'ac'])
      expect(shown('name:a')).toEqual(['b,c', 'bc'])
    })

    it('marks what is found, and shows the rest', () => {
      const { nodes, edges } = graphOf(busy, { ...ALL, find: asked('failing') })
      expect(nodes.map(({ id, found }) => [id, found])).toEqual([
        ['a', true],
        ['b', undefined],
        ['c', true],
      ])
      expect(edges.map(({ found }) => found)).toEqual([undefined, true, undefined])
    })

    it('a namespace has the sum of its own, and says how many of them fail', () => {
      const many = Array.from({ length: MOST_NODES + 1 }, (_, index) => node(`s${index}`, `ns${index % 2}`))
      const calls = many
        .slice(1)
        .map(({ id }, index) => ({ ...edge(many[index]!.id, id), ...recent(10, index < 4 ? 5 : 0) }))
      const { nodes, edges } = graphOf({ nodes: many, edges: calls }, ALL)
      expect(nodes.map(({ name, failing, traffic }) => [name, failing, traffic?.failed])).toEqual([
        ['ns0', 3, 15],
        ['ns1', 2, 10],
      ])
      expect(edges.map(({ traffic }) => traffic)).toEqual([
        { rate: 150, requests: 1_500, failed: 10 },
        { rate: 150, requests: 1_500, failed: 10 },
      ])
    })
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
