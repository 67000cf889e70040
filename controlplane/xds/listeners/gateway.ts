import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { GatewaySpec, Server } from '../../config/kinds/gateway.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import { hostIntersection, hostsOverlap, parseScopedHost } from '../../model/hosts.ts'
import type { Scope } from '../../model/index.ts'
import { isHttp, type PortProtocol, portProtocol } from '../../model/service.ts'
import { gatewayHttpRouteName, gatewayHttpsRouteName } from '../names.ts'
import { httpConnectionManager } from './http-connection-manager.ts'
import { type L4Place, type L4Route, tcpRoutes, tlsRoutes } from './l4-routes.ts'
import { type Chain, type ListenerPlan, listenerName } from './listener.ts'
import { tcpProxy } from './tcp-proxy.ts'
import { asksForClientCertificate, downstreamTlsContext, terminatesTls } from './tls-context.ts'

/** A server of a Gateway that selects the proxies of a class. */
export interface GatewayServer {
  readonly gateway: ConfigObject<GatewaySpec>
  readonly server: Server
  readonly origin: Origin
}

const ANY_ADDRESS = '0.0.0.0'

/** Listeners of a gateway: one for each address, with a chain for each server that can be told apart. */
export function gatewayListeners(scope: Scope, servers: readonly GatewayServer[]): readonly ListenerPlan[] {
  const byAddress = new Map<string, GatewayServer[]>()
  for (const entry of servers) {
    const bind = entry.server.bind ?? ANY_ADDRESS
    const key = listenerName(bind, entry.server.port.number)
    const list = byAddress.get(key)
    if (list) list.push(entry)
    else byAddress.set(key, [entry])
  }
  return [...byAddress].map(([name, entries]) => {
    const { server } = entries[0]!
    const chains = entries.flatMap((entry) => serverChains(scope, entry))
    return {
      name,
      bind: server.bind ?? ANY_ADDRESS,
      port: server.port.number,
      direction: 'outbound' as const,
      chains: [
        ...chains.filter((chain) => chain.serverNames.length > 0),
        ...chains.filter((chain) => chain.serverNames.length === 0),
      ],
    }
  })
}

function serverChains(scope: Scope, entry: GatewayServer): readonly Chain[] {
  const { server } = entry
  const { protocol } = portProtocol(server.port.protocol, server.port.name)
  if (isHttp(protocol) && !terminatesTls(server.tls)) return [plainHttpChain(scope, entry)]
  if (terminatesTls(server.tls)) return terminatedChains(scope, entry, protocol)
  if (protocol === 'https' || protocol === 'tls') return passthroughChains(scope, entry)
  return tcpChains(scope, entry)
}

/** All plain HTTP servers of an address share one chain and one route table. */
function plainHttpChain(scope: Scope, { server, origin }: GatewayServer): Chain {
  const { number } = server.port
  return {
    serverNames: [],
    transport: undefined,
    filter: httpFilter(
      scope,
      gatewayHttpRouteName(number, server.bind),
      `outbound_${listenerName(server.bind ?? ANY_ADDRESS, number)}`,
      false,
    ),
    origins: [origin],
  }
}

/** TLS ends here: HTTP behind it has its own route table for each server, other protocols are passed on as TCP. */
function terminatedChains(scope: Scope, entry: GatewayServer, protocol: PortProtocol): readonly Chain[] {
  const { gateway, server, origin } = entry
  const tls = server.tls!
  const serverNames = sniNames(server, gateway.namespace)
  if (protocol === 'https' || isHttp(protocol)) {
    const route = gatewayHttpsRouteName(server.port.number, server.port.name, gateway.name, gateway.namespace)
    return [
      {
        serverNames,
        transport: 'tls',
        filter: httpFilter(scope, route, `outbound_${route}`, asksForClientCertificate(tls)),
        tls: downstreamTlsContext(tls, protocol === 'grpc' || protocol === 'http2' ? ['h2'] : ['h2', 'http/1.1']),
        origins: [origin],
      },
    ]
  }
  const route = tcpRoutes(scope, place(entry))[0]
  if (!route) return []
  return [
    {
      serverNames,
      transport: 'tls',
      filter: tcpProxy(scope, statPrefix(entry), route.targets),
      tls: downstreamTlsContext(tls, []),
      origins: [origin, route.origin],
    },
  ]
}

/** TLS passes through: SNI names of TLS rules, each within what the server exposes. */
function passthroughChains(scope: Scope, entry: GatewayServer): readonly Chain[] {
  const exposed = sniNames(entry.server, entry.gateway.namespace)
  const chain = (route: L4Route, serverNames: readonly string[]): Chain => ({
    serverNames,
    transport: 'tls',
    filter: tcpProxy(scope, statPrefix(entry), route.targets),
    origins: [entry.origin, route.origin],
  })
  const byName = tlsRoutes(scope, place(entry)).flatMap((route) => {
    const names = route.sniHosts.flatMap((host) => exposed.flatMap((name) => hostIntersection(host, name) ?? []))
    return names.length > 0 ? [chain(route, names)] : []
  })
  if (byName.length > 0) return byName
  return tcpRoutes(scope, place(entry))
    .slice(0, 1)
    .map((route) => chain(route, exposed))
}

function tcpChains(scope: Scope, entry: GatewayServer): readonly Chain[] {
  const route = tcpRoutes(scope, place(entry))[0]
  if (!route) return []
  return [
    {
      serverNames: [],
      transport: undefined,
      filter: tcpProxy(scope, statPrefix(entry), route.targets),
      origins: [entry.origin, route.origin],
    },
  ]
}

function httpFilter(scope: Scope, routeName: string, prefix: string, clientCertificate: boolean): Chain['filter'] {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    config: pack(
      HttpConnectionManagerSchema,
      httpConnectionManager(scope, { routeName, statPrefix: prefix, edge: true, clientCertificate }),
    ),
  }
}

function place({ gateway, server }: GatewayServer): L4Place {
  const exposed = server.hosts.map((host) => parseScopedHost(host, gateway.namespace))
  return {
    gateway: `${gateway.namespace}/${gateway.name}`,
    port: server.port.number,
    takesHost: (host, namespace) =>
      exposed.some(
        (scoped) => (scoped.namespace === '*' || scoped.namespace === namespace) && hostsOverlap(host, scoped.host),
      ),
  }
}

function sniNames(server: Server, namespace: string): readonly string[] {
  return server.hosts.map((host) => parseScopedHost(host, namespace).host)
}

function statPrefix({ gateway, server }: GatewayServer): string {
  return `${gateway.namespace}.${gateway.name}.${server.port.number}`
}
