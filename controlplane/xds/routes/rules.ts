import type { VirtualServiceSpec } from '../../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../../config/object.ts'
import { push } from '../../config/push.ts'
import { type Cells, cells } from '../../model/cells.ts'
import { compareSpecificity, hostsOverlap, hostWithin } from '../../model/hosts.ts'
import { MESH_GATEWAY, type Scope } from '../../model/scope.ts'
import { isHttp, type Service, type ServicePort } from '../../model/service.ts'
import type { RouteContext } from './context.ts'
import { defaultRoute } from './default-route.ts'
import { type CompiledRoute, compileHttpRoutes } from './http-route.ts'

type VirtualService = ConfigObject<VirtualServiceSpec>

/**
 * Routes of one class, each VirtualService and each service port compiled once and again only when something it read
 * has changed.
 */
export interface RuleCells {
  /** Rules that apply behind a gateway, by key, as they are at present. */
  present(gateway: string): ReadonlyMap<string, VirtualService>
  /** Routes of a VirtualService behind a gateway for requests of one port. */
  rules(virtualService: VirtualService, gateway: string, port: number, tls: boolean): readonly CompiledRoute[]
  /** The one route of a service port that no rule speaks of. */
  plain(service: Service, port: ServicePort): readonly CompiledRoute[]
}

const byScope = new WeakMap<Scope, RuleCells>()

/** The cells of a class; they live as long as its scope. */
export function ruleCells(scope: Scope): RuleCells {
  const known = byScope.get(scope)
  if (known) return known
  const made = createRuleCells(scope)
  byScope.set(scope, made)
  return made
}

function createRuleCells(scope: Scope): RuleCells {
  const present = cells(
    (gateway) => new Map(scope.virtualServices(gateway).map((virtualService) => [virtualService.key, virtualService])),
    undefined,
    { lasting: scope.boundGateways },
  )
  // By the object, not its name: the routes of one rule then do not read the list in which others change.
  const compiled = new WeakMap<VirtualService, Cells<readonly CompiledRoute[]>>()
  const plain = cells<readonly CompiledRoute[]>(
    (id) => {
      const [hostname, number] = id.split('\n') as [string, string]
      const service = scope.service(hostname)
      const port = service?.ports.find((candidate) => candidate.number === Number(number))
      const context: RouteContext = { scope, gateway: MESH_GATEWAY, port: Number(number), tls: false }
      return service && port ? [defaultRoute(service, port, context)] : []
    },
    undefined,
    { lasting: scope.hosts },
  )
  return {
    present,
    rules(virtualService, gateway, port, tls) {
      let known = compiled.get(virtualService)
      if (!known) {
        known = cells((id) => {
          const [name, number, security] = id.split('\n') as [string, string, string]
          const context: RouteContext = { scope, gateway: name, port: Number(number), tls: security === 'tls' }
          return compileHttpRoutes(virtualService, context)
        })
        compiled.set(virtualService, known)
      }
      return known(`${gateway}\n${port}\n${tls ? 'tls' : ''}`)
    },
    plain: (service, port) => plain(`${service.hostname}\n${port.number}`),
  }
}

/** Of a rule only what it is called and which hosts it speaks of: what it says about them may be out of date. */
export type RuleHosts = Pick<VirtualService, 'key' | 'namespace'> & {
  readonly spec: Pick<VirtualServiceSpec, 'hosts'>
}

/** A port of a host that rules speak of and the registry does not. */
export interface RuleHost {
  readonly host: string
  readonly port: number
  /** In order of precedence. */
  readonly rules: readonly RuleHosts[]
}

/** Which rules speak of which host. */
export interface HostIndex {
  /** Rules for a service in order of precedence: those that name it, else those with the most specific wildcard. */
  of(hostname: string): readonly RuleHosts[]
  /** Hosts of rules that are no service of the registry on that port, by `<host>:<port>`. */
  readonly others: ReadonlyMap<string, RuleHost>
}

/** The port of hosts that are only in rules: plain HTTP's. */
export const RULE_HOST_PORT = 80

/**
 * Sorts rules by host. A service that is none of those given, which a Sidecar does not import, is a host like any other: a rule it
 * does import speaks of it all the same, as in Istio.
 */
