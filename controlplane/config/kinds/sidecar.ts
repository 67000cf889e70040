import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { egressDuplicates, egressRule, ingressRule, sidecarRule } from '../rules/sidecar.ts'
import { checked, message, optional, required } from '../schema.ts'
import { strings, text, uint32 } from '../syntax/values.ts'
import { destination, workloadSelector } from './common.ts'
import { serverTlsSettings } from './server-tls.ts'
import { connectionPoolSettings } from './traffic-policy.ts'

const sidecarPort = message({
  number: optional(uint32, 'Port to listen on.'),
  protocol: optional(text, 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS and so on.'),
  name: optional(text, 'Name of the port.'),
  targetPort: optional(uint32, 'Port on the endpoint; without effect.', { deprecated: 'it has no effect' }),
})

const captureMode = z.enum(['DEFAULT', 'IPTABLES', 'NONE'])

const istioIngressListenerFields = message({
  port: required(sidecarPort, 'Port the sidecar accepts traffic on.'),
  bind: optional(text, 'Address to listen on.', { default: '0.0.0.0' }),
  captureMode: optional(captureMode, 'How traffic reaches the listener.', { default: 'DEFAULT' }),
  defaultEndpoint: optional(
    text,
    'Where the workload listens: `127.0.0.1:PORT`, `0.0.0.0:PORT`, `[::1]:PORT` or unix:///path. The wildcard addresses mean loopback. The port must be another than that of the listener where the listener has the same address.',
    { default: 'the same port on 127.0.0.1' },
  ),
  tls: optional(serverTlsSettings, 'TLS of the listener.'),
  connectionPool: optional(connectionPoolSettings, 'Limits of this port.'),
})
const istioIngressListener = checked(istioIngressListenerFields, ingressRule)
export type IstioIngressListener = z.infer<typeof istioIngressListenerFields>

const istioEgressListenerFields = message({
  port: optional(sidecarPort, 'Port to listen on; without one, all ports of the hosts.'),
  bind: optional(text, 'Address or UNIX domain socket to listen on.'),
  captureMode: optional(captureMode, 'How traffic reaches the listener.', { default: 'DEFAULT' }),
  hosts: required(
    strings,
    'Services visible, `namespace/host`; `.` is the own namespace, `*` all. `~namespace/host` takes out of the others, `~/*` everything.',
  ),
})
const istioEgressListener = checked(istioEgressListenerFields, egressRule)
export type IstioEgressListener = z.infer<typeof istioEgressListenerFields>

const outboundTrafficPolicy = message({
  mode: optional(z.enum(['REGISTRY_ONLY', 'ALLOW_ANY']), 'What happens to traffic for unknown hosts.'),
  egressProxy: optional(destination, 'Where traffic for unknown hosts goes.'),
})

const sidecarSpecFields = message({
  workloadSelector: optional(workloadSelector, 'Workloads of the namespace this is for; all when absent.'),
  ingress: optional(z.array(istioIngressListener), 'What the sidecar accepts for its workload.'),
  egress: optional(z.array(istioEgressListener), 'What the workload may reach.'),
  inboundConnectionPool: optional(connectionPoolSettings, 'Limits of the workload for inbound traffic.'),
  outboundTrafficPolicy: optional(outboundTrafficPolicy, 'What happens to traffic for unknown hosts.', {
    default: 'that of the Mesh document',
  }),
})
const sidecarSpec = checked(sidecarSpecFields, sidecarRule)
export type SidecarSpec = z.infer<typeof sidecarSpecFields>

export const sidecar: KindDefinition<SidecarSpec> = {
  kind: 'Sidecar',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'What a workload accepts and what it may reach.',
  compiled: true,
  schema: sidecarSpec,
  check: ({ egress = [] }, { namespace }, report) => {
    for (const [index, listener] of egress.entries())
      egressDuplicates(listener, namespace, (path, ...rest) => report(['spec', 'egress', index, ...path], ...rest))
  },
}
