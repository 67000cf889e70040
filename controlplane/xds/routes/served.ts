import { type Cells, cell, cells, sameItems } from '../../model/cells.ts'
import { MESH_GATEWAY, type Scope } from '../../model/scope.ts'
import type { Service } from '../../model/service.ts'
import { egressHosts, serviceInScope, virtualServiceInScope } from '../../model/sidecar-scope.ts'
import { type HostIndex, indexHosts, type RuleHosts } from './rules.ts'

/** Which hosts a Sidecar lets through: of one of its egress listeners, of all together, or everything that is visible. */
export type Egress = number | 'together' | undefined

/** What requests of a mesh may go to, and which rules speak of it. */
export interface Served {
  readonly services: readonly Service[]
  readonly index: HostIndex
}

const byScope = new WeakMap<Scope, Cells<Served>>()

/**
 * Services and rules by host. It is made again when a service or a host of a rule comes or goes, not when a rule says something else
 * about the same hosts.
 */
export function served(scope: Scope, egress: Egress): Served {
  let known = byScope.get(scope)
  if (!known) {
    known = createServed(scope)
    byScope.set(scope, known)
  }
  return known(String(egress))
}

function createServed(scope: Scope): Cells<Served> {
  const hostsOf = (key: string) =>
    key === 'undefined'
      ? undefined
      : egressHosts(scope.sidecar(), scope.proxy.namespace, key === 'together' ? undefined : Number(key))
  const services = cells<readonly Service[]>((key) => {
    const hosts = hostsOf(key)
    return hosts
      ? scope.services().filter((service) => serviceInScope(hosts, service.namespace, service.hostname))
      : scope.services()
  }, sameItems)
  const rules = cells<readonly RuleHosts[]>((key) => {
    const all = scope.virtualServices(MESH_GATEWAY)
    const hosts = key === 'together' ? undefined : hostsOf(key)
    const { domain } = scope.settings()
    return hosts ? all.filter((rule) => virtualServiceInScope(hosts, rule, domain)) : all
  }, sameHosts)
  const index = cells((key) => indexHosts(scope, rules(key), services(key)))
  const both = cells((key) => cell(() => ({ services: services(key), index: index(key) })))
  return Object.assign((key: string) => both(key)(), { forget: both.forget })
}

function sameHosts(a: readonly RuleHosts[], b: readonly RuleHosts[]): boolean {
  return (
    a.length === b.length &&
    a.every((rule, position) => {
      const other = b[position]!
      return rule === other || (rule.key === other.key && sameItems(rule.spec.hosts ?? [], other.spec.hosts ?? []))
    })
  )
}
