import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { IstioEgressListener } from '../../config/kinds/sidecar.ts'
import { hostsOverlap } from '../../model/hosts.ts'
import { MESH_GATEWAY, type Scope } from '../../model/index.ts'
import { isHttp, isTls, portProtocol, type Service } from '../../model/service.ts'
import { egressHosts, serviceInScope } from '../../model/sidecar-scope.ts'
import { egressRouteName, HTTP_PROXY_ROUTES } from '../names.ts'
import { outboundTable } from '../routes/index.ts'
import { httpConnectionManager } from './http-connection-manager.ts'
import { type L4Place, tcpRoutes, tlsRoutes } from './l4-routes.ts'
import { type Chain, type ListenerPlan, listenerName } from './listener.ts'
import { comesBack } from './loop.ts'
import { type Claim, type Claimed, openable, openingOf } from './openings.ts'
import { defaultTarget, tcpProxy } from './tcp-proxy.ts'

const LOOPBACK = '127.0.0.1'

/**
 * Ports a sidecar opens for its workload. There is no traffic capture: the workload dials the sidecar. Without a Sidecar
 * document that is one HTTP port, routed by authority, and the port of each TCP and TLS service, at the service's own address of loopback if
 * it has one. A Sidecar's egress listeners with a port replace that by what they say; one without a port means the same as no Sidecar, for its hosts.
 */
export function outboundListeners(scope: Scope): readonly ListenerPlan[] {
  const sidecar = scope.sidecar()
  const egress: readonly IstioEgressListener[] = sidecar?.spec.egress?.length
    ? sidecar.spec.egress
    : [{ hosts: ['*/*'] }]
  const plans = egress.flatMap((listener, index): readonly Claimed<ListenerPlan>[] => {
    const hosts = egressHosts(sidecar, scope.proxy.namespace, index)
    const services = scope.services().filter((service) => serviceInScope(hosts, service.namespace, service.hostname))
    if (listener.port?.number || listener.bind?.startsWith('unix://'))
      return egressListener(scope, listener, listener.port?.number ?? 0, services).map((plan) => ({
        plan,
        claim: 'said',
      }))
    return [
      ...httpProxyListener(scope).map((plan): Claimed<ListenerPlan> => ({ plan, claim: 'rest' })),
      ...serviceListeners(scope, listener.bind, services),
    ]
  })
  return openable(plans)
}

function httpProxyListener(scope: Scope): readonly ListenerPlan[] {
  const port = scope.proxy.httpPort
  return port === 0 ? [] : [httpListener(scope, { bind: LOOPBACK, port, routeName: HTTP_PROXY_ROUTES, grpcWeb: false })]
}

function httpListener(
  scope: Scope,
  { bind, port, routeName, grpcWeb }: { bind: string; port: number; routeName: string; grpcWeb: boolean },
): ListenerPlan {
  const name = listenerName(bind, port)
  const config = pack(
    HttpConnectionManagerSchema,
    httpConnectionManager(scope, {
      routeName: outboundTable(scope, routeName),
      statPrefix: `outbound_${name}`,
      edge: false,
      grpcWeb,
    }),
  )
  const sidecar = scope.sidecar()
  return {
    name,
    bind,
    port,
    direction: 'outbound',
    chains: [
      {
        serverNames: [],
        transport: undefined,
        filter: { name: 'envoy.filters.network.http_connection_manager', config },
        origins: sidecar ? [{ object: sidecar, path: ['spec', 'egress'] }] : [],
      },
    ],
  }
}

