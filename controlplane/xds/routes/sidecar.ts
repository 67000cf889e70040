import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { IstioEgressListener } from '../../config/kinds/sidecar.ts'
import { type Cells, cells, sameItems } from '../../model/cells.ts'
import { whilePresent } from '../../model/lasting.ts'
import { Memory } from '../../model/memory.ts'
import { MESH_GATEWAY, type Scope } from '../../model/scope.ts'
import { isHttp, outboundClusterName, portProtocol } from '../../model/service.ts'
import { isSupposing } from '../../model/supposition.ts'
import { egressRouteName, HTTP_PROXY_ROUTES, onDemandTable } from '../names.ts'
import { catchAllVirtualHost } from './catch-all.ts'
import type { CompiledRateLimit } from './compiled-rate-limit.ts'
import { MAX_DIRECT_RESPONSE_BYTES } from './direct-response.ts'
import { assignDomains, claim, type DomainClaim, hostHeader, serviceClaims } from './domains.ts'
import type { CompiledRoute } from './http-route.ts'
import { type PlainHost, type PlainHosts, plainHosts, type ServiceTarget } from './plain-host.ts'
import { rateLimitsFor } from './rate-limit.ts'
import { RouteTable } from './route-table.ts'
import { firstRules, httpPorts, RULE_HOST_PORT, type RuleHosts, ruleCells } from './rules.ts'
import { served } from './served.ts'
import { prepareToShare, type TableHost } from './shared-virtual-hosts.ts'
import { type CompiledVirtualHost, virtualHost } from './virtual-host.ts'

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
export function outboundHttpListeners(scope: Scope): readonly OutboundListener[] {
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
  readonly target?: ServiceTarget
  /** What was last made of it. Most stay the same while others in their table change. */
  made?: Made
}

type Made =
  | { readonly plain: PlainHost; readonly virtualHost?: undefined }
  | {
      readonly routes: readonly CompiledRoute[]
      readonly limits: readonly CompiledRateLimit[]
      readonly virtualHost: CompiledVirtualHost
      readonly plain?: undefined
    }

interface Frames {
  readonly list: readonly Frame[]
  /** Whether one of them takes every request that no other takes. */
  readonly takesAll: boolean
}

const byScope = new WeakMap<Scope, Cells<Frames>>()

function framesOf(scope: Scope, name: string): Frames {
  let known = byScope.get(scope)
  if (!known) {
    const otherNamed = (id: string) => {
      const [name, egress] = id.split('\n') as [string, string]
      return served(scope, egress === '' ? undefined : Number(egress)).index.others.get(name)
    }
    const hasRoutes = cells(
      (id) => {
        const other = otherNamed(id)
        return other !== undefined && firstRules(scope, other.rules, other.port) !== undefined
      },
      undefined,
      {
        lasting: whilePresent({
          present: () => scope.virtualServices(MESH_GATEWAY),
          has: (_, id) => otherNamed(id) !== undefined,
        }),
      },
    )
    const last = new Memory<string, Frames>()
    known = cells(
      (table) => {
        const listener = outboundHttpListeners(scope).find((candidate) => candidate.name === table)
        if (!listener) {
          last.delete(table)
          return { list: [], takesAll: false }
        }
        const ofRules = (name: string) => hasRoutes(`${name}\n${listener.egress ?? ''}`)
        const frames = createFrames(scope, listener, ofRules, last.get(table)?.list ?? [])
        last.set(table, frames)
        return frames
      },
      undefined,
      {
        lasting: whilePresent({
          present: () => outboundHttpListeners(scope),
          has: (all, table) => all.some(({ name }) => name === table),
        }),
      },
    )
    byScope.set(scope, known)
  }
  return known(name)
}

function createFrames(
  scope: Scope,
  listener: OutboundListener,
  hasRoutes: (name: string) => boolean,
  before: readonly Frame[],
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
      const cluster = outboundClusterName(port.number, '', service.hostname)
      found.push({
        frame: { name, host: service.hostname, rules, port: port.number, target: { service, port, cluster } },
        claims: serviceClaims(service, port.number, forms, scope.proxy.namespace, domain),
      })
    }
  }
  for (const [name, { host, port, rules }] of index.others) {
    if (listener.port !== undefined && listener.port !== port) continue
    if (hasRoutes(name))
      found.push({ frame: { name, host, rules, port }, claims: ruleHostClaims(host, port, listener.port) })
  }
  const domains = assignDomains(found.map(({ claims }) => claims))
  const known = new Map(before.map((frame) => [frame.name, frame]))
  const list: Frame[] = []
  for (const [position, { frame }] of found.entries()) {
    const given = domains[position]!
    if (given.length === 0) continue
    const same = known.get(frame.name)
    list.push(same && isSame(same, frame, given) ? same : { ...frame, domains: given })
  }
  return { list, takesAll: domains.some((given) => given.includes('*')) }
}

