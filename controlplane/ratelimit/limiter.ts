import { createHash } from 'node:crypto'
import { asError } from '../../errors/thrown.ts'
import type { Descriptor, Rule, Rules } from './rules.ts'
import type { Store, Taken } from './store.ts'

/** What a request is told about one of its descriptors. */
export interface DescriptorDecision {
  readonly over: boolean
  /** undefined: nothing limits it. */
  readonly rule: Rule | undefined
  readonly remaining: number
  readonly resetMs: number
  /** How long every further request is refused, in ms; undefined where that is not known. */
  readonly overForMs?: number
}

export interface Decision {
  readonly over: boolean
  readonly descriptors: readonly DescriptorDecision[]
}

/** What became of one descriptor, for metrics. */
export type Outcome =
  | 'ok'
  /** Admitted, and little is left. */
  | 'near_limit'
  | 'over_limit'
  /** Refused without asking the store: it was empty a moment ago, and cannot have filled. */
  | 'over_limit_local'
  /** Would have been refused. */
  | 'shadow'
  | 'failed_open'
  | 'failed_closed'

export interface LimitedDescriptor extends Descriptor {
  /** Overrides the request's; 0 only looks. */
  readonly hits?: number
  /** The asker's own limit, in place of the rule's. */
  readonly limit?: { readonly intervalUs: number; readonly burst: number }
}

export interface LimiterOptions {
  readonly rules: () => Rules
  readonly store: Store
  /** ms; must not go back. */
  readonly now?: () => number
  readonly count?: (rule: Rule, outcome: Outcome, hits: number) => void
  /** Why the store failed; not called for each request, but when the reason changes. */
  readonly failed?: (error: Error) => void
}

/** Part of a limit below which it is near. */
const NEAR = 0.2

/** Counters known to be empty; the oldest make room. */
const MOST_EMPTY = 100_000

/** Descriptors of one request. */
export const MOST_DESCRIPTORS = 64

/** Decides requests by the rules, counting in the store. */
export class Limiter {
  private readonly options: LimiterOptions
  private readonly now: () => number
  /** Counters that are empty until a time: no answer can differ before. */
  private readonly empty = new Map<string, number>()

  constructor(options: LimiterOptions) {
    this.options = options
    this.now = options.now ?? (() => performance.now())
  }

  /** @param hits of descriptors that do not say it themselves; at least 1 */
  async decide(domain: string, descriptors: readonly LimitedDescriptor[], hits = 1): Promise<Decision> {
    const rules = this.options.rules()
    const time = this.now()
    const asked: { readonly index: number; readonly rule: Rule; readonly key: string; readonly hits: number }[] = []
    const takes: { key: string; intervalUs: number; burst: number; hits: number }[] = []
    const decisions: DescriptorDecision[] = descriptors.map((descriptor, index) => {
      const matched = rules.match(domain, descriptor)
      if (!matched) return UNLIMITED
      const { rule, values } = matched
      const key = counterKey(rule.id, values)
      const wanted = descriptor.hits ?? Math.max(1, hits)
      const emptyUntil = this.empty.get(key)
      if (emptyUntil !== undefined && wanted > 0) {
        if (time < emptyUntil) {
          this.count(rule, rule.shadow ? 'shadow' : 'over_limit_local', wanted)
          const left = emptyUntil - time
          return { over: !rule.shadow, rule, remaining: 0, resetMs: left, ...(rule.shadow ? {} : { overForMs: left }) }
        }
        this.empty.delete(key)
      }
      const { intervalUs, burst } = descriptor.limit ?? rule
      asked.push({ index, rule, key, hits: wanted })
      takes.push({ key, intervalUs, burst, hits: wanted })
      return UNLIMITED
    })
    if (takes.length > 0) {
      let taken: readonly (Taken | undefined)[] | undefined
      try {
        taken = await this.options.store.take(takes)
      } catch (error) {
        this.options.failed?.(asError(error))
      }
      for (const [position, { index, rule, key, hits: wanted }] of asked.entries()) {
        const one = taken?.[position]
        decisions[index] = one ? this.taken(rule, key, wanted, takes[position]!.burst, one) : this.untaken(rule, wanted)
      }
    }
    return { over: decisions.some(({ over }) => over), descriptors: decisions }
  }

  private taken(rule: Rule, key: string, hits: number, burst: number, taken: Taken): DescriptorDecision {
    const { allowed, remaining, retryMs, resetMs } = taken
    if (!allowed && retryMs > 0) {
      if (this.empty.size >= MOST_EMPTY) this.empty.delete(this.empty.keys().next().value!)
      this.empty.set(key, this.now() + retryMs)
    }
    if (allowed) this.count(rule, remaining < burst * NEAR ? 'near_limit' : 'ok', hits)
    else this.count(rule, rule.shadow ? 'shadow' : 'over_limit', hits)
    const over = !allowed && !rule.shadow
    return { over, rule, remaining, resetMs, ...(over && hits <= 1 && retryMs > 0 ? { overForMs: retryMs } : {}) }
  }

  private untaken(rule: Rule, hits: number): DescriptorDecision {
    const over = rule.failClosed && !rule.shadow
    this.count(rule, over ? 'failed_closed' : 'failed_open', hits)
    return { over, rule, remaining: 0, resetMs: 0 }
  }

  private count(rule: Rule, outcome: Outcome, hits: number): void {
    this.options.count?.(rule, outcome, hits)
  }
}

const UNLIMITED: DescriptorDecision = { over: false, rule: undefined, remaining: 0, resetMs: 0 }

/** Longest key that is kept readable. */
const READABLE = 200

/** JSON keeps `["a","b"]` and `["a,b"]` apart; long values, which callers choose, are hashed. */
export function counterKey(id: string, values: readonly string[]): string {
  if (values.length === 0) return id
  const text = JSON.stringify(values)
  return text.length <= READABLE ? `${id} ${text}` : `${id} #${createHash('sha256').update(text).digest('base64url')}`
}
