import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { Server } from '../../config/kinds/gateway.ts'
import type { WorkloadCertificates } from '../../config/kinds/mesh.ts'
import { push } from '../../config/push.ts'
import { compareSpecificity, hostIntersection, hostsOverlap } from '../../model/hosts.ts'
import type { Scope } from '../../model/index.ts'
import { portProtocol } from '../../model/service.ts'
import { sniClusterNames } from '../clusters/auto-passthrough.ts'
import { fallbackCluster } from '../clusters/local-endpoint.ts'
import { type GatewayServer, gatewayServers } from '../routes/index.ts'
import { type HttpOptions, httpConnectionManager } from './http-connection-manager.ts'
import { type L4Place, type L4Route, tcpRoutes, tlsRoutes } from './l4-routes.ts'
import { type Chain, type ListenerPlan, listenerName } from './listener.ts'
import { tcpProxy } from './tcp-proxy.ts'
import { ALPN, asksForClientCertificate, downstreamTlsContext, terminatesTls } from './tls-context.ts'

const ANY_ADDRESS = '0.0.0.0'

/** Listeners of a gateway: one for each address, with a chain for each server that can be told apart. */
export function gatewayListeners(scope: Scope): readonly ListenerPlan[] {
  const byAddress = new Map<string, GatewayServer[]>()
  for (const entry of gatewayServers(scope)) {
    const bind = entry.server.bind ?? ANY_ADDRESS
    const key = listenerName(bind, entry.server.port.number)
    push(byAddress, key, entry)
  }
  const workload = scope.settings().workloadCertificates
  return [...byAddress].map(([name, entries]) => {
    const { server } = entries[0]!
    const grpcWeb = entries.some(({ kind, server }) => kind === 'http' && isGrpcWeb(server))
    const chains = entries.flatMap((entry) => serverChains(scope, withIdentity(entry, workload), grpcWeb))
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

/** ISTIO_MUTUAL shows the identity of the gateway's workload, and asks callers for one of the mesh. */
function withIdentity(entry: GatewayServer, workload: WorkloadCertificates | undefined): GatewayServer {
  const { tls } = entry.server
  if (tls?.mode !== 'ISTIO_MUTUAL' || !workload) return entry
  const { certificate, privateKey, caCertificates } = workload
  const files = { serverCertificate: certificate, privateKey, caCertificates }
  return { ...entry, server: { ...entry.server, tls: { ...tls, ...files } } }
}

/** @param grpcWeb whether one of the plain HTTP servers of the address is for gRPC-Web: they share a chain */
function serverChains(scope: Scope, entry: GatewayServer, grpcWeb: boolean): readonly Chain[] {
  const mode = entry.server.tls?.mode
  // Envoy refuses a listener that ends TLS without a certificate; analysis says that there is none.
  if (mode === 'ISTIO_MUTUAL' && !entry.server.tls?.serverCertificate) return []
  if (mode === 'AUTO_PASSTHROUGH') return sniChains(scope, entry)
  switch (entry.kind) {
    case 'http':
      return [plainHttpChain(scope, entry, grpcWeb)]
    case 'https':
      return [terminatedHttpChain(scope, entry)]
    case 'tls':
      return terminatesTls(entry.server.tls) ? terminatedTcpChain(scope, entry) : passthroughChains(scope, entry)
    case 'tcp':
      return tcpChains(scope, entry)
  }
}

/** All plain HTTP servers of an address share one chain and one route table. */
function plainHttpChain(scope: Scope, { server, routeName, origin }: GatewayServer, grpcWeb: boolean): Chain {
  const prefix = `outbound_${listenerName(server.bind ?? ANY_ADDRESS, server.port.number)}`
  return {
    serverNames: [],
    transport: undefined,
    filter: httpFilter(scope, { routeName: routeName!, statPrefix: prefix, grpcWeb }),
    origins: [origin],
  }
}

/** TLS ends here; each server has its own route table. */
function terminatedHttpChain(scope: Scope, entry: GatewayServer): Chain {
  const { server, routeName, origin } = entry
  const tls = server.tls!
  return {
    serverNames: sniNames(entry),
    transport: 'tls',
    filter: httpFilter(scope, {
      routeName: routeName!,
      statPrefix: `outbound_${routeName}`,
      clientCertificate: asksForClientCertificate(tls),
      grpcWeb: isGrpcWeb(server),
    }),
    tls: downstreamTlsContext(tls, ALPN),
    origins: [origin],
  }
}

/** TLS ends here and what is inside is passed on as TCP. */
function terminatedTcpChain(scope: Scope, entry: GatewayServer): readonly Chain[] {
  const route = firstTcpRoute(scope, entry)
  if (!route) return []
  return [
    {
      serverNames: sniNames(entry),
      transport: 'tls',
      ...tcpProxy(scope, statPrefix(entry), route.targets),
      tls: downstreamTlsContext(entry.server.tls!, ALPN),
      origins: [entry.origin, route.origin],
    },
  ]
}

/**
 * TLS passes through: SNI names of TLS rules, each within what the server exposes. A rule for all names of a server for all hosts takes
 * connections that begin with something else, too, as with Istio: some protocols (PostgreSQL) ask for TLS first.
 */
function passthroughChains(scope: Scope, entry: GatewayServer): readonly Chain[] {
  const exposed = sniNames(entry)
  const chain = (route: L4Route, serverNames: readonly string[]): Chain => ({
    serverNames,
    transport: serverNames.includes('*') ? undefined : 'tls',
    ...tcpProxy(scope, statPrefix(entry), route.targets),
    origins: [entry.origin, route.origin],
  })
  const byName = mostSpecific(tlsRoutes(scope, place(entry)), exposed).map(({ route, names }) => chain(route, names))
  const rest = fallback(entry)
  return rest ? [...byName, chain(rest, exposed)] : byName
}

/**
 * What TLS rules take of the names a server exposes. A name that several claim is that of the narrower claim, as Envoy would choose it
 * where all are exposed, and the first of equal ones.
 */
function mostSpecific(
  routes: readonly L4Route[],
  exposed: readonly string[],
): readonly { readonly route: L4Route; readonly names: readonly string[] }[] {
  const claims = new Map<string, { readonly claim: string; readonly route: L4Route }>()
  for (const route of routes)
    for (const claim of route.sniHosts)
      for (const host of exposed) {
        const name = hostIntersection(claim, host)
        const other = name === undefined ? undefined : claims.get(name)
        if (name !== undefined && (!other || compareSpecificity(claim, other.claim) < 0))
          claims.set(name, { claim, route })
      }
  return routes.flatMap((route) => {
    const names = [...claims].flatMap(([name, won]) => (won.route === route ? [name] : []))
    return names.length > 0 ? [{ route, names }] : []
  })
}

/** The TCP rule of a server: of several the first counts; without one its default endpoint takes the connections. */
function firstTcpRoute(scope: Scope, entry: GatewayServer): L4Route | undefined {
  return tcpRoutes(scope, place(entry))[0] ?? fallback(entry)
}

function fallback({ server, origin }: GatewayServer): L4Route | undefined {
  const cluster = fallbackCluster(server)
  return cluster === undefined ? undefined : { sniHosts: [], targets: [{ cluster, weight: 1 }], origin }
}

/** TLS passes through to the service, port and subset that the SNI itself names. */
function sniChains(scope: Scope, entry: GatewayServer): readonly Chain[] {
  return sniClusterNames(scope, entry.hosts).map((cluster) => ({
    serverNames: [cluster],
    transport: 'tls',
    ...tcpProxy(scope, statPrefix(entry), [{ cluster, weight: 1 }]),
    origins: [entry.origin],
  }))
}

function tcpChains(scope: Scope, entry: GatewayServer): readonly Chain[] {
  const route = firstTcpRoute(scope, entry)
  if (!route) return []
  return [
    {
      serverNames: [],
      transport: undefined,
      ...tcpProxy(scope, statPrefix(entry), route.targets),
      origins: [entry.origin, route.origin],
    },
  ]
}

function httpFilter(scope: Scope, options: Omit<HttpOptions, 'edge'>): Chain['filter'] {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    config: pack(HttpConnectionManagerSchema, httpConnectionManager(scope, { ...options, edge: true })),
  }
}

function isGrpcWeb({ port }: Server): boolean {
  return portProtocol(port.protocol, port.name).protocol === 'grpc-web'
}

function place({ gateway, server, hosts }: GatewayServer): L4Place {
  return {
    gateway: `${gateway.namespace}/${gateway.name}`,
    port: server.port.number,
    takesHost: (host, namespace) =>
      hosts.some(
        (scoped) => (scoped.namespace === '*' || scoped.namespace === namespace) && hostsOverlap(host, scoped.host),
      ),
  }
}

function sniNames({ hosts }: GatewayServer): readonly string[] {
  return hosts.map(({ host }) => host)
}

function statPrefix({ gateway, server }: GatewayServer): string {
  return `${gateway.namespace}.${gateway.name}.${server.port.number}`
}
