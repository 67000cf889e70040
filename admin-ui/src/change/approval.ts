import type { Plan } from '../api/schema.ts'
import { dangerousNames } from './blast-radius.ts'
import type { PlanState } from './use-plan.ts'

/** What a person has said to a plan so far. */
export interface Said {
  readonly reason: string
  /** In place of the names that are to be typed. */
  readonly typed: string
  /** May not change anything at all. */
  readonly barred: boolean
}

/** What is missing before a plan may be applied: nothing would help against `errors`. */
export type Missing = 'errors' | 'reason' | 'names'

/**
 * The names to be typed again, because much hangs on them, and what is missing: first the reason, then the names.
 * What has errors cannot be applied, so there is nothing to confirm.
 */
export function approvalOf(
  plan: Pick<Plan, 'meaning' | 'newErrors'> | undefined,
  { reason, typed, barred }: Said,
): {
  readonly names: readonly string[]
  readonly missing: Missing | undefined
  /** The field to fill next; undefined where none is left, or none would help. */
  readonly next: 'reason' | 'names' | undefined
} {
  const broken = plan !== undefined && plan.newErrors.length > 0
  const names = plan && !broken ? dangerousNames(plan.meaning) : []
  const words = typed.split(/[\s,]+/)
  const confirmed = names.every((name) => words.includes(name))
  const field = reason.trim() === '' ? 'reason' : confirmed ? undefined : 'names'
  return { names, missing: broken ? 'errors' : field, next: barred ? undefined : field }
}

/** There is no plan to apply, and none is coming. */
export function isStuck({
  plan,
  conflict,
  error,
  pending,
}: {
  readonly [K in keyof Pick<PlanState, 'plan' | 'conflict' | 'error' | 'pending'>]: PlanState[K]
}): boolean {
  return !pending && (!plan || error !== undefined || conflict !== undefined)
}
