import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import { push } from '../../config/push.ts'
import { compareSpecificity, hostIntersection } from '../../model/hosts.ts'
import type { Scope } from '../../model/scope.ts'
import { fallbackCluster } from '../clusters/local-endpoint.ts'
import { fallbackRoute } from './default-route.ts'
import { MAX_DIRECT_RESPONSE_BYTES } from './direct-response.ts'
import { hostHeader } from './domains.ts'
import { type GatewayServer, gatewayServers } from './gateway-servers.ts'
import type { CompiledRoute } from './http-route.ts'
import { takesEverything } from './match.ts'
import { rateLimitsFor } from './rate-limit.ts'
import { RouteTable } from './route-table.ts'
import { ruleCells } from './rules.ts'
import { type CompiledVirtualHost, virtualHost } from './virtual-host.ts'

interface ExposedHost {
  readonly host: string
  readonly rules: { readonly key: string; readonly routes: readonly CompiledRoute[] }[]
  redirects: boolean
  /** Cluster that takes what no rule does. */
  fallback: string | undefined
  readonly origins: Origin[]
}

/** Names of the route tables of a gateway's servers, each once. */
export function gatewayRouteNames(scope: Scope): readonly string[] {
  return [...new Set(gatewayServers(scope).flatMap(({ routeName }) => (routeName === undefined ? [] : [routeName])))]
}

/**
 * Routes of the HTTP servers that share a name: a virtual host for each host that both a server exposes and a
 * VirtualService of the Gateway has. Several VirtualServices of one host stand one after the other, rules that take
 * everything last. A host that only redirects to https needs no VirtualService, nor does one with a default endpoint. With
 * nothing to serve everything is 404.
 */
export function compileGateway(scope: Scope, name: string): RouteTable | undefined {
  const servers = gatewayServers(scope).filter((server) => server.routeName === name)
  const first = servers[0]
  if (!first) return undefined
  const port = first.server.port.number
  const exposed = new Map<string, ExposedHost>()
  for (const server of servers) collect(scope, server, exposed)
  const virtualHosts = collapse(scope, [...exposed.values()], port)
  if (virtualHosts.length === 0)
    virtualHosts.push(virtualHost(`blackhole:${port}`, ['*'], [], { origins: [first.origin] }))
  const head = make(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    ignorePortInHostMatching: true,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  })
  return new RouteTable(head, virtualHosts)
}

function collect(scope: Scope, server: GatewayServer, exposed: Map<string, ExposedHost>): void {
  const redirects = server.server.tls?.httpsRedirect === true
  const fallback = fallbackCluster(server.server)
  const gateway = `${server.gateway.namespace}/${server.gateway.name}`
  const entry = (host: string): ExposedHost => {
    let known = exposed.get(host)
    if (!known) {
      known = { host, rules: [], redirects: false, fallback: undefined, origins: [] }
      exposed.set(host, known)
    }
    known.redirects ||= redirects
    known.fallback ??= fallback
    if (!known.origins.includes(server.origin)) known.origins.push(server.origin)
    return known
  }
  for (const virtualService of scope.virtualServices(gateway)) {
    const { namespace } = virtualService
    const hosts = new Set<string>()
    for (const scoped of server.hosts) {
      if (scoped.namespace !== '*' && scoped.namespace !== namespace) continue
      for (const host of virtualService.spec.hosts ?? []) {
        const common = hostIntersection(scope.hostname(host, namespace), scoped.host)
        if (common !== undefined) hosts.add(common)
      }
    }
    if (hosts.size === 0) continue
    const tls = server.kind === 'https'
    const routes = ruleCells(scope).rules(virtualService, gateway, server.server.port.number, tls)
    if (routes.length === 0) continue
    const key = `${gateway}\n${virtualService.key}`
    for (const host of hosts) {
      const { rules } = entry(host)
      if (!rules.some((rule) => rule.key === key)) rules.push({ key, routes })
    }
  }
  if (redirects || fallback !== undefined) for (const { host } of server.hosts) entry(host)
}

/** Hosts with the same rules and limits become one virtual host, named after the most specific of them. */
function collapse(scope: Scope, hosts: readonly ExposedHost[], port: number): CompiledVirtualHost[] {
  const groups = new Map<string, ExposedHost[]>()
  for (const host of [...hosts].sort((a, b) => compareSpecificity(a.host, b.host))) {
    const key = JSON.stringify([
      host.redirects,
      host.fallback ?? '',
      host.rules.map((rule) => rule.key),
      rateLimitsFor(scope, host.host).map(({ origin }) => [origin.object.key, ...origin.path]),
    ])
    push(groups, key, host)
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [ExposedHost]
    return virtualHost(
      `${first.host}:${port}`,
      group.map(({ host }) => hostHeader(host)),
      catchAllLast([...first.rules.flatMap((rule) => rule.routes), ...fallbackRoutes(scope, first, port)]),
      {
        requireTls: first.redirects,
        origins: [...new Set(group.flatMap(({ origins }) => origins))],
        rateLimits: rateLimitsFor(scope, first.host),
      },
    )
  })
}

/** Behind all rules: the endpoint that the server names for what they do not take. */
function fallbackRoutes(scope: Scope, { fallback, origins }: ExposedHost, port: number): readonly CompiledRoute[] {
  if (fallback === undefined) return []
  return [{ route: fallbackRoute(fallback, { scope, gateway: '', port, tls: false }), origins: origins.slice(0, 1) }]
}

/**
 * Rules that take everything would hide those of the next VirtualService; behind the first of them nothing is reached.
 */
function catchAllLast(routes: readonly CompiledRoute[]): readonly CompiledRoute[] {
  const everything = routes.find(({ route }) => takesEverything(route.match))
  const others = routes.filter(({ route }) => !takesEverything(route.match))
  return everything ? [...others, everything] : others
}
