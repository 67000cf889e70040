import { BOUNDS, type Latency } from './latency.ts'

/** More different bounds than any proxy has; what comes beyond counts to the last of all, which is infinite. */
const MOST_BOUNDS = 64

/**
 * Histograms of the last so many steps of time, in one block of memory: 4 bytes for each bound and step. A step is told by its number; the
 * place of one is taken by the one that is a round later.
 */
export class LatencySteps {
  readonly #steps: number
  /** Upper bounds, ms, in the order they came in; a column each. */
  readonly #bounds: number[] = []
  #counts = new Uint32Array(0)
  /** Number of the step that each place holds. */
  readonly #held: Float64Array

  /** @param steps how many are remembered */
  constructor(steps: number) {
    this.#steps = steps
    this.#held = new Float64Array(steps).fill(-1)
  }

  /** Adds a histogram to a step. */
  add(step: number, latency: Latency): void {
    for (const [bound, count] of latency) this.#count(step, bound, count)
  }

  /** Adds one time to a step. */
  addTime(step: number, ms: number): void {
    this.#count(step, BOUNDS.find((bound) => ms <= bound) ?? Number.POSITIVE_INFINITY, 1)
  }

  /** The histogram of all steps from `from` to `to`, both included, as far as they are remembered. */
  between(from: number, to: number): Latency {
    const sum = new Map<number, number>()
    const width = this.#bounds.length
    this.#held.forEach((step, place) => {
      if (step < from || step > to) return
      this.#bounds.forEach((bound, column) => {
        const count = this.#counts[place * width + column]!
        if (count > 0) sum.set(bound, (sum.get(bound) ?? 0) + count)
      })
    })
    return sum
  }

  #count(step: number, bound: number, count: number): void {
    const column = this.#columnOf(bound)
    const width = this.#bounds.length
    const place = step % this.#steps
    if (this.#held[place] !== step) {
      this.#held[place] = step
      this.#counts.fill(0, place * width, (place + 1) * width)
    }
    this.#counts[place * width + column]! += count
  }

  #columnOf(asked: number): number {
    const known = this.#bounds.indexOf(asked)
    if (known >= 0) return known
    const isFull = this.#bounds.length >= MOST_BOUNDS - 1
    if (isFull && asked !== Number.POSITIVE_INFINITY) return this.#columnOf(Number.POSITIVE_INFINITY)
    const before = this.#bounds.length
    const wider = new Uint32Array(this.#steps * (before + 1))
    for (let place = 0; place < this.#steps; place++)
      wider.set(this.#counts.subarray(place * before, (place + 1) * before), place * (before + 1))
    this.#counts = wider
    this.#bounds.push(asked)
    return before
  }
}
