import type { Latency } from './latency.ts'
import { LatencySteps } from './latency-steps.ts'

/** What one caller sent to one host in a window of time. */
export interface Call {
  /** Workload of the proxy that sent, `<name>.<namespace>`; its node id where that names none. */
  readonly caller: string
  readonly host: string
  readonly requests: number
  readonly failed: number
  /** How long they took, as far as proxies told of it. */
  readonly latency: Latency
}

/** Length of a step, ms. */
const STEP_MS = 30_000
/** So many places hold a quarter of an hour, whenever in a step one asks. */
const STEPS = 31
/** Start of the step, requests, failures. */
const PLACE = 3
/** Callers and hosts that are remembered; some 800 bytes each. */
const MOST_CALLS = 20_000
/** Of these, the most whose times are remembered, some 3 KB each; of the others it is not known how long they took. */
const MOST_TIMED = 5_000

interface Known {
  readonly caller: string
  readonly host: string
  readonly steps: Float64Array
  times?: LatencySteps
}

/** Who called whom in the last quarter of an hour, in steps of half a minute, and how long it took. */
export class CallBook {
  readonly #calls = new Map<string, Known>()
  #timed = 0
  /** The step in which room was made the last time. */
  #prunedAt = 0

  /** Calls remembered. */
  get size(): number {
    return this.#calls.size
  }

  /** @param now ms since 1970, here and below */
  add(
    caller: string,
    host: string,
    { requests, failed, latency }: { requests: number; failed: number; latency?: Latency },
    now: number,
  ): void {
    const key = keyOf(caller, host)
    let known = this.#calls.get(key)
    if (!known) {
      // Not for each of many that find no room.
      if (this.#calls.size >= MOST_CALLS && this.#prunedAt !== stepOf(now)) this.#prune(now)
      if (this.#calls.size >= MOST_CALLS) return
      known = { caller, host, steps: new Float64Array(STEPS * PLACE) }
      this.#calls.set(key, known)
    }
    const at = stepOf(now)
    const place = ((at / STEP_MS) % STEPS) * PLACE
    const { steps } = known
    if (steps[place] !== at) {
      steps[place] = at
      steps.fill(0, place + 1, place + PLACE)
    }
    steps[place + 1]! += requests
    steps[place + 2]! += failed
    if (latency) this.#time(known, latency, now)
  }

  /** Times of requests that were counted before; nothing where none were. */
  addTimes(caller: string, host: string, latency: Latency, now: number): void {
    const known = this.#calls.get(keyOf(caller, host))
    if (known) this.#time(known, latency, now)
  }

  /**
   * Calls with requests in the last so many milliseconds, and how many milliseconds that is: the window begins with the step it falls in.
   * @param since calls are counted since then
   */
  recent(windowMs: number, since: number, now: number): { readonly ms: number; readonly calls: readonly Call[] } {
    const from = stepOf(now - windowMs)
    this.#prune(now)
    const calls: Call[] = []
    for (const { caller, host, steps, times } of this.#calls.values()) {
      let [requests, failed] = [0, 0]
      for (let place = 0; place < steps.length; place += PLACE)
        if (steps[place]! >= from && steps[place]! <= now) {
          requests += steps[place + 1]!
          failed += steps[place + 2]!
        }
      if (requests + failed === 0) continue
      const latency = times?.between(from / STEP_MS, stepOf(now) / STEP_MS) ?? new Map<number, number>()
      calls.push({ caller, host, requests, failed, latency })
    }
    return { ms: now - Math.max(from, since), calls }
  }

  #time(known: Known, latency: Latency, now: number): void {
    if (latency.size === 0) return
    if (!known.times) {
      if (this.#timed >= MOST_TIMED) return
      this.#timed++
      known.times = new LatencySteps(STEPS)
    }
    known.times.add(stepOf(now) / STEP_MS, latency)
  }

  #prune(now: number): void {
    this.#prunedAt = stepOf(now)
    const oldest = now - STEPS * STEP_MS
    for (const [key, { steps, times }] of this.#calls) {
      let newest = 0
      for (let place = 0; place < steps.length; place += PLACE) newest = Math.max(newest, steps[place]!)
      if (newest > oldest) continue
      this.#calls.delete(key)
      if (times) this.#timed--
    }
  }
}

function keyOf(caller: string, host: string): string {
  return `${caller} ${host}`
}

function stepOf(now: number): number {
  return now - (now % STEP_MS)
}
