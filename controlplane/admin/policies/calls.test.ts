import { describe, expect, it } from 'vitest'
import type { AdminContext } from '../context.ts'
import { recentCalls, reportedCalls } from './calls.ts'

type Load = { cluster: string; issued: number; failed: number }

/** @param loads by node id @param edges of access logs */
function context(loads: Readonly<Record<string, readonly Load[] | undefined>>, edges: readonly object[] = []) {
  return {
    status: { clients: () => Object.keys(loads).map((id) => ({ node: { id } })) },
    reports: { load: { clustersOf: (id: string) => loads[id] }, access: { allEdges: () => edges } },
  } as unknown as AdminContext
}

const edge = (workload: string, statuses: Readonly<Record<string, number>>, requests: number, connections = 0) => ({
  caller: { workload, namespace: 'shop' },
  cluster: 'outbound|80||a',
  requests,
  connections,
  statuses,
})

describe('calls that proxies reported', () => {
  it('are those of load reports; callers that send none are known by access logs', () => {
    const loads = { 'sidecar~10.0.0.1~web.shop~d': [{ cluster: 'outbound|80||a', issued: 5, failed: 1 }] }
    const edges = [edge('web', {}, 100), edge('job', { '2xx': 4, '5xx': 2, none: 1 }, 7, 2)]
    expect([...reportedCalls(context(loads, edges))]).toEqual([
      { workload: 'web.shop', cluster: 'outbound|80||a', issued: 5, failed: 1 },
      { workload: 'job.shop', cluster: 'outbound|80||a', issued: 9, failed: 3 },
    ])
  })

  it('are none of nodes whose id names no workload, or that have reported nothing', () => {
    const loads = { 'by-hand': [{ cluster: 'c', issued: 1, failed: 0 }], 'sidecar~10.0.0.1~web.shop~d': undefined }
    expect([...reportedCalls(context(loads, [edge('web', {}, 3)]))]).toEqual([
      { workload: 'web.shop', cluster: 'outbound|80||a', issued: 3, failed: 0 },
    ])
  })

  it('are none where nothing takes reports, and never more than a picture of them can be made of', () => {
    const { status } = context({})
    expect([...reportedCalls({ status })]).toEqual([])
    const many = Array.from({ length: 30_000 }, (_, i) => ({ cluster: `c${i}`, issued: 1, failed: 0 }))
    expect([...reportedCalls(context({ 'sidecar~10.0.0.1~web.shop~d': many }))]).toHaveLength(20_000)
    expect([
      ...reportedCalls(
        context(
          {},
          many.map((_, i) => edge(`w${i}`, {}, 1)),
        ),
      ),
    ]).toHaveLength(20_000)
  })
})

describe('calls of the last minutes', () => {
  const latency = new Map([[5, 1]])
  const recent = (requests: number, errors = 0) => ({ recent: { requests, errors, latency } })
  const figures = {
    calls: () => ({ seconds: 310, calls: [{ caller: 'web.shop', host: 'a', requests: 5, failed: 1, latency }] }),
  } as unknown as NonNullable<AdminContext['figures']>

  it('are those that were counted; callers nobody counts are known by access logs, in minutes of which the last one runs', () => {
    const edges = [
      { ...edge('web', {}, 100), ...recent(100) },
      { ...edge('job', {}, 7), ...recent(6, 2) },
      { ...edge('quiet', {}, 7), ...recent(0) },
      { ...edge('lost', {}, 7), cluster: '', ...recent(3) },
    ]
    const { reports } = context({}, edges)
    expect([...recentCalls({ reports, figures } as AdminContext, 300, 600_000 + 15_000)]).toEqual([
      { workload: 'web.shop', host: 'a', seconds: 310, requests: 5, failed: 1, latency },
      { workload: 'job.shop', host: 'a', seconds: 255, requests: 6, failed: 2, latency },
    ])
  })

  it('are none where nothing tells of any', () => {
    expect([...recentCalls({}, 300, 0)]).toEqual([])
  })
})
