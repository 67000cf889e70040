import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { IstioEgressListener } from '../../config/kinds/sidecar.ts'
import { type Cells, cells, sameItems } from '../../model/cells.ts'
import { MESH_GATEWAY, type Scope } from '../../model/scope.ts'
import { isHttp, portProtocol, type Service, type ServicePort } from '../../model/service.ts'
import { isSupposing } from '../../model/supposition.ts'
import { egressRouteName, HTTP_PROXY_ROUTES, onDemandTable } from '../names.ts'
import { catchAllVirtualHost } from './catch-all.ts'
import { MAX_DIRECT_RESPONSE_BYTES } from './direct-response.ts'
import { assignDomains, claim, type DomainClaim, hostHeader, serviceClaims } from './domains.ts'
import type { CompiledRoute } from './http-route.ts'
import { type CompiledRateLimit, rateLimitsFor } from './rate-limit.ts'
import type { CompiledRouteConfiguration } from './route-configuration.ts'
import { firstRules, httpPorts, type RuleHosts, ruleCells } from './rules.ts'
import { served } from './served.ts'
import { prepareToShare } from './shared-virtual-hosts.ts'
import { type CompiledVirtualHost, virtualHost, virtualHostBytes } from './virtual-host.ts'

/** The port of hosts that are only in rules: plain HTTP's. */
const RULE_HOST_PORT = 80
const NO_LIMITS: readonly CompiledRateLimit[] = []

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

/** A virtual host but for its routes: what stays the same while rules say something else about the same hosts. */
interface Frame {
  readonly name: string
  readonly host: string
  readonly domains: readonly string[]
  /** Rules that speak of the host, in order of precedence. */
  readonly rules: readonly RuleHosts[]
  readonly port: number
  /** Of the registry. Absent: only rules speak of the host. */
  readonly service?: { readonly service: Service; readonly port: ServicePort }
}

interface Made {
  readonly routes: readonly CompiledRoute[]
  readonly limits: readonly CompiledRateLimit[]
  readonly virtualHost: CompiledVirtualHost
}

interface Frames {
  readonly list: readonly Frame[]
  /** What was last made of each. Most stay the same while others in their table change. */
  readonly made: Made[]
  /** Whether one of them takes every request that no other takes. */
  readonly takesAll: boolean
}

const byScope = new WeakMap<Scope, Cells<Frames>>()

function framesOf(scope: Scope, name: string): Frames {
  let known = byScope.get(scope)
  if (!known) {
    const hasRoutes = cells((id) => {
      const [port, host, egress] = id.split('\n') as [string, string, string]
      const { index } = served(scope, egress === '' ? undefined : Number(egress))
      return firstRules(scope, index.others.get(host) ?? [], Number(port)) !== undefined
    })
    known = cells((table) => {
      const listener = outboundListeners(scope).find((candidate) => candidate.name === table)
      return listener
        ? createFrames(scope, listener, (host, port) => hasRoutes(`${port}\n${host}\n${listener.egress ?? ''}`))
        : { list: [], made: [], takesAll: false }
    })
    byScope.set(scope, known)
  }
  return known(name)
}

function createFrames(
  scope: Scope,
  listener: OutboundListener,
  hasRoutes: (host: string, port: number) => boolean,
): Frames {
  const { domain } = scope.settings()
  const { services, index } = served(scope, listener.egress)
  const found: { readonly frame: Omit<Frame, 'domains'>; readonly claims: readonly DomainClaim[] }[] = []
  for (const service of services) {
    const ports = httpPorts(service)
    const main = ports.find((port) => port.number === 80) ?? ports[0]
    for (const port of ports) {
      if (listener.port !== undefined && listener.port !== port.number) continue
      const name = `${service.hostname}:${port.number}`
      const rules = index.of(service.hostname)
      const forms = listener.port !== undefined ? 'without' : port === main ? 'both' : 'with'
      found.push({
        frame: { name, host: service.hostname, rules, port: port.number, service: { service, port } },
        claims: serviceClaims(service, port.number, forms, scope.proxy.namespace, domain),
      })
    }
  }
  for (const [host, rules] of index.others) {
    const port = listener.port ?? RULE_HOST_PORT
    if (hasRoutes(host, port))
      found.push({ frame: { name: `${host}:${port}`, host, rules, port }, claims: ruleHostClaims(host, listener.port) })
  }
  const domains = assignDomains(found.map(({ claims }) => claims))
  return {
    list: found.flatMap(({ frame }, position) => {
      const given = domains[position]!
      return given.length > 0 ? [{ ...frame, domains: given }] : []
    }),
    made: [],
    takesAll: domains.some((given) => given.includes('*')),
  }
}

function hasLimits(scope: Scope): boolean {
  return scope.rateLimits().length > 0 || scope.localRateLimits().length > 0
}

function madeOf(scope: Scope, { list, made }: Frames, position: number, limited: boolean): CompiledVirtualHost {
  const { name, host, domains, rules, port, service } = list[position]!
  const routes =
    firstRules(scope, rules, port) ?? (service ? ruleCells(scope).plain(service.service, service.port) : [])
  const limits = limited ? rateLimitsFor(scope, host) : NO_LIMITS
  const before = made[position]
  if (before?.routes === routes && sameItems(before.limits, limits)) return before.virtualHost
  const compiled = virtualHost(name, domains, routes, { rateLimits: limits })
  if (!isSupposing()) made[position] = { routes, limits, virtualHost: compiled }
  return compiled
}

/**
 * Makes the virtual hosts of all outbound listeners, a few at a time: the tables that are compiled next then find them made. In a mesh of
 * thousands of services that is most of the work.
 */
export function* makeVirtualHosts(scope: Scope): Generator<void> {
  for (const { name } of outboundListeners(scope)) {
    const frames = framesOf(scope, name)
    const prepare = scope.proxy.sharesVirtualHosts ? prepareToShare(frames.list.length) : virtualHostBytes
    yield
    for (let position = 0; position < frames.list.length; position++) {
      prepare(madeOf(scope, frames, position, hasLimits(scope)).message)
      if (position % AT_ONCE === AT_ONCE - 1) yield
    }
  }
}

/** Virtual hosts: some tenths of a millisecond. */
const AT_ONCE = 4

/**
 * Routes of an outbound HTTP listener: a virtual host for each service port and each host of a rule, and one for all
 * others.
 */
export function compileOutbound(scope: Scope, listener: OutboundListener): CompiledRouteConfiguration {
  const frames = framesOf(scope, listener.name)
  const limited = hasLimits(scope)
  const virtualHosts = frames.list.map((_, position) => madeOf(scope, frames, position, limited))
  if (!frames.takesAll) {
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
