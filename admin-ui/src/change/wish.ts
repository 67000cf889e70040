import type { Plan } from '../api/schema.ts'

/**
 * What a person who applies a plan has agreed to: its words, its diff, its new errors and the services it touches. Proxies that
 * come and go meanwhile make no other plan.
 */
export function meaningOf({ files, meaning, newErrors, services }: Plan): string {
  const errors = newErrors.map(({ code, file, message }) => [code, file, message])
  const words = meaning.map(({ object, text, danger }) => [object, text.en, danger])
  return JSON.stringify([files, words, errors, [...services].sort()])
}

/** Somebody said "apply" while the plan was being made; `seen` is the meaning of the plan they looked at then, if there was one. */
export interface Wish {
  readonly seen: string | undefined
}

/** What becomes of a wish: it waits for the plan, is granted, is asked about because they saw another plan or none, or is moot. */
export function answerTo(
  { seen }: Wish,
  { plan, pending, failed }: { readonly plan: Plan | undefined; readonly pending: boolean; readonly failed: boolean },
): 'wait' | 'apply' | 'ask' | 'drop' {
  if (pending) return 'wait'
  if (failed || !plan) return 'drop'
  return meaningOf(plan) === seen ? 'apply' : 'ask'
}
