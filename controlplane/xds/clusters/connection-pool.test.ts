import { expect, test } from 'vitest'
import { clusterJson, clusterWith, SHOP, scopeOf } from './fixture.ts'

const UNLIMITED = 0xffff_ffff

test('without a rule nothing is limited, and the mesh gives the connect time-out', () => {
  const cluster = clusterJson(scopeOf(SHOP), 'outbound|80||shop.test')
  expect(cluster.connectTimeout).toBe('10s')
  expect(cluster.circuitBreakers).toEqual({
    thresholds: [
      {
        maxConnections: UNLIMITED,
        maxPendingRequests: UNLIMITED,
        maxRequests: UNLIMITED,
        maxRetries: UNLIMITED,
        trackRemaining: true,
      },
    ],
  })
  expect(cluster.upstreamConnectionOptions).toBeUndefined()
})

test('limits become circuit breakers; 0 is no limit', () => {
  const cluster = clusterWith(`connectionPool:
  tcp: {maxConnections: 3, connectTimeout: 250ms}
  http: {http1MaxPendingRequests: 4, http2MaxRequests: 5, maxRetries: 0}`)
  expect(cluster.connectTimeout).toBe('0.250s')
  expect(cluster.circuitBreakers.thresholds).toMatchObject([
    { maxConnections: 3, maxPendingRequests: 4, maxRequests: 5, maxRetries: UNLIMITED },
  ])
})

test('a retry budget has its defaults', () => {
  const [threshold] = clusterWith('{retryBudget: {budgetInterval: 10s}}').circuitBreakers.thresholds
  expect(threshold.retryBudget).toEqual({
    budgetPercent: { value: 20 },
    budgetInterval: '10s',
    minRetryConcurrency: 3,
  })
})

test('TCP keepalive is in whole seconds, at least one; what is absent the system decides', () => {
  const keepalive = (text: string) =>
    clusterWith(`{connectionPool: {tcp: {tcpKeepalive: ${text}}}}`).upstreamConnectionOptions.tcpKeepalive
  expect(keepalive('{probes: 3, time: 7200s, interval: 10ms}')).toEqual({
    keepaliveProbes: 3,
    keepaliveTime: 7200,
    keepaliveInterval: 1,
  })
  expect(keepalive('{time: 1.9s}')).toEqual({ keepaliveTime: 1 })
  expect(keepalive('{}')).toEqual({})
})
