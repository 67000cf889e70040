import { inspect } from 'node:util'

/**
 * How long something that must come about in the end may take, ms: not a promise of the product, only the end of a wait that would never
 * end. Far above what a starved machine needs and below the limit of a test, so that it ends with what was seen last. What takes longer by
 * rule (a session of Consul, a program that starts) says so where it waits. `expect.poll` has the same bound (vitest.config.ts).
 */
export const IN_THE_END_MS = 30_000
const LOOK_EVERY_MS = 20

export interface Wait {
  /** What is waited for, in the message of one that is not fulfilled. */
  readonly what?: string
  /** Default IN_THE_END_MS. */
  readonly withinMs?: number
  /** Between two looks; default 20. */
  readonly everyMs?: number
}

/**
 * Looks again and again until what is seen fits (default: is truthy), and returns it. An error of `look` ends the wait: what makes waiting
 * pointless is told at once.
 * @throws Error with what was seen last
 */
export async function until<Seen>(
  look: () => Seen | Promise<Seen>,
  fits: (seen: Seen) => boolean = Boolean,
  { what, withinMs = IN_THE_END_MS, everyMs = LOOK_EVERY_MS }: Wait = {},
): Promise<Seen> {
  const end = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (fits(seen)) return seen
    if (performance.now() > end)
      throw new Error(`not within ${withinMs} ms${what ? `: ${what}` : ''}; last seen: ${brief(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

/** Waits until it is true. @throws Error that says `what` was waited for */
export async function comesTrue(
  check: () => boolean | Promise<boolean>,
  what?: string,
  wait: Omit<Wait, 'what'> = {},
): Promise<void> {
  await until(check, Boolean, what === undefined ? wait : { ...wait, what })
}

/**
 * Repeats a check until it passes, and returns what it returns: for several expectations that must hold at one time.
 * @throws the last error of the check
 */
export async function eventually<Answer>(
  check: () => Answer | Promise<Answer>,
  { what, withinMs = IN_THE_END_MS, everyMs = LOOK_EVERY_MS }: Wait = {},
): Promise<Answer> {
  const end = performance.now() + withinMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() <= end) {
        await new Promise((resolve) => setTimeout(resolve, everyMs))
        continue
      }
      if (error instanceof Error)
        error.message = `not within ${withinMs} ms${what ? `: ${what}` : ''}; at last: ${error.message}`
      throw error
    }
  }
}

function brief(seen: unknown): string {
  const text = inspect(seen, { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 50 })
  return text.length > 2000 ? `${text.slice(0, 2000)} …` : text
}
