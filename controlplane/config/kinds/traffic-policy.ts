import * as z from 'zod'
import {
  clientTlsRule,
  connectionPoolRule,
  consistentHashRule,
  loadBalancerRule,
  outlierRule,
  portPolicyRule,
  trafficPolicyRule,
  tunnelRule,
} from '../rules/traffic-policy.ts'
import { checked, message, optional, required } from '../schema.ts'
import { bool, double, duration, durationOrZero, int32, strings, text, uint32, uint64 } from '../syntax/values.ts'
import { localityLbSetting, portSelector, zoneAwareLbSetting } from './common.ts'

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
/** Circuit breaking: how much may go to a host at the same time. */
export const connectionPoolSettings = checked(connectionPoolSettingsFields, connectionPoolRule)
export type ConnectionPoolSettings = z.infer<typeof connectionPoolSettingsFields>

const outlierDetectionFields = message({
  consecutiveErrors: optional(int32, 'Errors in a row before an endpoint is ejected; without effect.', {
    deprecated: 'use consecutiveGatewayErrors or consecutive5xxErrors',
  }),
  splitExternalLocalOriginErrors: optional(
    bool,
    'Count errors of this side (connect failure, timeout) apart from those of the endpoint.',
    {
      default: 'false',
    },
  ),
  consecutiveLocalOriginFailures: optional(uint32, 'Local errors in a row before ejection; 0 turns it off.', {
    default: '5',
    nullable: true,
  }),
  consecutiveGatewayErrors: optional(uint32, '502, 503, 504 in a row before ejection; 0 turns it off.', {
    default: '0',
    nullable: true,
  }),
  consecutive5xxErrors: optional(uint32, '5xx answers in a row before ejection; 0 turns it off.', {
    default: '5',
    nullable: true,
  }),
  interval: optional(duration, 'Time between two ejection sweeps.', { default: '10s' }),
  baseEjectionTime: optional(duration, 'Shortest ejection; it grows with every ejection of the same endpoint.', {
    default: '30s',
  }),
  maxEjectionPercent: optional(int32, 'Largest part of the endpoints that may be ejected, in percent.', {
    default: '10',
  }),
  minHealthPercent: optional(int32, 'Below this percentage of healthy endpoints all of them are used.', {
    default: '0',
  }),
  outlierDetectionHttpErrorCodes: optional(
    z.array(z.number().int().min(100).max(599)),
    'Status codes that count as errors instead of 5xx.',
  ),
})
/** When an endpoint that fails is taken out of the pool. */
const outlierDetection = checked(outlierDetectionFields, outlierRule)
export type OutlierDetection = z.infer<typeof outlierDetectionFields>

const httpCookie = message({
  name: required(text, 'Name of the cookie.'),
  path: optional(text, 'Path of a cookie that the proxy sets.'),
  ttl: optional(durationOrZero, 'Life of the cookie; 0s makes a session cookie. Without it the proxy never sets one.'),
  attributes: optional(
    z.array(
      message({
        name: required(text, 'Name of the attribute.'),
        value: optional(text, 'Value of the attribute.'),
      }),
    ),
    'Further attributes of a cookie that the proxy sets.',
  ),
})

const consistentHashFields = message(
  {
    httpHeaderName: optional(text, 'Hash the value of this request header.'),
    httpCookie: optional(httpCookie, 'Hash the value of this cookie.'),
    useSourceIp: optional(bool, "Hash the caller's address."),
    httpQueryParameterName: optional(text, 'Hash the value of this query parameter.'),
    ringHash: optional(
      message({ minimumRingSize: optional(uint64, 'Fewest places on the ring.', { default: '1024' }) }),
      'Use a hash ring.',
    ),
    maglev: optional(
      message({
        tableSize: optional(uint64, 'Size of the Maglev table, a prime number.', {
          default: '4093 up to 40 endpoints, else 65537',
        }),
      }),
      'Use a Maglev table; this is what a hash with no algorithm named gets.',
    ),
    minimumRingSize: optional(uint64, 'Fewest places on the ring.', { deprecated: 'use ringHash.minimumRingSize' }),
  },
  [
    ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
    ['ringHash', 'maglev'],
  ],
)
/** Same key, same endpoint. */
const consistentHash = checked(consistentHashFields, consistentHashRule)
export type ConsistentHash = z.infer<typeof consistentHashFields>

const warmup = message({
  duration: required(duration, 'How long a new endpoint gets less than its share.'),
  minimumPercent: optional(double.min(0).max(100), 'Share a new endpoint starts with, in percent.', {
    default: '10',
    nullable: true,
  }),
  aggression: optional(double.min(0), 'Shape of the rise: 1 is a straight line, more rises faster at the start.', {
    default: '1',
    nullable: true,
  }),
})

const backendUtilization = message({
  errorUtilizationPenaltyPercent: optional(uint32, 'What errors add to the utilization of an endpoint, in percent.'),
  metricNamesForComputingUtilization: optional(strings, 'Names of reported metrics to use.'),
  weightExpirationPeriod: optional(durationOrZero, 'How long a report counts.', { default: '3m' }),
  weightStabilizationPeriod: optional(durationOrZero, 'How long the first reports of an endpoint are not trusted.', {
    default: '10s',
  }),
  weightUpdatePeriod: optional(durationOrZero, 'Time between two computations of weights.', { default: '1s' }),
})
export type BackendUtilization = z.infer<typeof backendUtilization>

