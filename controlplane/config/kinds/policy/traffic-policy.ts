import * as z from 'zod'
import { checked, message, optional, type Report, required } from '../../schema.ts'
import { isIpAddress, portProblem } from '../../syntax/address.ts'
import { fqdnProblem } from '../../syntax/host.ts'
import { double, durationOrZero, text, uint32 } from '../../syntax/values.ts'
import { portSelector } from '../destination.ts'
import { clientTlsSettings } from './client-tls.ts'
import { connectionPoolSettings } from './connection-pool.ts'
import { loadBalancerSettings } from './load-balancer.ts'
import { outlierDetection } from './outlier-detection.ts'

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

const needsOutlier = 'failover needs outlierDetection: without it an endpoint is never seen as failed'

function failoverWarning(policy: TrafficPolicy | PortTrafficPolicy, report: Report): void {
  if (policy.outlierDetection) return
  for (const field of ['localityLbSetting', 'zoneAwareLbSetting'] as const) {
    const setting = policy.loadBalancer?.[field]
    if (setting?.failover?.length || setting?.failoverPriority?.length)
      report(['loadBalancer', field], needsOutlier, { code: 'FIELD_QUESTIONABLE' })
  }
}

function portPolicyRule(policy: PortTrafficPolicy, report: Report): void {
  if (!policy.port) report(['port'], 'port is required', { code: 'FIELD_REQUIRED' })
  if (!policy.loadBalancer && !policy.connectionPool && !policy.outlierDetection && !policy.tls)
    report([], 'settings of a port must have at least one field')
  failoverWarning(policy, report)
}

/** The settings of one port; what it sets replaces the same part of the policy around it. */
const portTrafficPolicy = checked(portTrafficPolicyFields, portPolicyRule)
export type PortTrafficPolicy = z.infer<typeof portTrafficPolicyFields>

const tunnelSettingsFields = message({
  protocol: optional(text, 'CONNECT or POST.', { default: 'CONNECT' }),
  targetHost: required(text, 'Host the tunnel leads to: a name or an IP address.'),
  targetPort: required(uint32, 'Port the tunnel leads to.'),
})

function tunnelRule(tunnel: TunnelSettings, report: Report): void {
  const { protocol = '' } = tunnel
  if (!['', 'CONNECT', 'POST'].includes(protocol)) report(['protocol'], 'the protocol of a tunnel is CONNECT or POST')
  const host = fqdnProblem(tunnel.targetHost)
  if (host && !isIpAddress(tunnel.targetHost)) report(['targetHost'], `neither a host name nor an IP address: ${host}`)
  const port = portProblem(tunnel.targetPort)
  if (port) report(['targetPort'], port)
}

const tunnelSettings = checked(tunnelSettingsFields, tunnelRule)
type TunnelSettings = z.infer<typeof tunnelSettingsFields>

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

function trafficPolicyRule(policy: TrafficPolicy, report: Report): void {
  const set = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0)
  if (!Object.values(policy).some(set)) report([], 'a traffic policy must have at least one field')
  if (policy.tunnel && policy.proxyProtocol)
    report(['proxyProtocol'], 'tunnel and proxyProtocol must not be set together', { code: 'FIELD_CONFLICT' })
  failoverWarning(policy, report)
}

/** What a DestinationRule says about traffic after routing. */
export const trafficPolicy = checked(trafficPolicyFields, trafficPolicyRule)
export type TrafficPolicy = z.infer<typeof trafficPolicyFields>
