import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, type Report, required } from '../schema.ts'
import {
  ipProblem,
  isIpAddress,
  localEndpointProblem,
  portProblem,
  UNIX_PREFIX,
  unixPathProblem,
} from '../syntax/address.ts'
import { fqdnProblem, isDnsLabel, scopedHostProblems, shown } from '../syntax/host.ts'
import { protocolClass, protocolProblem } from '../syntax/protocol.ts'
import { strings, text, uint32 } from '../syntax/values.ts'
import { destination } from './destination.ts'
import { connectionPoolSettings } from './policy/connection-pool.ts'
import { workloadSelector } from './selectors.ts'
import { serverTlsSettings } from './server-tls.ts'

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

function portRule(port: NonNullable<IstioEgressListener['port']>, report: Report): void {
  if (port.targetPort) report(['targetPort'], 'targetPort has no effect in a Sidecar and is not allowed')
  if (port.name && !isDnsLabel(port.name))
    report(['name'], `${shown(port.name)} is no port name: it must be a DNS label`)
  const problem = protocolProblem(port.protocol ?? '')
  if (problem) report(['protocol'], problem)
}

const NO_CAPTURE =
  'IPTABLES is not supported: nothing redirects traffic here, workloads call the listeners of the proxy'

function ingressRule(listener: IstioIngressListener, report: Report): void {
  const { port, bind, defaultEndpoint, tls, connectionPool } = listener
  portRule(port, (path, ...rest) => report(['port', ...path], ...rest))
  if (listener.captureMode === 'IPTABLES') report(['captureMode'], NO_CAPTURE, { code: 'FIELD_UNSUPPORTED' })
  const number = portProblem(port.number ?? 0)
  if (number) report(['port', 'number'], number)
  const address = bind ? ipProblem(bind) : undefined
  if (address) report(['bind'], address)
  const endpoint = defaultEndpoint ? localEndpointProblem(defaultEndpoint) : undefined
  if (endpoint) report(['defaultEndpoint'], endpoint)
  if (tls) {
    const forbidden = [
      'subjectAltNames',
      'httpsRedirect',
      'credentialName',
      'credentialNames',
      'tlsCertificates',
    ] as const
    for (const field of forbidden) {
      const value = tls[field]
      if (Array.isArray(value) ? value.length > 0 : value)
        report(['tls', field], `${field} is not supported at a Sidecar`)
    }
    if (tls.mode === 'ISTIO_MUTUAL' || tls.mode === 'AUTO_PASSTHROUGH')
      report(
        ['tls', 'mode'],
        `a Sidecar's ingress cannot be ${tls.mode}: write SIMPLE or MUTUAL, and name the files of the workload (serverCertificate, privateKey, with MUTUAL caCertificates)`,
      )
    if (protocolClass(port.protocol ?? '') !== 'tls') report(['tls'], 'tls is for ports of protocol HTTPS or TLS')
  }
  if (connectionPool?.http && protocolClass(port.protocol ?? '') !== 'http')
    report(['connectionPool', 'http'], 'HTTP settings have no effect on a port that is not HTTP', {
      code: 'FIELD_NO_EFFECT',
    })
}

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

function egressRule(listener: IstioEgressListener, report: Report): void {
  const { port, bind = '', captureMode = 'DEFAULT', hosts } = listener
  if (captureMode === 'IPTABLES') report(['captureMode'], NO_CAPTURE, { code: 'FIELD_UNSUPPORTED' })
  if (port) {
    portRule(port, (path, ...rest) => report(['port', ...path], ...rest))
    const number = port.number ?? 0
    if (number === 0) {
      const problem = bind.startsWith(UNIX_PREFIX)
        ? unixPathProblem(bind.slice(UNIX_PREFIX.length))
        : 'a port of 0 needs a UNIX domain socket to bind to'
      if (problem) report(['bind'], problem)
      if (captureMode === 'IPTABLES')
        report(['captureMode'], 'captureMode must be DEFAULT or NONE for a UNIX domain socket')
    } else {
      const problem = portProblem(number)
      if (problem) report(['port', 'number'], problem)
      const address = bind === '' ? undefined : ipProblem(bind)
      if (address) report(['bind'], address)
    }
  }
  if (hosts.length === 0) report(['hosts'], 'an egress listener must have at least one host')
  for (const [index, host] of hosts.entries())
    for (const problem of scopedHostProblems(host, 'sidecar', isIpAddress)) report(['hosts', index], problem)
}

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

