import type { GatewaySpec, Server } from '../kinds/gateway.ts'
import type { Report } from '../schema.ts'
import {
  ipProblem,
  isIpAddress,
  localEndpointProblem,
  portProblem,
  UNIX_PREFIX,
  unixPathProblem,
} from '../syntax/address.ts'
import { scopedHostProblems } from '../syntax/host.ts'
import { PROTOCOL_NAMES, protocolClass } from '../syntax/protocol.ts'

export function gatewayServerRule(server: Server, report: Report): void {
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

export function gatewayRule(spec: GatewaySpec, report: Report): void {
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