function isSame(a: Frame, b: Omit<Frame, 'domains'>, domains: readonly string[]): boolean {
  return (
    a.target?.service === b.target?.service &&
    a.target?.port === b.target?.port &&
    sameItems(a.domains, domains) &&
    sameItems(a.rules, b.rules)
  )
}

/** What the virtual hosts of a table are made with. */
interface Making {
  readonly limited: boolean
  readonly plain: PlainHosts
}

function making(scope: Scope): Making {
  return {
    limited: scope.rateLimits().length > 0 || scope.localRateLimits().length > 0,
    plain: plainHosts(scope),
  }
}

function madeOf(scope: Scope, frame: Frame, { limited, plain }: Making): TableHost {
  const { name, host, domains, rules, port, target, made } = frame
  const ruled = firstRules(scope, rules, port)
  const limits = limited ? rateLimitsFor(scope, host) : NO_LIMITS
  if (!ruled && target && limits.length === 0 && target.port.protocol !== 'grpc-web') {
    const present = plain(name, domains, target, made?.plain)
    if (present !== made?.plain && !isSupposing()) frame.made = { plain: present }
    return present
  }
  const routes = ruled ?? (target ? ruleCells(scope).plain(target.service, target.port) : [])
  if (made?.virtualHost && made.routes === routes && sameItems(made.limits, limits)) return made.virtualHost
  const compiled = virtualHost(name, domains, routes, { rateLimits: limits })
  if (!isSupposing()) frame.made = { routes, limits, virtualHost: compiled }
  return compiled
}

/**
 * Makes the virtual hosts of all outbound listeners, a few at a time: the tables that are compiled next then find them made. In a mesh of
 * thousands of services that is most of the work.
 */
export function* makeVirtualHosts(scope: Scope): Generator<void> {
  for (const { name } of outboundHttpListeners(scope)) {
    const frames = framesOf(scope, name)
    const prepare = prepareToShare(frames.list.length, scope.sharesFrom)
    yield
    let present = making(scope)
    let work = 0
    for (let position = 0; position < frames.list.length; position++) {
      work += prepare(madeOf(scope, frames.list[position]!, present)) ? 1 : PLAIN
      if (work < AT_ONCE) continue
      yield
      work = 0
      present = making(scope)
    }
  }
}

/** Virtual hosts that are made between two pauses: some tenths of a millisecond. */
const AT_ONCE = 4
/** What one of which no message is made counts. */
const PLAIN = 1 / 64

/**
 * Routes of an outbound HTTP listener: a virtual host for each service port and each host of a rule, and one for all
 * others.
 */
export function compileOutbound(scope: Scope, listener: OutboundListener): RouteTable {
  const frames = framesOf(scope, listener.name)
  const present = making(scope)
  const hosts = frames.list.map((frame) => madeOf(scope, frame, present))
  if (!frames.takesAll) {
    const context = { scope, gateway: MESH_GATEWAY, port: listener.port ?? RULE_HOST_PORT, tls: false }
    hosts.push(catchAllVirtualHost(scope, context))
  }
  const head = make(RouteConfigurationSchema, {
    name: listener.name,
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
    // Where the port in the authority chooses the service port it must count.
    ignorePortInHostMatching: listener.port !== undefined,
  })
  return new RouteTable(head, hosts, scope.sharesFrom)
}

/** Without a port in the authority plain HTTP's is meant, but a rule for every host takes what nothing else does. */
function ruleHostClaims(host: string, port: number, only: number | undefined): readonly DomainClaim[] {
  const name = hostHeader(host)
  if (only !== undefined || (name === '*' && port === RULE_HOST_PORT)) return [claim(name, 0)]
  return [...(port === RULE_HOST_PORT ? [name] : []), `${name}:${port}`].map((domain) => claim(domain, 0))
}
