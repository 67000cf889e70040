import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { IstioEgressListener } from '../../config/kinds/sidecar.ts'
import { MESH_GATEWAY, type Scope } from '../../model/scope.ts'
import { isHttp, portProtocol } from '../../model/service.ts'
import { egressHosts, serviceInScope, virtualServiceInScope } from '../../model/sidecar-scope.ts'
import { egressRouteName, HTTP_PROXY_ROUTES, onDemandTable } from '../names.ts'
import { catchAllVirtualHost } from './catch-all.ts'
import { MAX_DIRECT_RESPONSE_BYTES } from './direct-response.ts'
import { assignDomains, claim, type DomainClaim, hostHeader, serviceClaims } from './domains.ts'
import type { CompiledRoute } from './http-route.ts'
import { rateLimitsFor } from './rate-limit.ts'
import type { CompiledRouteConfiguration } from './route-configuration.ts'
import { firstRules, httpPorts, indexHosts, routesOfPort } from './rules.ts'
import { type CompiledVirtualHost, virtualHost } from './virtual-host.ts'

/** The port of hosts that are only in rules: plain HTTP's. */
const RULE_HOST_PORT = 80

/** An HTTP listener that serves outbound requests: the HTTP port on loopback, or an egress listener of a Sidecar. */
interface OutboundListener {
  /** Of its route table. */
  readonly name: string
  /** Position among the Sidecar's egress listeners whose hosts are served; undefined serves everything visible. */
  readonly egress: number | undefined
  /** Requests are for this port; undefined when the authority tells the port. */
  readonly port: number | undefined
}

/** The outbound HTTP listeners of a sidecar. */
export function outboundListeners(scope: Scope): readonly OutboundListener[] {
  const egress = scope.sidecar()?.spec.egress ?? []
  const listeners: OutboundListener[] = []
  if (scope.proxy.httpPort > 0) {
    const anyPort = egress.findIndex((listener) => !listener.port)
    // Egress listeners that all have ports leave nothing to the HTTP port but the answer for unknown hosts.
    listeners.push({
      name: outboundTable(scope, HTTP_PROXY_ROUTES),
      egress: egress.length === 0 ? undefined : anyPort < 0 ? egress.length : anyPort,
      port: undefined,
    })
  }
  for (const [index, listener] of egress.entries()) {
    const own = routeNameOf(listener)
    const name = own === undefined ? undefined : outboundTable(scope, own)
    if (name === undefined || listeners.some((other) => other.name === name)) continue
    const anyPort = isProxyProtocol(listener) || !listener.port?.number
    listeners.push({ name, egress: index, port: anyPort ? undefined : listener.port?.number })
  }
  return listeners
}

/** What the route table of an outbound listener is called for the proxies of a class. */
export function outboundTable({ virtualHostsOnDemand }: Scope, name: string): string {
  return virtualHostsOnDemand?.(name) ? onDemandTable(name) : name
}

/** The name of the routes of an egress listener; undefined when it is not HTTP. */
function routeNameOf(listener: IstioEgressListener): string | undefined {
  const { port, bind } = listener
  if (!port) return undefined
  if (!isProxyProtocol(listener) && !isHttp(portProtocol(port.protocol, port.name).protocol)) return undefined
  return egressRouteName(port.number ?? 0, bind)
}

function isProxyProtocol(listener: IstioEgressListener): boolean {
  return listener.port?.protocol?.toUpperCase() === 'HTTP_PROXY'
}

/**
 * Routes of an outbound HTTP listener: a virtual host for each service port and each host of a rule, and one for all
 * others.
 */
export function compileOutbound(scope: Scope, listener: OutboundListener): CompiledRouteConfiguration {
  const { domain } = scope.settings()
  const hosts = listener.egress === undefined ? undefined : egressHosts(scope.sidecar(), listener.egress)
  const services = scope.services().filter((service) => serviceInScope(hosts, service.namespace, service.hostname))
  const virtualServices = scope
    .virtualServices(MESH_GATEWAY)
    .filter((candidate) => virtualServiceInScope(hosts, candidate, domain))
  const index = indexHosts(scope, virtualServices, services)
  const candidates: {
    readonly name: string
    readonly host: string
    readonly routes: readonly CompiledRoute[]
    readonly claims: readonly DomainClaim[]
  }[] = []
  for (const service of services) {
    const ports = httpPorts(service)
    const main = ports.find((port) => port.number === 80) ?? ports[0]
    for (const port of ports) {
      if (listener.port !== undefined && listener.port !== port.number) continue
      candidates.push({
        name: `${service.hostname}:${port.number}`,
        host: service.hostname,
        routes: routesOfPort(scope, index, service, port),
        claims: serviceClaims(
          service,
          port.number,
          listener.port !== undefined ? 'without' : port === main ? 'both' : 'with',
          scope.proxy.namespace,
          domain,
        ),
      })
    }
  }
  for (const [host, rules] of index.others) {
    const port = listener.port ?? RULE_HOST_PORT
    const routes = firstRules(scope, rules, port)
    if (routes) candidates.push({ name: `${host}:${port}`, host, routes, claims: ruleHostClaims(host, listener.port) })
  }
  const domains = assignDomains(candidates.map((candidate) => candidate.claims))
  const virtualHosts = candidates.flatMap(({ name, host, routes }, position): readonly CompiledVirtualHost[] => {
    const given = domains[position]!
    return given.length > 0 ? [virtualHost(name, given, routes, { rateLimits: rateLimitsFor(scope, host) })] : []
  })
  if (!domains.some((given) => given.includes('*'))) {
    const context = { scope, gateway: MESH_GATEWAY, port: listener.port ?? RULE_HOST_PORT, tls: false }
    virtualHosts.push(catchAllVirtualHost(scope, context))
  }
  const message = make(RouteConfigurationSchema, {
    name: listener.name,
    virtualHosts: virtualHosts.map((compiled) => compiled.message),
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
    // Where the port in the authority chooses the service port it must count.
    ignorePortInHostMatching: listener.port !== undefined,
  })
  return { message, virtualHosts }
}

/** A host that is only in rules is meant whatever the port; a wildcard cannot have both ends open. */
function ruleHostClaims(host: string, port: number | undefined): readonly DomainClaim[] {
  const name = hostHeader(host)
  if (port !== undefined || name === '*') return [claim(name, 0)]
  const withPort = name.startsWith('*') ? `${name}:${RULE_HOST_PORT}` : `${name}:*`
  return [name, withPort].map((domain) => claim(domain, 0))
}
