import type {
  ClientTlsSettings,
  ConnectionPoolSettings,
  ConsistentHash,
  LoadBalancerSettings,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
  TunnelSettings,
} from '../kinds/traffic-policy.ts'
import type { Report } from '../schema.ts'
import { isIpAddress, portProblem } from '../syntax/address.ts'
import { parseDuration } from '../syntax/duration.ts'
import { fqdnProblem } from '../syntax/host.ts'

const MAX_MAGLEV = 5_000_011

/** Whether Envoy takes the number for a prime (the size of a Maglev table must be one). */
function isPrime(value: number): boolean {
  if (value < 4) return value > 0
  if (value % 2 === 0) return false
  for (let factor = 3; factor * factor <= value; factor += 2) if (value % factor === 0) return false
  return true
}

export function consistentHashRule(hash: ConsistentHash, report: Report): void {
  if (hash.minimumRingSize !== undefined && hash.minimumRingSize !== 0 && (hash.ringHash || hash.maglev))
    report(['minimumRingSize'], 'minimumRingSize excludes ringHash and maglev', { code: 'FIELD_CONFLICT' })
  if (hash.httpCookie) {
    if (hash.httpCookie.name === '') report(['httpCookie', 'name'], 'the name of the cookie must not be empty')
    const names = new Set<string>()
    for (const [index, { name }] of (hash.httpCookie.attributes ?? []).entries()) {
      if (name === '')
        report(['httpCookie', 'attributes', index, 'name'], 'the name of the attribute must not be empty')
      else if (names.has(name))
        report(['httpCookie', 'attributes', index, 'name'], `duplicate cookie attribute ${name}`)
      names.add(name)
    }
  }
  const size = hash.maglev?.tableSize
  // An empty `maglev: {}` asks for Envoy's table size; only a number that is written must be right.
  if (size === undefined) return
  if (size === 0) report(['maglev', 'tableSize'], 'tableSize must be set for maglev')
  else if (size >= MAX_MAGLEV) report(['maglev', 'tableSize'], `tableSize must be less than ${MAX_MAGLEV}`)
  else if (!isPrime(size)) report(['maglev', 'tableSize'], `tableSize must be a prime number, ${size} is none`)
}

export function loadBalancerRule(settings: LoadBalancerSettings, report: Report): void {
  if (settings.simple === 'LEAST_CONN')
    report(['simple'], 'LEAST_CONN is the old name of LEAST_REQUEST', {
      code: 'FIELD_DEPRECATED',
      hint: 'write LEAST_REQUEST',
    })
  if (settings.localityLbSetting && settings.zoneAwareLbSetting)
    report(['zoneAwareLbSetting'], 'only one of localityLbSetting and zoneAwareLbSetting can be set', {
      code: 'FIELD_CONFLICT',
    })
  if (settings.warmup?.aggression === 0) report(['warmup', 'aggression'], 'aggression must be greater than 0')
  const slow = settings.warmup ? 'warmup' : settings.warmupDurationSecs === undefined ? undefined : 'warmupDurationSecs'
  const supported = settings.simple === undefined || !['RANDOM', 'PASSTHROUGH'].includes(settings.simple)
  if (slow && (settings.consistentHash || !supported))
    report([slow], 'slow start works with ROUND_ROBIN and LEAST_REQUEST only', { code: 'FIELD_NO_EFFECT' })
}

export function outlierRule(outlier: OutlierDetection, report: Report): void {
  if (!outlier.splitExternalLocalOriginErrors && (outlier.consecutiveLocalOriginFailures ?? 0) > 0)
    report(
      ['consecutiveLocalOriginFailures'],
      'consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true',
    )
  for (const field of ['maxEjectionPercent', 'minHealthPercent'] as const) {
    const value = outlier[field] ?? 0
    if (value < 0 || value > 100) report([field], `percentage ${value} is not in range 0..100`)
  }
}

const COUNTS = [
  'http1MaxPendingRequests',
  'http2MaxRequests',
  'maxRequestsPerConnection',
  'maxRetries',
  'maxConcurrentStreams',
] as const