function sidecarRule(spec: SidecarSpec, report: Report): void {
  const { ingress = [], egress = [], outboundTrafficPolicy: outbound } = spec
  if (ingress.length === 0 && egress.length === 0 && !outbound && !spec.inboundConnectionPool)
    report([], 'a Sidecar must have at least one of ingress, egress, outboundTrafficPolicy and inboundConnectionPool')
  const inbound = new Set<number>()
  for (const [index, { port }] of ingress.entries()) {
    if (inbound.has(port.number ?? 0))
      report(['ingress', index, 'port', 'number'], `ports of listeners must be unique, ${port.number} is not`)
    inbound.add(port.number ?? 0)
  }
  const ports = new Set<number>()
  const sockets = new Set<string>()
  for (const [index, { port, bind = '' }] of egress.entries()) {
    if (!port) {
      if (index < egress.length - 1)
        report(['egress', index], 'the egress listener without a port must be the last one')
      continue
    }
    const number = port.number ?? 0
    if (number === 0 && sockets.has(bind))
      report(['egress', index, 'bind'], 'UNIX domain sockets of listeners must be unique')
    else if (number !== 0 && ports.has(number))
      report(['egress', index, 'port', 'number'], `ports of listeners must be unique, ${number} is not`)
    if (number === 0) sockets.add(bind)
    else ports.add(number)
  }
  const proxy = outbound?.egressProxy
  if (!proxy) return
  const at = ['outboundTrafficPolicy', 'egressProxy']
  if (outbound.mode !== 'ALLOW_ANY') report(at, 'egressProxy needs the mode ALLOW_ANY')
  const host = fqdnProblem(proxy.host)
  if (host) report([...at, 'host'], host)
  if (!proxy.port) report([...at, 'port'], 'port is required', { code: 'FIELD_REQUIRED' })
}

const sidecarSpec = checked(sidecarSpecFields, sidecarRule)
export type SidecarSpec = z.infer<typeof sidecarSpecFields>

/** Whether the workloads of a Sidecar get clusters on demand, whatever the Mesh says. */
export const LAZY_ANNOTATION = 'meshgate.io/lazy'
/** The same for virtual hosts; where clusters come on demand. */
export const LAZY_VIRTUAL_HOSTS_ANNOTATION = 'meshgate.io/lazy-virtual-hosts'

/** What is neither would be taken as one of them: `True` for false. */
function annotationRule(annotations: Readonly<Record<string, string>>, report: Report): void {
  for (const name of [LAZY_ANNOTATION, LAZY_VIRTUAL_HOSTS_ANNOTATION]) {
    const value = annotations[name]
    if (value !== undefined && value !== 'true' && value !== 'false')
      report(['metadata', 'annotations', name], `${shown(value)} is neither "true" nor "false"`)
  }
}

/** Entries of one egress listener that repeat or include each other; `namespace` is that of the document. */
function egressDuplicates(listener: IstioEgressListener, namespace: string, report: Report): void {
  const names = new Map<string, Set<string>>()
  for (const [index, host] of listener.hosts.entries()) {
    const slash = host.indexOf('/')
    if (slash < 0 || host.startsWith('~')) continue
    const owner = host.slice(0, slash) === '.' ? namespace : host.slice(0, slash)
    const name = host.slice(slash + 1)
    const seen = names.get(owner) ?? new Set<string>()
    if (name === '*' ? seen.size > 0 : seen.has(name) || seen.has('*'))
      report(['hosts', index], `${shown(host)} repeats an entry or is included in one`, { code: 'FIELD_QUESTIONABLE' })
    seen.add(name)
    names.set(owner, seen)
  }
  if (names.get('*')?.has('*') && names.size > 1)
    report(['hosts'], '*/* includes all services, further entries have no effect', { code: 'FIELD_NO_EFFECT' })
}

export const sidecar: KindDefinition<SidecarSpec> = {
  kind: 'Sidecar',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'What a workload accepts and what it may reach.',
  compiled: true,
  schema: sidecarSpec,
  check: ({ egress = [] }, { namespace, annotations }, report) => {
    annotationRule(annotations, report)
    for (const [index, listener] of egress.entries())
      egressDuplicates(listener, namespace, (path, ...rest) => report(['spec', 'egress', index, ...path], ...rest))
  },
}
