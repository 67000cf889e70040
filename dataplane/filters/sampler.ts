/** So far ahead at most is the next hit planned; then it is drawn again, which changes no probability. */
const farthest = 2 ** 30

/**
 * Takes a share of messages at random, each independently of all others. How many are passed over until the next hit is drawn once a hit (from the
 * geometric distribution) instead of a random number for each message.
 */
export class Sampler {
  readonly #percent: number
  readonly #random: () => number
  /** Messages to pass over. */
  #left: number
  /** Whether the one after those is a hit. */
  #hit = false

  /** `percent`: 0 to 100. `random` gives numbers from 0 (included) to 1. */
  constructor(percent: number, random: () => number = Math.random) {
    this.#percent = percent
    this.#random = random
    this.#left = this.#plan()
  }

  /** So many messages from here on are certainly not in the share. */
  get quiet(): number {
    return this.#left
  }

  /** Passes over messages, at most `quiet`. */
  pass(messages: number): void {
    this.#left -= messages
  }

  /** Whether this message is in the share. */
  take(): boolean {
    if (this.#left > 0) {
      this.#left--
      return false
    }
    const hit = this.#hit
    this.#left = this.#plan()
    return hit
  }

  #plan(): number {
    const share = this.#percent / 100
    this.#hit = share > 0
    if (share >= 1) return 0
    // log1p keeps shares of 1e-12 apart from none.
    const misses = share > 0 ? Math.floor(Math.log1p(-this.#random()) / Math.log1p(-share)) : farthest
    if (misses < farthest) return misses
    this.#hit = false
    return farthest - 1
  }
}
