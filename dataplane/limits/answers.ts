import type { Descriptor } from './descriptors.ts'

/** Answers kept; the one kept for longest makes room. */
const mostAnswers = 10_000
/** Longest time an answer is used, in ms: the service says until when by its own clock, which may be another than ours. */
const longestMs = 1000

interface Answer {
  readonly over: boolean
  readonly until: number
  left: number
}

/**
 * Answers that the service allowed to use again: a `quota` of so many messages until a time
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ratelimit/v3/rls.proto). What it did not say so of is asked each time.
 */
export class Answers {
  readonly #answers = new Map<string, Answer>()

  /** Uses an answer up by one message. @returns whether the message is over the limit; undefined: it has to be asked. */
  use(key: string, now: number): boolean | undefined {
    const answer = this.#answers.get(key)
    if (!answer) return undefined
    if (now >= answer.until || answer.left <= 0) {
      this.#answers.delete(key)
      return undefined
    }
    answer.left--
    return answer.over
  }

  /** @param messages how many it holds for. @param validMs for how long */
  keep(key: string, over: boolean, messages: number, validMs: number, now: number): void {
    if (messages < 1 || !(validMs > 0)) return
    if (this.#answers.size >= mostAnswers) this.#answers.delete(this.#answers.keys().next().value!)
    this.#answers.set(key, { over, until: now + Math.min(validMs, longestMs), left: messages })
  }

  get size(): number {
    return this.#answers.size
  }
}

/** Tells descriptors of all domains apart, whatever their values hold. */
export function answerKey(domain: string, { entries }: Descriptor): string {
  let key = JSON.stringify(domain)
  for (const entry of entries) key += `\n${JSON.stringify(entry.key)}${JSON.stringify(entry.value)}`
  return key
}