export function connectionPoolRule({ http, tcp }: ConnectionPoolSettings, report: Report): void {
  if (!http && !tcp) report([], 'a connection pool must have at least one of http and tcp')
  for (const field of COUNTS) if ((http?.[field] ?? 0) < 0) report(['http', field], `${field} must not be negative`)
  if ((tcp?.maxConnections ?? 0) < 0) report(['tcp', 'maxConnections'], 'maxConnections must not be negative')
  if (http?.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol)
    report(['http', 'useClientProtocol'], 'useClientProtocol must not be true when h2UpgradePolicy is UPGRADE', {
      code: 'FIELD_CONFLICT',
    })
  const keepalive = http?.http2KeepAlive
  if (keepalive && keepalive.interval === undefined)
    report(['http', 'http2KeepAlive', 'interval'], 'interval is required', { code: 'FIELD_REQUIRED' })
  if (keepalive && keepalive.timeout === undefined)
    report(['http', 'http2KeepAlive', 'timeout'], 'timeout is required', { code: 'FIELD_REQUIRED' })
  const idle = tcp?.idleTimeout === undefined ? undefined : parseDuration(tcp.idleTimeout)
  if (idle !== undefined && idle !== 0 && idle < 1)
    report(['tcp', 'idleTimeout'], 'must be 0s or a valid duration greater than 1ms')
}

export function clientTlsRule(tls: ClientTlsSettings, report: Report): void {
  const { mode = 'DISABLE' } = tls
  const files = ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const
  if (/^configmap:\/\/(?![^/]+\/[^/])/.test(tls.credentialName ?? ''))
    report(['credentialName'], 'configmap:// needs a namespace and a name: configmap://namespace/name')
  if (tls.insecureSkipVerify) {
    const forbidden = {
      SIMPLE: ['caCertificates', 'credentialName'],
      MUTUAL: ['caCertificates'],
      DISABLE: [],
      ISTIO_MUTUAL: [],
    } as const
    for (const field of forbidden[mode])
      if (tls[field]) report([field], `${field} contradicts insecureSkipVerify: true`, { code: 'FIELD_CONFLICT' })
    if ((mode === 'SIMPLE' || mode === 'MUTUAL') && (tls.subjectAltNames?.length ?? 0) > 0)
      report(['subjectAltNames'], 'subjectAltNames contradicts insecureSkipVerify: true', { code: 'FIELD_CONFLICT' })
  }
  if ((mode === 'SIMPLE' || mode === 'MUTUAL') && tls.credentialName) {
    for (const field of files)
      if (tls[field])
        report([field], `${field} and credentialName exclude each other: the secret holds the certificates`, {
          code: 'FIELD_CONFLICT',
        })
    return
  }
  if (mode !== 'MUTUAL') return
  for (const field of ['clientCertificate', 'privateKey'] as const)
    if (!tls[field])
      report([field], `${field} is required for MUTUAL without credentialName`, { code: 'FIELD_REQUIRED' })
}

export function tunnelRule(tunnel: TunnelSettings, report: Report): void {
  const { protocol = '' } = tunnel
  if (!['', 'CONNECT', 'POST'].includes(protocol)) report(['protocol'], 'the protocol of a tunnel is CONNECT or POST')
  const host = fqdnProblem(tunnel.targetHost)
  if (host && !isIpAddress(tunnel.targetHost)) report(['targetHost'], `neither a host name nor an IP address: ${host}`)
  const port = portProblem(tunnel.targetPort)
  if (port) report(['targetPort'], port)
}

const needsOutlier = 'failover needs outlierDetection: without it an endpoint is never seen as failed'

function failoverWarning(policy: TrafficPolicy | PortTrafficPolicy, report: Report): void {
  if (policy.outlierDetection) return
  for (const field of ['localityLbSetting', 'zoneAwareLbSetting'] as const) {
    const setting = policy.loadBalancer?.[field]
    if (setting?.failover?.length || setting?.failoverPriority?.length)
      report(['loadBalancer', field], needsOutlier, { code: 'FIELD_QUESTIONABLE' })
  }
}

export function portPolicyRule(policy: PortTrafficPolicy, report: Report): void {
  if (!policy.port) report(['port'], 'port is required', { code: 'FIELD_REQUIRED' })
  if (!policy.loadBalancer && !policy.connectionPool && !policy.outlierDetection && !policy.tls)
    report([], 'settings of a port must have at least one field')
  failoverWarning(policy, report)
}

export function trafficPolicyRule(policy: TrafficPolicy, report: Report): void {
  const set = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0)
  if (!Object.values(policy).some(set)) report([], 'a traffic policy must have at least one field')
  if (policy.tunnel && policy.proxyProtocol)
    report(['proxyProtocol'], 'tunnel and proxyProtocol must not be set together', { code: 'FIELD_CONFLICT' })
  failoverWarning(policy, report)
}
