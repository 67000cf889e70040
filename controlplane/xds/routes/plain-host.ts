import type { Route } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { ConsistentHash } from '../../config/kinds/policy/load-balancer.ts'
import type { Origin } from '../../config/object.ts'
import { MESH_GATEWAY, type Scope } from '../../model/scope.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { consistentHashOf, type Decided } from '../clusters/policy.ts'
import { wireName } from '../wire-name.ts'
import { leadingTo, plainRoute } from './default-route.ts'
import { type CompiledVirtualHost, virtualHost } from './virtual-host.ts'

/**
 * A virtual host of a service port that no rule speaks of, before any message is made of it: a mesh has thousands of these, and most of
 * them are never sent one by one. Immutable; while nothing about it changes it is the same object.
 */
export interface PlainHost {
  readonly name: string
  readonly domains: readonly string[]
  /** Whether its domains are names, and none of them a pattern. */
  readonly exact: boolean
  /** Of the one route; on the wire. */
  readonly cluster: string
  /** What its route says but for the cluster: the same object for all that say the same. */
  readonly route: Route
  readonly origins: readonly Origin[]
}

/** A port of a service that requests are for. */
export interface ServiceTarget {
  readonly service: Service
  readonly port: ServicePort
  /** What its cluster is called, but for the generation. */
  readonly cluster: string
}

/** Makes a plain host, or gives back the one of the same name and domains that was made before if it would be the same. */
export type PlainHosts = (
  name: string,
  domains: readonly string[],
  target: ServiceTarget,
  before: PlainHost | undefined,
) => PlainHost

/** What the routes of service ports with the same rules have in common. */
interface Plain {
  readonly hash: Decided<ConsistentHash> | undefined
  readonly route: Route
}

/** For one computation: what all its hosts have in common is read once. */
export function plainHosts(scope: Scope): PlainHosts {
  const rulesOf = scope.destinationRulesAtOnce()
  const names = scope.generations ? { generation: scope.generations() } : {}
  const known = new Map<ReturnType<typeof rulesOf>, Map<number, Plain>>()
  const plainOf = (service: Service, port: ServicePort): Plain => {
    const rules = rulesOf(service)
    let byPort = known.get(rules)
    if (!byPort) {
      byPort = new Map()
      known.set(rules, byPort)
    }
    let plain = byPort.get(port.number)
    if (!plain) {
      const hash = consistentHashOf({ destinationRules: () => rules }, service, port)
      const context = { scope, gateway: MESH_GATEWAY, port: port.number, tls: false }
      plain = { hash, route: plainRoute(hash?.value, context) }
      byPort.set(port.number, plain)
    }
    return plain
  }
  return (name, domains, { service, port, cluster: first }, before) => {
    const { hash, route } = plainOf(service, port)
    const cluster = wireName(names, first)
    if (before?.cluster === cluster && before.route === route && before.origins[1]?.object === hash?.origin.object)
      return before
    const origins = hash ? [service.origin, hash.origin] : [service.origin]
    return { name, domains, exact: domains.every(isExact), cluster, route, origins }
  }
}

const expanded = new WeakMap<PlainHost, CompiledVirtualHost>()

/** The virtual host, made when somebody needs it by itself. */
export function expand(host: PlainHost): CompiledVirtualHost {
  let compiled = expanded.get(host)
  if (!compiled) {
    const { name, domains, cluster, origins } = host
    const route = leadingTo(host.route, { case: 'cluster', value: cluster })
    compiled = virtualHost(name, domains, [{ route, origins }])
    expanded.set(host, compiled)
  }
  return compiled
}

/** Whether a domain is a name, all of it characters that a host may have. */
export function isExact(domain: string): boolean {
  return /^[!-)+-~]+$/.test(domain)
}
