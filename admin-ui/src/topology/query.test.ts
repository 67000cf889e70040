import { describe, expect, it } from 'vitest'
import type { GraphEdge, GraphNode } from './model.ts'
import { findsEdge, findsNode, parseQuery, type Query } from './query.ts'

const node = (name: string, more: Partial<GraphNode> = {}): GraphNode => ({
  ...{ id: name, kind: 'service', name, namespace: 'shop', endpoints: 1, policies: [] },
  ...more,
})
const traffic = (rate: number, failedPercent = 0) => ({
  traffic: { rate, requests: rate * 100, failed: rate * failedPercent },
})
const edge = (more: Partial<GraphEdge> = {}): GraphEdge => ({ from: 'a', to: 'b', configured: true, ...more })
const nodes = [
  node('cart.shop', { ...traffic(20, 50), policies: ['fault', 'split'] }),
  node('web.front', { ...traffic(5, 2), namespace: 'front' }),
  node('edge', { ...traffic(1), kind: 'gateway' }),
  node('alone'),
]

function query(text: string): Query {
  const parsed = parseQuery(text)
  if ('wrong' in parsed) throw new Error(parsed.wrong)
  return parsed.query
}
const found = (text: string) => nodes.filter((one) => findsNode(query(text), one)).map(({ name }) => name)

describe('what is looked for in a topology', () => {
  it.each([
    ['', []],
    ['shop', ['cart.shop']],
    ['SHOP or edge', ['cart.shop', 'edge']],
    ['o !shop', ['web.front', 'alone']],
    ['ns:front', ['web.front']],
    ['kind:gateway', ['edge']],
    ['policy:FAULT', ['cart.shop']],
    ['failing', ['cart.shop']],
    ['degraded', ['web.front']],
    ['healthy', ['edge']],
    ['idle', ['alone']],
    ['!idle !failing', ['web.front', 'edge']],
    ['rate>=5', ['cart.shop', 'web.front']],
    ['rate<5', ['edge', 'alone']],
    ['failed>1.5% rate<=5', ['web.front']],
    ['or or', []],
  ])('%s', (text, names) => {
    expect(found(text)).toEqual(names)
  })

  it('calls have figures, and no names: neither a name nor its opposite finds them', () => {
    const finds = (text: string, one: GraphEdge) => findsEdge(query(text), one)
    expect([finds('idle', edge()), finds('idle', edge(traffic(1)))]).toEqual([true, false])
    expect([finds('failing', edge(traffic(1, 10))), finds('rate>2 failed>1', edge(traffic(3, 2)))]).toEqual([
      true,
      true,
    ])
    expect([finds('shop', edge()), finds('!shop', edge()), finds('idle !shop', edge())]).toEqual([false, false, false])
    expect(finds('!shop or idle', edge())).toBe(true)
    const slow = edge({ traffic: { ...traffic(1).traffic, p99Ms: 300 } })
    expect([finds('p99>250', slow), finds('p99>250ms', edge()), finds('p50<9', slow)]).toEqual([true, false, false])
    expect(found('p99>0')).toEqual([])
  })

  it.each([
    ['rate=5', 'rate=5'],
    ['latency>5', 'latency>5'],
    ['cart size:3', 'size:3'],
    ['!', '!'],
    ['"cart"', '"cart"'],
    ['toString>1', 'tostring>1'],
    ['constructor:a', 'constructor:a'],
  ])('what it does not know is told: %s', (text, wrong) => {
    expect(parseQuery(text)).toEqual({ wrong })
  })
})
