import type { Random } from '../../../codecs/mutated.ts'
import { oneOf, someOf } from '../area.ts'

const TIMES = ['1s', '5s', '1.5s', '300ms', '1m', '2h'] as const
const PORTS = [80, 8080, 443, 7070, 9000] as const
const REGIONS = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'] as const

/** A traffic policy of a rule, of a subset, or with `ofPort` of one port. */
export function drawPolicy(any: Random, ofPort = false): object {
  const parts = {
    loadBalancer: () => drawLoadBalancer(any),
    outlierDetection: () => drawOutlier(any),
    connectionPool: () => drawPool(any),
    tls: () => drawTls(any),
    ...(!ofPort && {
      portLevelSettings: () => [
        ...new Map(
          [oneOf(any, PORTS), oneOf(any, PORTS)].map((number) => [
            number,
            { port: { number }, ...drawPolicy(any, true) },
          ]),
        ).values(),
      ],
      proxyProtocol: () => oneOf(any, [{}, { version: 'V2' }]),
      retryBudget: () =>
        fields(any, { percent: () => 33, budgetInterval: () => '5s', minRetryConcurrency: () => any(8) }),
    }),
  }
  const policy = fields(any, parts)
  return Object.keys(policy).length > 0 ? policy : { outlierDetection: drawOutlier(any) }
}

/** Each field with a chance of a half. */
function fields(any: Random, makers: Readonly<Record<string, () => unknown>>): Record<string, unknown> {
  return Object.fromEntries(someOf(any, Object.entries(makers)).map(([name, make]) => [name, make()]))
}

/** Where endpoints are preferred, for a rule or for the mesh. */
export function drawLocalitySetting(any: Random): object {
  const enabled = any(4) === 0 ? { enabled: any(2) === 0 } : {}
  const distribute = () => {
    const from = oneOf(any, [['r1/z1/s1', 'r1/z2/*'], ['r1/z1/*', 'r2'], ['*'], ['r1', 'r2']])
    const to = [{ 'r1/*': 80, 'r2/*': 20 }, { 'r1/z1/*': 70, 'r1/z2/*': 30 }, { r2: 100 }, { 'r1/*': 99, 'r3/*': 1 }]
    return { distribute: from.map((place) => ({ from: place, to: oneOf(any, to) })) }
  }
  const failover = [{ from: 'r1', to: 'r3' }]
  const priority = (names: readonly string[]) => {
    const chosen = someOf(any, names)
    return { failoverPriority: chosen.length > 0 ? chosen : [names[0]] }
  }
  const own = ['version', 'app=a', 'tier']
  return {
    ...enabled,
    ...oneOf(any, [
      distribute,
      () => ({ failover }),
      () => priority(['topology.istio.io/network', ...own, ...REGIONS]),
      () => ({ ...priority(own), failover }),
      () => ({}),
    ])(),
  }
}

function drawLoadBalancer(any: Random): object {
  const key = () =>
    oneOf(any, [{ httpHeaderName: 'x' }, { useSourceIp: true }, { httpCookie: { name: 'c', ttl: '0s' } }])
  const table = () =>
    oneOf(any, [{}, { ringHash: { minimumRingSize: 2048 } }, { maglev: { tableSize: 101 } }, { minimumRingSize: 512 }])
  const slow = () => fields(any, { minimumPercent: () => any(50), aggression: () => 2.5 })
  const algorithm = oneOf(any, [
    () => ({ consistentHash: { ...key(), ...table() } }),
    () => ({ simple: oneOf(any, ['RANDOM', 'UNSPECIFIED', 'LEAST_CONN']) }),
    () => ({ simple: 'ROUND_ROBIN', warmup: { duration: oneOf(any, TIMES), ...slow() } }),
    () => ({ simple: oneOf(any, ['LEAST_REQUEST', 'ROUND_ROBIN']), warmupDurationSecs: '30s' }),
    () => ({ simple: 'ROUND_ROBIN' }),
  ])()
  return { ...algorithm, ...(any(2) === 0 && { localityLbSetting: drawLocalitySetting(any) }) }
}

function drawOutlier(any: Random): object {
  const local = any(4) === 0 ? { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4 } : {}
  return {
    ...fields(any, {
      splitExternalLocalOriginErrors: () => true,
      consecutiveErrors: () => 3,
      consecutiveGatewayErrors: () => oneOf(any, [0, 3]),
      consecutive5xxErrors: () => oneOf(any, [0, 7]),
      interval: () => oneOf(any, TIMES),
      baseEjectionTime: () => oneOf(any, TIMES),
      maxEjectionPercent: () => oneOf(any, [0, 50, 100]),
      minHealthPercent: () => oneOf(any, [0, 30, 100]),
    }),
    ...local,
  }
}

function drawPool(any: Random): object {
  const count = () => oneOf(any, [0, 1, 100])
  const time = () => oneOf(any, TIMES)
  const keepalive = () =>
    fields(any, {
      probes: () => oneOf(any, [0, 9]),
      time: () => oneOf(any, ['1.4s', '1.6s', '2h']),
      interval: () => '75s',
    })
  const tcp = () =>
    fields(any, {
      maxConnections: count,
      connectTimeout: time,
      tcpKeepalive: keepalive,
      maxConnectionDuration: time,
      idleTimeout: () => oneOf(any, ['0s', '10s']),
    })
  const http = () => ({
    ...fields(any, {
      http1MaxPendingRequests: count,
      http2MaxRequests: count,
      maxRequestsPerConnection: count,
      maxRetries: count,
      idleTimeout: time,
    }),
    // With the caller's protocol Istio forgets what is said about HTTP/2.
    ...(any(4) === 0
      ? { useClientProtocol: true }
      : fields(any, {
          h2UpgradePolicy: () => oneOf(any, ['DEFAULT', 'UPGRADE', 'DO_NOT_UPGRADE']),
          maxConcurrentStreams: () => oneOf(any, [0, 10]),
          http2KeepAlive: () => ({ interval: '10s', timeout: '3s' }),
        })),
  })
  const pool = fields(any, { tcp, http })
  return Object.keys(pool).length > 0 ? pool : { tcp: tcp() }
}

function drawTls(any: Random): object {
  const mode = oneOf(any, ['DISABLE', 'SIMPLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'])
  if (mode === 'DISABLE') return { mode }
  return {
    mode,
    ...fields(any, {
      sni: () => 'sni.test',
      subjectAltNames: () => oneOf(any, [['a.test'], ['spiffe://x/y', 'b.test']]),
      ...(mode !== 'ISTIO_MUTUAL' && { insecureSkipVerify: () => any(4) === 0 }),
    }),
    ...(mode === 'MUTUAL' && { clientCertificate: '/etc/c.pem', privateKey: '/etc/k.pem' }),
    ...(mode !== 'ISTIO_MUTUAL' && any(2) === 0 && { caCertificates: '/etc/ca.pem' }),
  }
}
