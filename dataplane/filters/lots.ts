import { Sampler } from './sampler.ts'

/**
 * Several shares of the same messages, each drawn for itself, that are looked at together: for how many messages none of them strikes is known
 * ahead, so that a message costs one count however many shares there are.
 */
export class Lots {
  readonly #samplers: readonly Sampler[]
  /** Messages from here on that none strikes. */
  #quiet = 0
  /** The same when it was drawn last: so many the samplers have not heard of. */
  #passed = 0
  /** Which of them struck the message that `take` was asked about last, if it said yes. */
  readonly hits: boolean[]

  /** `percents`: 0 to 100 each. `random` gives numbers from 0 (included) to 1. */
  constructor(percents: readonly number[], random?: () => number) {
    this.#samplers = percents.map((percent) => new Sampler(percent, random))
    this.hits = percents.map(() => false)
  }

  /** Whether any strikes this message. */
  take(): boolean {
    if (this.#quiet > 0) {
      this.#quiet--
      return false
    }
    return this.#draw()
  }

  #draw(): boolean {
    let any = false
    let quiet = Number.POSITIVE_INFINITY
    this.#samplers.forEach((sampler, i) => {
      sampler.pass(this.#passed)
      const hit = sampler.take()
      this.hits[i] = hit
      any ||= hit
      quiet = Math.min(quiet, sampler.quiet)
    })
    this.#quiet = quiet
    this.#passed = quiet
    return any
  }
}
