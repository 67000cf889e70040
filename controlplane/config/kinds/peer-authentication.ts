import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional } from '../schema.ts'
import { matchLabelsSelector } from './selectors.ts'

const mutualTls = message({
  mode: optional(z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']), 'Plain, both, or TLS only.', {
    default: 'that of the parent',
  }),
})

const peerAuthenticationFields = message({
  selector: optional(matchLabelsSelector, 'Workloads of the namespace this is for; all when absent.'),
  mtls: optional(mutualTls, 'Mutual TLS of all ports.'),
  portLevelMtls: optional(z.record(z.string(), mutualTls), 'Mutual TLS of single ports; needs a selector.'),
})
const peerAuthenticationSpec = checked(peerAuthenticationFields, ({ selector, portLevelMtls }, report) => {
  if (!portLevelMtls) return
  const ports = Object.keys(portLevelMtls)
  if (ports.length === 0) report(['portLevelMtls'], 'portLevelMtls should have at least 1 properties')
  if (Object.keys(selector?.matchLabels ?? {}).length === 0)
    report(['portLevelMtls'], 'portLevelMtls requires selector')
  for (const port of ports)
    if (!/^\d{1,9}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
      report(['portLevelMtls', port], `port must be between 1-65535, not ${JSON.stringify(port)}`)
})
export type PeerAuthenticationSpec = z.infer<typeof peerAuthenticationFields>

export const peerAuthentication: KindDefinition<PeerAuthenticationSpec> = {
  kind: 'PeerAuthentication',
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  doc: 'Whether workloads accept plain connections, mutual TLS or both.',
  compiled: false,
  instead:
    'plain connections are taken as before: open a port for TLS by ingress of a Sidecar, and have the workload listen on loopback alone',
  schema: peerAuthenticationSpec,
}
