import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../ads/index.ts'
import type { ClientStatus } from '../status/book.ts'
import type { AdminContext } from './context.ts'
import { proxyStatus } from './proxies.ts'

/** What a proxy with clusters on demand is told to be short of, when its status is this. */
function noticesOf(status: Partial<ClientStatus>, unansweredMs?: number): readonly string[] | undefined {
  const cds = { type: 'cds', state: 'STALE', wildcard: false, names: 3 }
  const client = {
    node: { id: 'sidecar~1~web-1.shop~x', cluster: 'c', metadata: {}, locality: {}, userAgent: 'envoy/1.39.3' },
    class: 'K',
    form: 'delta',
    lazy: true,
    spentNames: 0,
    connectedAt: 0,
    types: [{ ...cds, ...(unansweredMs !== undefined && { unansweredSince: Date.now() - unansweredMs }) }],
    ...status,
  } as unknown as ClientStatus
  const context = {
    memory: { figures: () => ({ workload: 'w', learned: 0, evicted: 0 }) },
    mesh: {},
  } as unknown as AdminContext
  return proxyStatus(client, context).onDemand?.notices
}

test('a proxy that is well is told nothing of', () => {
  expect(noticesOf({}, 100)).toEqual([])
  expect(noticesOf({ spentNames: DEFAULT_LIMITS.spentNames })).toEqual([])
})

test('a proxy that acknowledges its clusters late can start no other: that is told while it is connected', () => {
  const notice = 'it has not acknowledged its clusters for 5 s: it can start no other on demand meanwhile'
  expect(noticesOf({}, 5000)).toEqual([notice])
  expect(noticesOf({ disconnectedAt: Date.now() }, 5000)).toEqual([])
})

test('a proxy that remembers too many clusters that went keeps what it has: that is told', () => {
  expect(noticesOf({ spentNames: DEFAULT_LIMITS.spentNames + 1 })).toEqual([
    expect.stringContaining('remembers the names of 10001 clusters'),
  ])
})

test('nothing is said of clusters on demand where a proxy has all of them', () => {
  expect(noticesOf({ lazy: false }, 5000)).toBeUndefined()
})
