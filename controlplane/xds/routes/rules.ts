import type { VirtualServiceSpec } from '../../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../../config/object.ts'
import { type Cells, cells } from '../../model/cells.ts'
import { compareSpecificity, hostWithin } from '../../model/hosts.ts'
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
  )
  // By the object, not its name: the routes of one rule then do not read the list in which others change.
  const compiled = new WeakMap<VirtualService, Cells<readonly CompiledRoute[]>>()
  const plain = cells<readonly CompiledRoute[]>((id) => {
    const [hostname, number] = id.split('\n') as [string, string]
    const service = scope.service(hostname)
    const port = service?.ports.find((candidate) => candidate.number === Number(number))
    const context: RouteContext = { scope, gateway: MESH_GATEWAY, port: Number(number), tls: false }
    return service && port ? [defaultRoute(service, port, context)] : []
  })
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

/** Which rules speak of which host. */
export interface HostIndex {
  /** Rules for a service in order of precedence: those that name it, else those with the most specific wildcard. */
  of(hostname: string): readonly RuleHosts[]
  /** Hosts of rules that are no service of the registry, with their rules, in order of precedence. */
  readonly others: ReadonlyMap<string, readonly RuleHosts[]>
}

/**
 * Sorts rules by host. A service that is none of those given, which a Sidecar does not import, is a host like any other: a rule it
 * does import speaks of it all the same, as in Istio. A wildcard that holds at least one of the services speaks of these only; one that holds none is
 * a host of its own, as in Istio.
 */
export function indexHosts(
  scope: Scope,
  virtualServices: readonly RuleHosts[],
  services: readonly Service[],
): HostIndex {
  const exact = new Map<string, RuleHosts[]>()
  const wildcards = new Map<string, RuleHosts[]>()
  for (const virtualService of virtualServices)
    for (const host of virtualService.spec.hosts ?? []) {
      const hostname =
        scope.resolve(host, virtualService.namespace)?.hostname ?? scope.hostname(host, virtualService.namespace)
      const index = hostname.startsWith('*') ? wildcards : exact
      const list = index.get(hostname)
      if (list) list.push(virtualService)
      else index.set(hostname, [virtualService])
    }
  const specific = [...wildcards.keys()].sort(compareSpecificity)
  const known = new Set(services.map((service) => service.hostname))
  const others = new Map<string, readonly RuleHosts[]>()
  for (const [hostname, list] of exact) if (!known.has(hostname)) others.set(hostname, list)
  for (const [pattern, list] of wildcards)
    if (!services.some((service) => hostWithin(service.hostname, pattern))) others.set(pattern, list)
  return {
    of: (hostname) => {
      const named = exact.get(hostname)
      if (named) return named
      const pattern = specific.find((candidate) => hostWithin(hostname, candidate))
      const first = pattern === undefined ? undefined : wildcards.get(pattern)?.[0]
      return first ? [first] : []
    },
    others,
  }
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

export function httpPorts(service: Service): readonly ServicePort[] {
  return service.ports.filter((port) => isHttp(port.protocol))
}
