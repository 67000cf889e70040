import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { ConfigObject } from '../config/object.ts'
import { push } from '../config/push.ts'
import { cells, sameItems } from './cells.ts'
import { matchesLabels } from './endpoints.ts'
import { compareSpecificity, expandShortName, exportedTo, hostWithin } from './hosts.ts'
import { whilePresent } from './lasting.ts'
import type { Model } from './model.ts'
import type { ProxyClass } from './proxy-class.ts'
import type { Scope } from './scope.ts'

type DestinationRule = ConfigObject<DestinationRuleSpec>

/** Rules of a namespace that count together. */
interface Group {
  readonly rules: DestinationRule[]
  /** As the first rule says it; empty when it says nothing. */
  readonly exportTo: ReadonlySet<string>
  readonly selector: Readonly<Record<string, string>> | undefined
}

/** What a caller finds in one place it looks at. */
interface Level {
  readonly hosts: ReadonlyMap<string, readonly DestinationRule[]>
  /** Those of `hosts` that are wildcards, the most specific first. */
  readonly wildcards: readonly string[]
}

/**
 * Which of a namespace's rules are looked at. `own`: by callers of the namespace. `exported`: by callers of others. `private`: those that
 * nobody else may see.
 */
type Part = 'own' | 'exported' | 'private'

const NO_RULES: readonly DestinationRule[] = []

/**
 * The DestinationRules of callers of one class, by Istio's lookup: the caller's namespace, that of the service, the root namespace; in each only the
 * most specific host counts. A caller in the root namespace finds there first what is private to it: the others are meant for the whole mesh, and
 * the owner of a service knows it better.
 */
export function visibleDestinationRules(
  { world, settings, registry }: Model,
  proxy: ProxyClass,
): Pick<Scope, 'destinationRules' | 'destinationRulesAtOnce'> {
  const hostOf = (rule: DestinationRule) => {
    const host = rule.spec.host.toLowerCase()
    return registry.byHostname().has(host) ? host : expandShortName(rule.spec.host, rule.namespace, settings().domain)
  }

  const level = cells<Level>(
    (key) => {
      const cut = key.indexOf('/')
      const part = key.slice(0, cut) as Part
      const byDefault = settings().exportTo.destinationRule
      const byHost = new Map<string, DestinationRule[]>()
      for (const rule of world.inNamespace<DestinationRuleSpec>('DestinationRule', key.slice(cut + 1))) {
        if (!belongs(rule, part, byDefault)) continue
        const host = hostOf(rule)
        push(byHost, host, rule)
      }
      const hosts = new Map<string, readonly DestinationRule[]>()
      for (const [host, rules] of byHost) hosts.set(host, choose(groupsOf(rules), part, proxy, byDefault))
      return { hosts, wildcards: [...hosts.keys()].filter((host) => host.startsWith('*')).sort(compareSpecificity) }
    },
    sameLevel,
    {
      lasting: whilePresent({
        present: registry.namespaces,
        has: (all, key) => {
          const namespace = key.slice(key.indexOf('/') + 1)
          return all.has(namespace) || namespace === proxy.namespace || namespace === settings().rootNamespace
        },
      }),
    },
  )

  const find = (hostname: string, namespace: string, at: (key: string) => Level): readonly DestinationRule[] => {
    const { rootNamespace } = settings()
    // Who has rules of its own for a host, if only for some of its workloads, has none of others.
    const own = mostSpecific(
      at(`${proxy.namespace === rootNamespace ? 'private' : 'own'}/${proxy.namespace}`),
      hostname,
    )
    if (own) return own
    for (const owner of new Set([namespace, rootNamespace])) {
      const found = mostSpecific(at(`exported/${owner}`), hostname)
      if (found?.length) return found
    }
    return NO_RULES
  }

  const ofService = cells<readonly DestinationRule[]>(
    (key) => {
      const cut = key.indexOf('\n')
      return find(key.slice(0, cut), key.slice(cut + 1), level)
    },
    sameItems,
    { lasting: registry.declared },
  )

  return {
    destinationRules: ({ hostname, namespace }) => ofService(`${hostname}\n${namespace}`),
    destinationRulesAtOnce() {
      const known = new Map<string, Level>()
      const at = (key: string) => {
        let found = known.get(key)
        if (!found) {
          found = level(key)
          known.set(key, found)
        }
        return found
      }
      return ({ hostname, namespace }) => find(hostname, namespace, at)
    },
  }
}

