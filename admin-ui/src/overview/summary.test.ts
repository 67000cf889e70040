import { describe, expect, it } from 'vitest'
import type { Proxy as MeshProxy } from '../api/schema.ts'
import { countHealth, countProxies } from './summary.ts'

describe('the overview', () => {
  it('counts proxies that are connected by their worst state, and those that left', () => {
    const proxies = [
      { connected: true, state: 'SYNCED' },
      { connected: true, state: 'STALE' },
      { connected: true, state: 'NACK' },
      { connected: false, state: 'NACK' },
    ] as unknown as MeshProxy[]
    expect(countProxies(proxies)).toEqual({ connected: 3, synced: 1, stale: 1, nack: 1, gone: 1 })
  })

  it('counts services by the share of requests that fail; one of which nobody tells has none', () => {
    const got = (hostname: string, requests: number, failed: number) => ({ hostname, requests, failed })
    const figures = [got('a', 1_000, 9), got('b', 1_000, 10), got('c', 10, 1), got('gone', 10, 10), got('d', 0, 0)]
    expect(countHealth(['a', 'b', 'c', 'd', 'e', 'e'], figures)).toEqual({
      failing: 1,
      degraded: 1,
      healthy: 1,
      idle: 2,
    })
  })
})
