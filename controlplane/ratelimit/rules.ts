import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import type { ConfigObject } from '../config/object.ts'
import { push } from '../config/push.ts'
import { CONDITION_KEY, RATE_LIMIT_DOMAIN, RULE_KEY, rateLimitRuleId } from '../config/rate-limit-ids.ts'
import { parseDuration } from '../config/syntax/duration.ts'

/** One limit of a RateLimit document, as the service counts it. */
export interface Rule {
  /** `<namespace>/<name>/<index>`: what generated configuration asks by, and the label of metrics. */
  readonly id: string
  readonly domain: string
  /** Entries a hand-written descriptor must have, in this order; undefined for rules asked by their id. */
  readonly descriptor: readonly { readonly key: string; readonly value: string | undefined }[] | undefined
  /** Time for one request, in µs: the rate, turned round. */
  readonly intervalUs: number
  /** Most requests at once. */
  readonly burst: number
  /** Counted and told in metrics, never enforced. */
  readonly shadow: boolean
  /** Whether requests are refused while nothing can be counted. */
  readonly failClosed: boolean
}

/** A rule and the values it is counted apart by. */
export interface MatchedRule {
  readonly rule: Rule
  readonly values: readonly string[]
}

export interface Descriptor {
  readonly entries: readonly { readonly key: string; readonly value: string }[]
}

/** All limits that are counted for several proxies together. */
export class Rules {
  readonly all: readonly Rule[]
  private readonly byId: ReadonlyMap<string, Rule>
  private readonly byDomain: ReadonlyMap<string, readonly Rule[]>

  constructor(objects: readonly ConfigObject<RateLimitSpec>[]) {
    this.all = objects.filter(({ spec }) => spec.shared === true || spec.domain !== undefined).flatMap(rulesOf)
    this.byId = new Map(this.all.map((rule) => [rule.id, rule]))
    const byDomain = new Map<string, Rule[]>()
    for (const rule of this.all) {
      if (!rule.descriptor) continue
      push(byDomain, rule.domain, rule)
    }
    this.byDomain = byDomain
  }

  /** The rule a descriptor asks for, or undefined: nothing limits it. */
  match(domain: string, { entries }: Descriptor): MatchedRule | undefined {
    const [first] = entries
    if (domain === RATE_LIMIT_DOMAIN && first?.key === RULE_KEY) {
      const rule = this.byId.get(first.value)
      if (!rule) return undefined
      const values = entries.slice(1).flatMap(({ key, value }) => (key === CONDITION_KEY ? [] : [key, value]))
      return { rule, values }
    }
    const rule = this.byDomain.get(domain)?.find(({ descriptor }) => fits(descriptor!, entries))
    return rule && { rule, values: entries.flatMap(({ key, value }) => [key, value]) }
  }
}

function fits(wanted: NonNullable<Rule['descriptor']>, entries: Descriptor['entries']): boolean {
  return (
    wanted.length === entries.length &&
    wanted.every(({ key, value }, index) => {
      const entry = entries[index]!
      return entry.key === key && (value === undefined || entry.value === value)
    })
  )
}

function rulesOf(object: ConfigObject<RateLimitSpec>): readonly Rule[] {
  const { domain = RATE_LIMIT_DOMAIN, limits } = object.spec
  return limits.map(({ tokenBucket, descriptor, shadow = false, onFailure = 'allow' }, index) => {
    const fillMs = parseDuration(tokenBucket.fillInterval) ?? 1000
    return {
      id: rateLimitRuleId(object, index),
      domain,
      descriptor: descriptor?.map(({ key, value }) => ({ key, value })),
      intervalUs: (fillMs * 1000) / (tokenBucket.tokensPerFill ?? 1),
      burst: tokenBucket.maxTokens,
      shadow,
      failClosed: onFailure === 'deny',
    }
  })
}