const loadBalancerSettingsFields = message(
  {
    simple: optional(
      z.enum(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']),
      'An algorithm without settings; LEAST_CONN is the old name of LEAST_REQUEST.',
      { default: 'LEAST_REQUEST' },
    ),
    consistentHash: optional(consistentHash, 'Same key, same endpoint.'),
    backendUtilization: optional(backendUtilization, 'Weights from the load endpoints report (ORCA).'),
    localityLbSetting: optional(
      localityLbSetting,
      'Which localities are preferred; overrides the setting of the mesh.',
    ),
    zoneAwareLbSetting: optional(
      zoneAwareLbSetting,
      "Prefer endpoints of the caller's zone as far as capacity allows.",
      {
        unsupported:
          'Envoy weighs the zones of a host against those of the service it stands beside, which only its bootstrap could name; use localityLbSetting',
      },
    ),
    warmupDurationSecs: optional(duration, 'How long a new endpoint gets less than its share.', {
      deprecated: 'use warmup',
    }),
    warmup: optional(warmup, 'Slow start of new endpoints, for ROUND_ROBIN and LEAST_REQUEST.'),
  },
  [['simple', 'consistentHash', 'backendUtilization']],
)
/** How one endpoint of many is chosen. */
const loadBalancerSettings = checked(loadBalancerSettingsFields, loadBalancerRule)
export type LoadBalancerSettings = z.infer<typeof loadBalancerSettingsFields>

const clientTlsSettingsFields = message({
  mode: optional(
    z.enum(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']),
    'Plain, TLS, or TLS with a client certificate.',
    {
      default: 'DISABLE',
    },
  ),
  clientCertificate: optional(text, 'File with the client certificate; needed for MUTUAL without credentialName.'),
  privateKey: optional(text, "File with the client's private key; needed for MUTUAL without credentialName."),
  caCertificates: optional(
    text,
    'File with the CA certificates that verify the server; `system` uses those of the machine.',
  ),
  credentialName: optional(text, 'Secret that holds the certificates, instead of files.'),
  subjectAltNames: optional(strings, "Names one of which the server's certificate must carry."),
  sni: optional(text, 'SNI to send.'),
  insecureSkipVerify: optional(bool, "Do not verify the server's certificate.", { nullable: true, default: 'false' }),
  caCrl: optional(text, 'File with the certificate revocation list.'),
})
/** TLS from the proxy to the host. */
export const clientTlsSettings = checked(clientTlsSettingsFields, clientTlsRule)
export type ClientTlsSettings = z.infer<typeof clientTlsSettingsFields>

const policyShape = {
  loadBalancer: optional(loadBalancerSettings, 'How an endpoint is chosen.'),
  connectionPool: optional(connectionPoolSettings, 'Circuit breaking: limits for connections and requests.'),
  outlierDetection: optional(outlierDetection, 'Ejection of endpoints that fail.'),
  tls: optional(clientTlsSettings, 'TLS to the host.'),
}

const portTrafficPolicyFields = message({
  port: optional(portSelector, 'Port of the service these settings are for.'),
  ...policyShape,
})
/** The settings of one port; what it sets replaces the same part of the policy around it. */
const portTrafficPolicy = checked(portTrafficPolicyFields, portPolicyRule)
export type PortTrafficPolicy = z.infer<typeof portTrafficPolicyFields>

const tunnelSettingsFields = message({
  protocol: optional(text, 'CONNECT or POST.', { default: 'CONNECT' }),
  targetHost: required(text, 'Host the tunnel leads to: a name or an IP address.'),
  targetPort: required(uint32, 'Port the tunnel leads to.'),
})
const tunnelSettings = checked(tunnelSettingsFields, tunnelRule)
export type TunnelSettings = z.infer<typeof tunnelSettingsFields>

const retryBudget = message({
  percent: optional(double.min(0).max(100), 'Retries allowed, in percent of active requests.', {
    default: '20',
    nullable: true,
  }),
  minRetryConcurrency: optional(uint32, 'Retries always allowed.', { default: '3' }),
  budgetInterval: optional(durationOrZero, 'Time over which requests are counted.'),
})
export type RetryBudget = z.infer<typeof retryBudget>

const trafficPolicyFields = message({
  ...policyShape,
  portLevelSettings: optional(z.array(portTrafficPolicy).max(4096), 'Settings for single ports.'),
  tunnel: optional(tunnelSettings, 'Reach the host through a CONNECT or POST tunnel.'),
  proxyProtocol: optional(
    message({ version: optional(z.enum(['V1', 'V2']), 'Version of the header.', { default: 'V1' }) }),
    'Send a PROXY protocol header upstream.',
  ),
  retryBudget: optional(retryBudget, 'Limits retries to a part of active requests.'),
})
/** What a DestinationRule says about traffic after routing. */
export const trafficPolicy = checked(trafficPolicyFields, trafficPolicyRule)
export type TrafficPolicy = z.infer<typeof trafficPolicyFields>
