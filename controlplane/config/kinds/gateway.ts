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
import { isDnsLabel, scopedHostProblems, shown } from '../syntax/host.ts'
import { PROTOCOL_NAMES, protocolClass } from '../syntax/protocol.ts'
import { stringMap, strings, text, uint32 } from '../syntax/values.ts'
import { serverTlsSettings } from './server-tls.ts'

const gatewayPort = message({
  number: required(uint32, 'Port to listen on.'),
  protocol: required(text, 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS and so on; upper or lower case.'),
  name: required(text, 'Name of the port.'),
  targetPort: optional(uint32, 'Port on the endpoint; without effect.', { deprecated: 'it has no effect' }),
})

const serverFields = message({
  port: required(gatewayPort, 'Port and protocol to accept.'),
  bind: optional(text, 'Address or UNIX domain socket to listen on.', { default: '0.0.0.0' }),
  hosts: required(strings, 'Hosts exposed, `[namespace/]name`; a wildcard label may start the name.'),
  tls: optional(serverTlsSettings, 'TLS of the listener.'),
  defaultEndpoint: optional(
    text,
    'Where traffic goes that no route takes: `127.0.0.1:PORT`, `[::1]:PORT` or unix:///path beside the gateway.',
    { default: 'none: 404, or the connection is closed' },
  ),
  name: optional(text, 'Name of the server, unique in the mesh when set.'),
})

function gatewayServerRule(server: Server, report: Report): void {
  if (server.hosts.length === 0) report(['hosts'], 'a server must have at least one host')
  for (const [index, host] of server.hosts.entries())
    for (const problem of scopedHostProblems(host, 'gateway', isIpAddress)) report(['hosts', index], problem)
  const { port, bind = '', tls } = server
  const unix = bind.startsWith(UNIX_PREFIX)
  const kind = protocolClass(port.protocol)
  if (kind === undefined)
    report(
      ['port', 'protocol'],
      `unsupported protocol ${JSON.stringify(port.protocol)}, known are ${PROTOCOL_NAMES.join(', ')}`,
    )
  const number = portProblem(port.number)
  if (number && !(unix && port.number === 0)) report(['port', 'number'], number)
  if (port.targetPort) report(['port', 'targetPort'], 'targetPort has no effect at a gateway and is not allowed')
  if (port.name === '') report(['port', 'name'], 'the name of the port must be set')
  if (unix) {
    const problem = unixPathProblem(bind.slice(UNIX_PREFIX.length))
    if (problem) report(['bind'], problem)
    if (port.number !== 0) report(['port', 'number'], 'the port of a UNIX domain socket must be 0')
  } else if (bind !== '') {
    const problem = ipProblem(bind)
    if (problem) report(['bind'], problem)
  }
  // Istio neither checks nor uses it, so what is wrong with it is no error.
  const endpoint = server.defaultEndpoint ? localEndpointProblem(server.defaultEndpoint) : undefined
  if (endpoint) report(['defaultEndpoint'], `${endpoint}; it is ignored`, { code: 'FIELD_NO_EFFECT' })
  if (kind === undefined || number) return
  if (kind === 'tls' && !tls)
    report(['tls'], 'a server of protocol HTTPS or TLS must have tls settings', { code: 'FIELD_REQUIRED' })
  if (kind === 'tls' || !tls) return
  const passThrough = ['PASSTHROUGH', 'AUTO_PASSTHROUGH', undefined].includes(tls.mode)
  const redirectOnly = passThrough && !tls.caCertificates && !tls.privateKey && !tls.serverCertificate
  if (kind !== 'http') report(['tls'], 'tls is for servers of protocol HTTPS or TLS')
  else if (!redirectOnly) report(['tls'], 'a server of plain HTTP cannot have tls settings but httpsRedirect')
}

/** One listener of a gateway. */
const server = checked(serverFields, gatewayServerRule)
export type Server = z.infer<typeof serverFields>

const gatewaySpecFields = message({
  servers: optional(z.array(server), 'Listeners of the gateway.'),
  selector: optional(stringMap, 'Labels of the proxies this configures; none selects every gateway.'),
})

function gatewayRule(spec: GatewaySpec, report: Report): void {
  const servers = spec.servers ?? []
  if (servers.length === 0) report(['servers'], 'a gateway must have at least one server', { code: 'FIELD_REQUIRED' })
  const names = new Map<string, number>()
  for (const [index, { port, tls }] of servers.entries()) {
    const earlier = names.get(port.name)
    if (earlier !== undefined)
      report(['servers', index, 'port', 'name'], `port name ${port.name} is used by servers[${earlier}] too`)
    else names.set(port.name, index)
    if (tls?.httpsRedirect && protocolClass(port.protocol) !== 'http')
      report(['servers', index, 'tls', 'httpsRedirect'], 'httpsRedirect is for servers of protocol HTTP', {
        code: 'FIELD_NO_EFFECT',
      })
  }
}

const gatewaySpec = checked(gatewaySpecFields, gatewayRule)
export type GatewaySpec = z.infer<typeof gatewaySpecFields>

export const gateway: KindDefinition<GatewaySpec> = {
  kind: 'Gateway',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'Listeners of gateway proxies: ports, hosts and TLS.',
  compiled: true,
  schema: gatewaySpec,
  check: (_, { name }, report) => {
    if (!isDnsLabel(name))
      report(['metadata', 'name'], `${shown(name)} is no gateway name: it must be a DNS label (no dots)`)
  },
}