function mostSpecific({ hosts, wildcards }: Level, hostname: string): readonly DestinationRule[] | undefined {
  const exact = hosts.get(hostname)
  if (exact) return exact
  const best = wildcards.find((wildcard) => hostWithin(hostname, wildcard))
  return best === undefined ? undefined : hosts.get(best)
}

/** A rule for some workloads of its namespace is for nobody else, whatever it says. */
function exportOf({ spec }: DestinationRule): readonly string[] {
  return spec.workloadSelector ? ['.'] : (spec.exportTo ?? [])
}

function belongs(rule: DestinationRule, part: Part, byDefault: readonly string[]): boolean {
  const said = exportOf(rule)
  const { namespace } = rule
  // Without exportTo a rule holds at least at home: the default of the mesh is about others.
  if (part === 'own') return said.length === 0 || exportedTo(said, namespace, namespace)
  const isPrivate = (said.length > 0 ? said : byDefault).every((to) => to === '.' || to === namespace)
  return isPrivate === (part === 'private')
}

/**
 * Rules of one host that count together: those with the same selector and the same `exportTo`, and one with a wider `exportTo` or without a selector
 * adds to older ones with a narrower one. Such a rule still stands for itself for everybody else (Istio loses it there). Those with a
 * selector come first.
 */
function groupsOf(rules: readonly DestinationRule[]): readonly Group[] {
  if (rules.length === 1) return rules.map(newGroup)
  const groups: Group[] = []
  for (const rule of [
    ...rules.filter(({ spec }) => spec.workloadSelector),
    ...rules.filter(({ spec }) => !spec.workloadSelector),
  ]) {
    const added = newGroup(rule)
    let alone = true
    let adds = false
    for (const group of groups) {
      const wider = [...group.exportTo].every((to) => added.exportTo.has(to))
      const equal = wider && group.exportTo.size === added.exportTo.size
      if (!equal && !(wider && group.exportTo.size > 0)) continue
      if (group.selector && added.selector && !sameLabels(group.selector, added.selector)) continue
      group.rules.push(rule)
      adds = true
      if (equal && (group.selector === undefined) === (added.selector === undefined)) alone = false
    }
    // A caller takes the last it sees: what a rule adds to goes before the rule by itself.
    if (alone && adds) groups.unshift(added)
    else if (alone) groups.push(added)
  }
  return groups
}

function newGroup(rule: DestinationRule): Group {
  const selector = rule.spec.workloadSelector && (rule.spec.workloadSelector.matchLabels ?? {})
  return { rules: [rule], exportTo: new Set(exportOf(rule)), selector }
}

/** The group that a caller gets: one for its labels, else the last that is for all. */
function choose(
  groups: readonly Group[],
  part: Part,
  proxy: ProxyClass,
  byDefault: readonly string[],
): readonly DestinationRule[] {
  const selected = groups.find(({ selector }) => selector && matchesLabels(selector, proxy.labels))
  if (selected) return selected.rules
  const general = groups.findLast(
    ({ selector, exportTo, rules }) =>
      !selector &&
      (part !== 'exported' ||
        exportedTo(exportTo.size > 0 ? [...exportTo] : byDefault, rules[0]!.namespace, proxy.namespace)),
  )
  return general?.rules ?? NO_RULES
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return matchesLabels(a, b) && matchesLabels(b, a)
}

function sameLevel(a: Level, b: Level): boolean {
  if (a.hosts.size !== b.hosts.size) return false
  for (const [host, rules] of a.hosts) {
    const other = b.hosts.get(host)
    if (!other || !sameItems(rules, other)) return false
  }
  return true
}
