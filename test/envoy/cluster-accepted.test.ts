import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { until } from '../helpers/eventually.ts'
import { clusterOf, MODES, startClusterBed } from './cluster-bed.ts'

/** Enough for every pair of settings to meet some time; a new seed is new ground, this one keeps failures repeatable. */
const POLICIES = 300
const SEED = 1

const count = fc.constantFrom(0, 1, 7, 2_147_483_647)
const uint32 = fc.constantFrom(0, 1, 5, 4_294_967_295)
const percent = fc.constantFrom(0, 1, 50, 100)
const duration = fc.constantFrom('1ms', '250ms', '1.5s', '1h', '8760h')
const place = fc.constantFrom('us', 'us/a', 'us/*', 'eu/x/1', '*')
const some = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shape, { requiredKeys: [] })

const connectionPool = some({
  tcp: some({
    maxConnections: count,
    connectTimeout: duration,
    tcpKeepalive: some({ probes: uint32, time: duration, interval: duration }),
    maxConnectionDuration: duration,
    idleTimeout: fc.oneof(duration, fc.constant('0s')),
  }),
  http: some({
    http1MaxPendingRequests: count,
    http2MaxRequests: count,
    maxRequestsPerConnection: count,
    maxRetries: count,
    idleTimeout: duration,
    h2UpgradePolicy: fc.constantFrom('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: fc.boolean(),
    maxConcurrentStreams: count,
    http2KeepAlive: fc.record({ interval: duration, timeout: duration }),
  }),
})

const outlierDetection = some({
  consecutiveErrors: count,
  consecutive5xxErrors: uint32,
  consecutiveGatewayErrors: uint32,
  splitExternalLocalOriginErrors: fc.boolean(),
  consecutiveLocalOriginFailures: uint32,
  interval: duration,
  baseEjectionTime: duration,
  maxEjectionPercent: percent,
  minHealthPercent: percent,
  outlierDetectionHttpErrorCodes: fc.array(fc.constantFrom(200, 404, 500, 599), { maxLength: 3 }),
})

const hashKey = fc.oneof(fc.record({ httpHeaderName: fc.constant('x-key') }), fc.record({ useSourceIp: fc.boolean() }))
const algorithm = fc.oneof(
  fc.constant({}),
  fc.record({ maglev: some({ tableSize: fc.constantFrom(2, 1021, 65_536, 65_537, 131_071) }) }),
  fc.record({ ringHash: some({ minimumRingSize: fc.constantFrom(0, 1, 4096, 20_000) }) }),
  fc.record({ minimumRingSize: fc.constantFrom(0, 1, 512) }),
)
const choice = fc.oneof(
  fc.constant({}),
  fc.record({
    simple: fc.constantFrom('UNSPECIFIED', 'LEAST_CONN', 'LEAST_REQUEST', 'RANDOM', 'ROUND_ROBIN', 'PASSTHROUGH'),
  }),
  fc.tuple(hashKey, algorithm).map(([key, how]) => ({ consistentHash: { ...key, ...how } })),
)
const loadBalancer = fc
  .tuple(
    choice,
    some({
      warmupDurationSecs: duration,
      warmup: fc.record(
        { duration, minimumPercent: percent, aggression: fc.constantFrom(0.1, 1, 10) },
        { requiredKeys: ['duration'] },
      ),
      localityLbSetting: some({
        enabled: fc.boolean(),
        distribute: fc.array(fc.record({ from: place, to: fc.dictionary(place, percent, { maxKeys: 3 }) }), {
          maxLength: 2,
        }),
        failover: fc.array(fc.record({ from: fc.constant('us'), to: fc.constant('eu') }), { maxLength: 1 }),
        failoverPriority: fc.array(fc.constantFrom('rack', 'rack=r1', 'topology.kubernetes.io/zone'), { maxLength: 2 }),
      }),
    }),
  )
  .map(([how, more]) => ({ ...how, ...more }))

const tls = fc.oneof(
  some({
    mode: fc.constantFrom('DISABLE', 'SIMPLE', 'ISTIO_MUTUAL', 'MUTUAL'),
    sni: fc.constant('shop.example'),
    insecureSkipVerify: fc.boolean(),
    subjectAltNames: fc.array(fc.constantFrom('a.example', 'spiffe://a/b', '10.0.0.1', 'a@b'), { maxLength: 2 }),
  }),
  fc.constant({ mode: 'SIMPLE', credentialName: 'shop' }),
)

const trafficPolicy = some({
  connectionPool,
  outlierDetection,
  loadBalancer,
  tls,
  proxyProtocol: some({ version: fc.constantFrom('V1', 'V2') }),
  retryBudget: some({ percent, minRetryConcurrency: uint32, budgetInterval: fc.oneof(duration, fc.constant('0s')) }),
  tunnel: fc.constant({ protocol: 'CONNECT', targetHost: 'ext.test', targetPort: 443 }),
})

const endpoint = fc.tuple(
  fc.record({
    address: fc.constantFrom('127.0.0.1', '10.0.0.1', '2001:db8::1', 'unix:///run/x.sock', 'localhost', ''),
  }),
  some({
    // The largest weight is rare: a hash ring that honours it has 8 million places.
    weight: fc.oneof({ weight: 40, arbitrary: fc.constantFrom(0, 1, 5, 100) }, fc.constant(4_294_967_295)),
    locality: fc.constantFrom('us/a', 'us/b', 'eu/x/1'),
    labels: fc.dictionary(fc.constantFrom('rack', 'version'), fc.constantFrom('r1', 'v1')),
  }),
)

const target = fc.record({
  resolution: fc.constantFrom('STATIC', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'NONE'),
  protocol: fc.constantFrom('http', 'grpc', 'tcp', 'https', 'redis'),
  endpoints: fc.array(
    endpoint.map(([where, more]) => ({ ...where, ...more })),
    { maxLength: 5 },
  ),
  trafficPolicy,
})

function documents(): { readonly yaml: string; readonly names: readonly string[] } {
  const samples = fc.sample(target, { numRuns: POLICIES, seed: SEED })
  const texts = samples.flatMap(({ resolution, protocol, endpoints, trafficPolicy: policy }, index) => {
    const metadata = { name: `s${index}` }
    const hosts = [`s${index}.test`]
    const ports = [{ number: 80, name: protocol }]
    return [
      { kind: 'ServiceEntry', metadata, spec: { hosts, resolution, ports, endpoints } },
      { kind: 'DestinationRule', metadata, spec: { host: hosts[0], trafficPolicy: policy } },
    ]
  })
  return {
    yaml: texts.map((text) => JSON.stringify(text)).join('\n---\n'),
    names: samples.map((_, index) => clusterOf(`s${index}`)),
  }
}

describe.each(MODES)('%s', (mode) => {
  test(`Envoy accepts ${POLICIES} clusters of random policies and endpoints`, async () => {
    const { yaml, names } = documents()
    const bed = await startClusterBed(mode, yaml, { region: 'us', zone: 'a' })
    const dump = await until(
      async () => (await bed.envoy.configDump())['ClustersConfigDump'],
      ({ dynamic_warming_clusters: warming = [] }) => warming.length === 0,
    )
    const accepted = dump.dynamic_active_clusters.map((one: { cluster: { name: string } }) => one.cluster.name)
    expect(accepted).toEqual(expect.arrayContaining([...names]))
    const rejected = Object.keys(await bed.envoy.rejected())
    // The machine may lack the file of CA certificates; nothing else may be refused.
    expect(rejected.filter((name) => !name.startsWith('sds.'))).toEqual([])
  })
})