export function indexHosts(
  scope: Scope,
  virtualServices: readonly RuleHosts[],
  services: readonly Service[],
): HostIndex {
  const exact = new Map<string, RuleHosts[]>()
  const wildcards = new Map<string, RuleHosts[]>()
  const named = new Map<RuleHosts, readonly string[]>()
  for (const virtualService of virtualServices) {
    const { spec, namespace } = virtualService
    const hosts = (spec.hosts ?? []).map(
      (host) => scope.resolve(host, namespace)?.hostname ?? scope.hostname(host, namespace),
    )
    named.set(virtualService, hosts)
    for (const hostname of hosts) {
      const index = hostname.startsWith('*') ? wildcards : exact
      push(index, hostname, virtualService)
    }
  }
  const specific = [...wildcards.keys()].sort(compareSpecificity)
  const of = (hostname: string): readonly RuleHosts[] => {
    const rules = exact.get(hostname)
    if (rules) return rules
    const pattern = specific.find((candidate) => hostWithin(hostname, candidate))
    const first = pattern === undefined ? undefined : wildcards.get(pattern)?.[0]
    return first ? [first] : []
  }
  return { of, others: otherHosts(named, of, services) }
}

/**
 * As in Istio: what else a rule speaks of is meant on the ports of those of its hosts that are services, and on port 80. A wildcard
 * speaks of the services it holds; on a port that none of them has, nor a service with a wider wildcard, it is a host of its own. A service that has HTTP ports, but none that is
 * asked for, is no host of port 80: it has its name without a port already.
 */
function otherHosts(
  named: ReadonlyMap<RuleHosts, readonly string[]>,
  of: HostIndex['of'],
  services: readonly Service[],
): ReadonlyMap<string, RuleHost> {
  const known = new Map(services.map((service) => [service.hostname, service]))
  const onPort = new Map<number, readonly Service[]>()
  const isServed = (host: string, port: number) => {
    if (!host.startsWith('*')) return known.get(host)?.ports.some(({ number }) => number === port) ?? false
    let list = onPort.get(port)
    if (!list) {
      list = services.filter(({ ports }) => ports.some(({ number }) => number === port))
      onPort.set(port, list)
    }
    return list.some(({ hostname }) => hostsOverlap(hostname, host))
  }
  const others = new Map<string, { host: string; port: number; rules: RuleHosts[] }>()
  for (const [rule, hosts] of named) {
    const ports = hosts.length > 1 ? portsOf(rule, hosts, known, of, services) : new Set<number>()
    for (const port of new Set([RULE_HOST_PORT, ...ports]))
      for (const host of new Set(hosts)) {
        if (isServed(host, port)) continue
        const service = ports.has(port) || host.startsWith('*') ? undefined : known.get(host)
        if (service && httpPorts(service).length > 0) continue
        const key = `${host}:${port}`
        const other = others.get(key)
        if (other) other.rules.push(rule)
        else others.set(key, { host, port, rules: [rule] })
      }
  }
  return others
}

/** HTTP ports of the services a rule is for. */
function portsOf(
  rule: RuleHosts,
  hosts: readonly string[],
  known: ReadonlyMap<string, Service>,
  of: HostIndex['of'],
  services: readonly Service[],
): ReadonlySet<number> {
  const ports = new Set<number>()
  const add = (service: Service) => {
    for (const { number } of httpPorts(service)) ports.add(number)
  }
  for (const host of hosts) {
    const service = known.get(host)
    if (!host.startsWith('*')) service && add(service)
    else for (const one of services) if (hostWithin(one.hostname, host) && of(one.hostname)[0] === rule) add(one)
  }
  return ports
}

/** The first rules that say something about a port of the mesh; undefined when none does. */
export function firstRules(
  scope: Scope,
  rules: readonly RuleHosts[],
  port: number,
): readonly CompiledRoute[] | undefined {
  if (rules.length === 0) return undefined
  const cells = ruleCells(scope)
  const present = cells.present(MESH_GATEWAY)
  for (const { key } of rules) {
    const rule = present.get(key)
    const routes = rule ? cells.rules(rule, MESH_GATEWAY, port, false) : []
    if (routes.length > 0) return routes
  }
  return undefined
}

/** Routes of a service port in the mesh. */
export function routesOfPort(
  scope: Scope,
  index: HostIndex,
  service: Service,
  port: ServicePort,
): readonly CompiledRoute[] {
  return firstRules(scope, index.of(service.hostname), port.number) ?? ruleCells(scope).plain(service, port)
}

/** Ports of a service that speak HTTP or gRPC. */
export function httpPorts(service: Service): readonly ServicePort[] {
  return service.ports.filter((port) => isHttp(port.protocol))
}
