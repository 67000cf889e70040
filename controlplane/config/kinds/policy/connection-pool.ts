import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { parseDuration } from '../../syntax/duration.ts'
import { bool, duration, durationOrZero, int32, uint32 } from '../../syntax/values.ts'

export const tcpKeepalive = message({
  probes: optional(uint32, 'Unanswered probes after which the connection is dead.', {
    default: 'the operating system decides',
  }),
  time: optional(duration, 'Idle time before the first probe.', { default: 'the operating system decides' }),
  interval: optional(duration, 'Time between probes.', { default: 'the operating system decides' }),
})

const tcpSettings = message({
  maxConnections: optional(int32, 'Most connections to the host, for HTTP/1.1 and TCP.', { default: '2^32-1' }),
  connectTimeout: optional(duration, 'Longest time to open a connection.', { default: '10s' }),
  tcpKeepalive: optional(tcpKeepalive, 'SO_KEEPALIVE on connections to the host.'),
  maxConnectionDuration: optional(duration, 'Longest life of a connection.', { default: 'no limit' }),
  idleTimeout: optional(durationOrZero, 'How long a TCP connection may be idle; 0s means for ever.', { default: '1h' }),
})

const http2Keepalive = message({
  interval: optional(duration, 'Time between PING frames.'),
  timeout: optional(duration, 'How long to wait for the answer to a PING.'),
})

const httpSettings = message({
  http1MaxPendingRequests: optional(int32, 'Most requests that wait for a connection.', { default: '2^32-1' }),
  http2MaxRequests: optional(int32, 'Most requests in flight to the host.', { default: '2^32-1' }),
  maxRequestsPerConnection: optional(int32, 'Requests after which a connection is replaced; 1 turns keep-alive off.', {
    default: 'no limit',
  }),
  maxRetries: optional(int32, 'Most retries in flight to the host.', { default: '2^32-1' }),
  idleTimeout: optional(duration, 'How long a connection may have no request in flight.', { default: '1h' }),
  h2UpgradePolicy: optional(
    z.enum(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE']),
    'Whether HTTP/1.1 requests go upstream as HTTP/2.',
    {
      default: 'DEFAULT',
    },
  ),
  useClientProtocol: optional(bool, 'Speak upstream the protocol the caller speaks.', { default: 'false' }),
  maxConcurrentStreams: optional(int32, 'Most concurrent streams on one HTTP/2 connection.', { default: '2^31-1' }),
  http2KeepAlive: optional(http2Keepalive, 'PING frames on idle HTTP/2 connections.'),
})

const connectionPoolSettingsFields = message({
  tcp: optional(tcpSettings, 'Limits for connections.'),
  http: optional(httpSettings, 'Limits for HTTP requests.'),
})

const COUNTS = [
  'http1MaxPendingRequests',
  'http2MaxRequests',
  'maxRequestsPerConnection',
  'maxRetries',
  'maxConcurrentStreams',
] as const

function connectionPoolRule({ http, tcp }: ConnectionPoolSettings, report: Report): void {
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

/** Circuit breaking: how much may go to a host at the same time. */
export const connectionPoolSettings = checked(connectionPoolSettingsFields, connectionPoolRule)
export type ConnectionPoolSettings = z.infer<typeof connectionPoolSettingsFields>
