import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { ConfigObject } from '../config/object.ts'
import { cells, sameItems } from './cells.ts'
import { matchesLabels } from './endpoints.ts'
import { compareSpecificity, expandShortName, exportedTo, hostWithin } from './hosts.ts'
import type { Model } from './model.ts'
import type { ProxyClass } from './proxy-class.ts'
import type { Scope } from './scope.ts'
import type { Service } from './service.ts'

type DestinationRule = ConfigObject<DestinationRuleSpec>

/** The rules of one namespace that hold for a class. */
interface Level {
  /** By host. */
  readonly hosts: ReadonlyMap<string, readonly DestinationRule[]>
  /** Hosts that are wildcards, the most specific first. */
  readonly wildcards: readonly string[]
}

const NO_RULES: readonly DestinationRule[] = []

/** The DestinationRules that hold for proxies of a class. Nothing is looked up before it is asked for. */
export function visibleDestinationRules(
  { world, settings, registry }: Model,
  proxy: ProxyClass,
): Pick<Scope, 'destinationRules' | 'destinationRulesAtOnce'> {
  const visible = cells<readonly DestinationRule[]>((namespace) => {
    const { destinationRule: byDefault } = settings().exportTo
    return world
      .inNamespace<DestinationRuleSpec>('DestinationRule', namespace)
      .filter(({ spec }) => exportedTo(spec.exportTo?.length ? spec.exportTo : byDefault, namespace, proxy.namespace))
      .filter(({ spec }) => matchesLabels(spec.workloadSelector?.matchLabels ?? {}, proxy.labels))
  }, sameItems)

  const hostOf = (rule: DestinationRule) =>
    registry.byHostname().has(rule.spec.host.toLowerCase())
      ? rule.spec.host.toLowerCase()
      : expandShortName(rule.spec.host, rule.namespace, settings().domain)

  // By host, because they are looked up for each of thousands of services.
  const level = cells<Level>((namespace) => {
    const hosts = new Map<string, DestinationRule[]>()
    for (const rule of visible(namespace)) {
      const host = hostOf(rule)
      const list = hosts.get(host)
      if (list) list.push(rule)
      else hosts.set(host, [rule])
    }
    for (const [host, rules] of hosts) {
      const selected = rules.filter((rule) => rule.spec.workloadSelector)
      if (selected.length > 0) hosts.set(host, selected)
    }
    return { hosts, wildcards: [...hosts.keys()].filter((host) => host.startsWith('*')).sort(compareSpecificity) }
  })

  function* levelsFor(serviceNamespace: string): Iterable<Level> {
    for (const namespace of new Set([proxy.namespace, serviceNamespace, settings().rootNamespace]))
      yield level(namespace)
  }

  const ofService = cells<readonly DestinationRule[]>((key) => {
    const [hostname, namespace] = key.split('\n') as [string, string]
    return firstMatch(hostname, levelsFor(namespace))
  }, sameItems)

  return {
    destinationRules: ({ hostname, namespace }: Service) => ofService(`${hostname}\n${namespace}`),
    destinationRulesAtOnce() {
      const known = new Map<string, readonly Level[]>()
      return ({ hostname, namespace }) => {
        let levels = known.get(namespace)
        if (!levels) {
          levels = [...levelsFor(namespace)]
          known.set(namespace, levels)
        }
        return firstMatch(hostname, levels)
      }
    },
  }
}

/** The rules for a host of the first level that has any; within it those of exactly the host before those of the best wildcard. */
function firstMatch(hostname: string, levels: Iterable<Level>): readonly DestinationRule[] {
  for (const { hosts, wildcards } of levels) {
    const found = hosts.get(hostname)
    if (found) return found
    const best = wildcards.find((wildcard) => hostWithin(hostname, wildcard))
    if (best !== undefined) return hosts.get(best)!
  }
  return NO_RULES
}