/** A listener a Sidecar asks for by port. */
function egressListener(
  scope: Scope,
  listener: IstioEgressListener,
  port: number,
  services: readonly Service[],
): readonly ListenerPlan[] {
  const bind = listener.bind ?? LOOPBACK
  const { protocol, protocolName } = portProtocol(listener.port?.protocol, listener.port?.name)
  // On a plain TCP port of a Sidecar TLS is not looked into, whatever the services say of theirs.
  const tls = isTls(protocol)
  if (isHttp(protocol) || protocolName === 'http_proxy')
    return [
      httpListener(scope, {
        bind,
        port,
        routeName: egressRouteName(port, listener.bind),
        grpcWeb: protocol === 'grpc-web',
      }),
    ]
  const samePort = services.flatMap((service) =>
    service.ports
      .filter((candidate) => candidate.number === port)
      .map(({ number, protocol: own }) => ({ service, port: number, tls, named: isTls(own) })),
  )
  const candidates =
    samePort.length > 0
      ? samePort
      : services.flatMap((service) => {
          const l4 = service.ports.filter((candidate) => !isHttp(candidate.protocol))
          return l4.length === 1 ? [{ service, port: l4[0]!.number, tls, named: isTls(l4[0]!.protocol) }] : []
        })
  return l4Listener(scope, bind, port, candidates)
}

/** One listener for each port number of the visible TCP and TLS services, and for those of services with an address of their own. */
function serviceListeners(
  scope: Scope,
  said: string | undefined,
  services: readonly Service[],
): readonly Claimed<ListenerPlan>[] {
  const byAddress = new Map<string, { readonly bind: string; readonly claim: Claim; readonly users: User[] }>()
  for (const service of services) {
    const { bind, claim } = openingOf(service, said)
    for (const { number, protocol } of service.ports) {
      if (isHttp(protocol) || protocol === 'udp') continue
      const tls = isTls(protocol)
      const user = { service, port: number, tls, named: tls }
      const key = `${bind} ${number}`
      const place = byAddress.get(key)
      if (place) place.users.push(user)
      else byAddress.set(key, { bind, claim, users: [user] })
    }
  }
  return [...byAddress.values()].flatMap(({ bind, claim, users }) =>
    l4Listener(scope, bind, users[0]!.port, users).map((plan) => ({ plan, claim })),
  )
}

/** A service that connections of a listener may be for. */
interface User {
  readonly service: Service
  /** Of the service, where connections go that no rule takes. */
  readonly port: number
  /** Whether the listener is one for TLS: the rules are those for TLS. */
  readonly tls: boolean
  /** Whether connections for the service ask for its name. */
  readonly named: boolean
}

/**
 * Connections of one port: TLS by SNI (rules first, then each service under its own name), everything else to the first
 * plain TCP service; without captured addresses nothing tells two of them apart, which analysis reports. Rules see the port that is
 * listened on, which need not be one of the service.
 */
function l4Listener(scope: Scope, bind: string, port: number, users: readonly User[]): readonly ListenerPlan[] {
  const name = listenerName(bind, port)
  const tls: (Chain | undefined)[] = []
  const tcp: (Chain | undefined)[] = []
  for (const { service, port: servicePort, tls: rulesForTls, named } of users) {
    const place: L4Place = {
      gateway: MESH_GATEWAY,
      port,
      takesHost: (host) => hostsOverlap(host, service.hostname),
    }
    const chain = (
      serverNames: readonly string[],
      targets: Parameters<typeof tcpProxy>[2],
      origins: Chain['origins'],
    ): Chain | undefined =>
      comesBack(scope, { bind, port }, targets)
        ? undefined
        : {
            serverNames,
            transport: serverNames.length > 0 ? 'tls' : undefined,
            ...tcpProxy(scope, `outbound|${servicePort}||${service.hostname}`, targets),
            origins,
          }
    const own = [defaultTarget(scope, service.hostname, servicePort)]
    if (rulesForTls) {
      for (const route of tlsRoutes(scope, place)) tls.push(chain(route.sniHosts, route.targets, [route.origin]))
      if (named) tls.push(chain([service.hostname], own, [service.origin]))
      else tcp.push(chain([], own, [service.origin]))
    } else {
      const route = tcpRoutes(scope, place)[0]
      tcp.push(chain([], route?.targets ?? own, route ? [route.origin, service.origin] : [service.origin]))
    }
  }
  const chains = [...tls, ...tcp.slice(0, 1)].filter((found) => found !== undefined)
  return chains.length === 0 ? [] : [{ name, bind, port, direction: 'outbound', chains }]
}
