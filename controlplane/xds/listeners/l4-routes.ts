import type { L4MatchAttributes, RouteDestination, VirtualServiceSpec } from '../../config/kinds/virtual-service.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import { matchesLabels } from '../../model/endpoints.ts'
import { gatewayKey, MESH_GATEWAY, type Scope } from '../../model/index.ts'
import { outboundClusterName } from '../../model/service.ts'
import { BLACK_HOLE_CLUSTER } from '../names.ts'
import { wireName } from '../wire-name.ts'

type VirtualService = ConfigObject<VirtualServiceSpec>

/** A cluster connections may go to and its share among its neighbours. */
export interface L4Target {
  readonly cluster: string
  readonly weight: number
}

/** A rule of a VirtualService that applies to connections of one listener. */
export interface L4Route {
  /** SNI names for TLS rules; empty for TCP rules. */
  readonly sniHosts: readonly string[]
  readonly targets: readonly L4Target[]
  readonly origin: Origin
}

/** Where connections are accepted: behind which gateway, on which port, and for which hosts. */
export interface L4Place {
  readonly gateway: string
  readonly port: number
  /** A VirtualService applies when one of its hosts is taken. */
  readonly takesHost: (host: string, namespace: string) => boolean
}

/** TCP rules for a place, in order of precedence. */
export function tcpRoutes(scope: Scope, place: L4Place): readonly L4Route[] {
  return virtualServicesAt(scope, place).flatMap((virtualService) =>
    (virtualService.spec.tcp ?? []).flatMap((route, index) =>
      !route.match?.length || route.match.some((match) => holds(scope, place, virtualService, match))
        ? [l4Route(scope, virtualService, [], route.route ?? [], ['spec', 'tcp', index], place.port)]
        : [],
    ),
  )
}

/** TLS rules (by SNI, without terminating) for a place, in order of precedence. */
export function tlsRoutes(scope: Scope, place: L4Place): readonly L4Route[] {
  return virtualServicesAt(scope, place).flatMap((virtualService) =>
    (virtualService.spec.tls ?? []).flatMap((route, index) => {
      const sniHosts = route.match
        .filter((match) => holds(scope, place, virtualService, match))
        .flatMap((match) => match.sniHosts)
        .map((host) => host.toLowerCase())
      return sniHosts.length > 0
        ? [
            l4Route(
              scope,
              virtualService,
              [...new Set(sniHosts)],
              route.route ?? [],
              ['spec', 'tls', index],
              place.port,
            ),
          ]
        : []
    }),
  )
}

function virtualServicesAt(scope: Scope, place: L4Place): readonly VirtualService[] {
  return scope
    .virtualServices(place.gateway)
    .filter((virtualService) =>
      (virtualService.spec.hosts ?? []).some((host) =>
        place.takesHost(scope.hostname(host, virtualService.namespace), virtualService.namespace),
      ),
    )
}

/** `destinationSubnets` cannot be known without traffic capture: the caller dials the proxy, not the destination. Analysis warns. */
function holds(scope: Scope, place: L4Place, virtualService: VirtualService, match: L4MatchAttributes): boolean {
  const gateways = match.gateways?.length ? match.gateways : (virtualService.spec.gateways ?? [MESH_GATEWAY])
  if (!gateways.some((name) => gatewayKey(name, virtualService.namespace) === place.gateway)) return false
  if (match.port && match.port !== place.port) return false
  // What a rule for connections says of the caller is nothing to Istio's gateways.
  if (scope.proxy.type === 'router') return true
  if (match.sourceNamespace && match.sourceNamespace !== scope.proxy.namespace) return false
  return matchesLabels(match.sourceLabels ?? {}, scope.proxy.labels)
}

function l4Route(
  scope: Scope,
  virtualService: VirtualService,
  sniHosts: readonly string[],
  destinations: readonly RouteDestination[],
  path: Origin['path'],
  port: number,
): L4Route {
  const sum = destinations.reduce((total, { weight }) => total + (weight ?? 0), 0)
  return {
    sniHosts,
    targets: destinations.map(({ destination, weight }) => ({
      cluster: destinationCluster(scope, destination, virtualService.namespace, port),
      weight: destinations.length === 1 ? 1 : sum === 0 ? 1 : (weight ?? 0),
    })),
    origin: { object: virtualService, path },
  }
}

/**
 * The cluster of a destination; one that does not exist gets the black hole, so that connections end at once. Without a port it is
 * the only one of the service, else the one the connection came to, as in Istio.
 */
function destinationCluster(
  scope: Scope,
  destination: RouteDestination['destination'],
  namespace: string,
  cameTo: number,
): string {
  const service = scope.resolve(destination.host, namespace)
  const port = destination.port?.number ?? (service?.ports.length === 1 ? service.ports[0]!.number : cameTo)
  if (!service?.ports.some((candidate) => candidate.number === port)) return BLACK_HOLE_CLUSTER
  return wireName(scope, outboundClusterName(port, destination.subset ?? '', service.hostname))
}
