import { fromBinary, toJson } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { encode } from '../../../proto/make.ts'
import { registry } from '../../../proto/registry.ts'
import { clusterJson, ruleWith, SHOP, scopeOf } from './fixture.ts'
import { compileCluster } from './index.ts'
import { type ClusterSettings, settingsBytes } from './settings.ts'

const PLAIN: ClusterSettings = {
  connectTimeoutMs: 10_000,
  pool: undefined,
  outlier: undefined,
  retryBudget: undefined,
  balancing: { loadBalancer: undefined, weighted: false, fewEndpoints: false },
  http: { protocol: 'http', autoSni: false, autoSanValidation: false },
}

it('equal settings are encoded once, whoever says them', () => {
  expect(settingsBytes({ ...PLAIN })).toBe(settingsBytes({ ...PLAIN }))
})

it.each<[string, Partial<ClusterSettings>]>([
  ['the time to connect', { connectTimeoutMs: 1000 }],
  ['the pool', { pool: { tcp: { maxConnections: 7 } } }],
  ['outlier detection', { outlier: { consecutive5xxErrors: 3 } }],
  ['the retry budget', { retryBudget: { percent: 10 } }],
  ['the load balancer', { balancing: { ...PLAIN.balancing!, loadBalancer: { simple: 'RANDOM' } } }],
  ['weights of localities', { balancing: { ...PLAIN.balancing!, weighted: true } }],
  ['that nothing is balanced', { balancing: undefined }],
  ['the protocol', { http: { ...PLAIN.http, protocol: 'grpc' } }],
  ['names from requests', { http: { ...PLAIN.http, autoSni: true } }],
])('%s makes another message', (_what, other) => {
  expect(Buffer.from(settingsBytes({ ...PLAIN, ...other })).equals(settingsBytes(PLAIN))).toBe(false)
})

it('the number of endpoints counts for a Maglev table without a size', () => {
  const loadBalancer = { consistentHash: { httpHeaderName: 'x-user' } }
  const sized = (fewEndpoints: boolean) =>
    JSON.stringify(
      toJson(
        ClusterSchema,
        fromBinary(
          ClusterSchema,
          settingsBytes({ ...PLAIN, balancing: { loadBalancer, weighted: false, fewEndpoints } }),
        ),
        { registry },
      ),
    )
  expect(sized(true)).toContain('4093')
  expect(sized(false)).toContain('65537')
})

it('settings that were let go of for others are made anew, the same', () => {
  const before = Buffer.from(settingsBytes(PLAIN))
  for (let ms = 1; ms < 600; ms++) settingsBytes({ ...PLAIN, connectTimeoutMs: ms })
  expect(Buffer.from(settingsBytes(PLAIN)).equals(before)).toBe(true)
})

it('a cluster of two parts is the message that was meant, each field once', () => {
  const policy = '{connectionPool: {tcp: {maxConnections: 7}}, tls: {mode: SIMPLE}, outlierDetection: {}}'
  const { bytes, message } = compileCluster(scopeOf(SHOP + ruleWith(policy)), 'outbound|80||shop.test')!
  expect(encode(ClusterSchema, message)).toHaveLength(bytes!.length)
  expect(clusterJson(scopeOf(SHOP + ruleWith(policy)), 'outbound|80||shop.test')).toMatchObject({
    name: 'outbound|80||shop.test',
    transportSocket: { name: 'envoy.transport_sockets.tls' },
    circuitBreakers: { thresholds: [{ maxConnections: 7 }] },
  })
})
