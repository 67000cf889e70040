import type { GatewaySpec, Server } from '../../config/kinds/gateway.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import { parseScopedHost, type ScopedHost } from '../../model/hosts.ts'
import type { Scope } from '../../model/scope.ts'
import { isHttp, portProtocol } from '../../model/service.ts'
import { terminatesTls } from '../listeners/tls-context.ts'
import { gatewayHttpRouteName, gatewayHttpsRouteName } from '../names.ts'

/** How a server of a gateway treats connections. */
export type ServerKind = 'http' | 'https' | 'tls' | 'tcp'

/** A server that a gateway proxy really opens: what clashes with an earlier one is left out. */
export interface GatewayServer {
  readonly gateway: ConfigObject<GatewaySpec>
  readonly server: Server
  readonly kind: ServerKind
  /** Hosts it exposes, namespaces resolved. */
  readonly hosts: readonly ScopedHost[]
  /** Name of its routes; undefined for `tls` (passed through or TCP behind TLS) and `tcp`. */
  readonly routeName: string | undefined
  readonly origin: Origin
}

/**
 * The servers of all Gateways of this class. Of two that cannot share a port the first counts, as in Istio: plain HTTP
 * servers share a port; servers with TLS share it as long as no host appears twice (one for other namespaces is another: of what
 * both then mean, the first has the chain); everything else has its port (and address) to itself.
 */
export function gatewayServers(scope: Scope): readonly GatewayServer[] {
  const ports = new Map<string, { readonly kind: 'http' | 'tls' | 'tcp'; readonly hosts: Set<string> }>()
  const names = new Set<string>()
  const servers: GatewayServer[] = []
  for (const gateway of scope.gateways())
    for (const [index, server] of (gateway.spec.servers ?? []).entries()) {
      const kind = serverKind(server)
      const shared = kind === 'https' ? 'tls' : kind
      const address = `${server.bind ?? ''}:${server.port.number}`
      const port = ports.get(address)
      const hosts = server.hosts.map((host) => parseScopedHost(host, gateway.namespace))
      const routeName = routeNameOf(gateway, server, kind)
      if (port && (port.kind !== shared || shared === 'tcp')) continue
      if (shared === 'tls') {
        if (port && hosts.some((host) => port.hosts.has(scopedName(host)))) continue
        if (routeName !== undefined && names.has(routeName)) continue
      }
      const known = port ?? { kind: shared, hosts: new Set<string>() }
      ports.set(address, known)
      for (const host of hosts) known.hosts.add(scopedName(host))
      if (routeName !== undefined) names.add(routeName)
      const origin: Origin = { object: gateway, path: ['spec', 'servers', index] }
      servers.push({ gateway, server, kind, hosts, routeName, origin })
    }
  return servers
}

function scopedName({ namespace, host }: ScopedHost): string {
  return namespace === '*' ? host : `${namespace}/${host}`
}

/** `https` ends TLS and speaks HTTP, `tls` is everything else with TLS. */
function serverKind({ port, tls }: Server): ServerKind {
  const { protocol } = portProtocol(port.protocol, port.name)
  const terminated = terminatesTls(tls)
  if (isHttp(protocol)) return terminated ? 'https' : 'http'
  if (protocol === 'https') return terminated ? 'https' : 'tls'
  return protocol === 'tls' || terminated ? 'tls' : 'tcp'
}

/** Istio's names: plain HTTP servers of a port share their routes, each HTTPS server has its own. */
function routeNameOf(gateway: ConfigObject<GatewaySpec>, server: Server, kind: ServerKind): string | undefined {
  const { number, name } = server.port
  if (kind === 'http') return gatewayHttpRouteName(number, server.bind)
  return kind === 'https'
    ? gatewayHttpsRouteName(number, name, gateway.name, gateway.namespace, server.bind)
    : undefined
}
