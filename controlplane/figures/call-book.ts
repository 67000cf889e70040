/** What one caller sent to one host in a window of time. */
export interface Call {
  /** Workload of the proxy that sent, `<name>.<namespace>`; its node id where that names none. */
  readonly caller: string
  readonly host: string
  readonly requests: number
  readonly failed: number
}

/** Length of a step, ms. */
const STEP_MS = 30_000
/** So many places hold a quarter of an hour, whenever in a step one asks. */
const STEPS = 31
/** Start of the step, requests, failures. */
const PLACE = 3
/** Callers and hosts that are remembered; some 800 bytes each. */
const MOST_CALLS = 20_000

/** Who called whom in the last quarter of an hour, in steps of half a minute. */
export class CallBook {
  readonly #calls = new Map<string, { readonly caller: string; readonly host: string; readonly steps: Float64Array }>()
  /** The step in which room was made the last time. */
  #prunedAt = 0

  /** Calls remembered. */
  get size(): number {
    return this.#calls.size
  }

  /** @param now ms since 1970, here and below */
  add(caller: string, host: string, { requests, failed }: { requests: number; failed: number }, now: number): void {
    const key = `${caller} ${host}`
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
  }

  /**
   * Calls with requests in the last so many milliseconds, and how many milliseconds that is: the window begins with the step it falls in.
   * @param since calls are counted since then
   */
  recent(windowMs: number, since: number, now: number): { readonly ms: number; readonly calls: readonly Call[] } {
    const from = stepOf(now - windowMs)
    this.#prune(now)
    const calls: Call[] = []
    for (const { caller, host, steps } of this.#calls.values()) {
      let [requests, failed] = [0, 0]
      for (let place = 0; place < steps.length; place += PLACE)
        if (steps[place]! >= from && steps[place]! <= now) {
          requests += steps[place + 1]!
          failed += steps[place + 2]!
        }
      if (requests + failed > 0) calls.push({ caller, host, requests, failed })
    }
    return { ms: now - Math.max(from, since), calls }
  }

  #prune(now: number): void {
    this.#prunedAt = stepOf(now)
    const oldest = now - STEPS * STEP_MS
    for (const [key, { steps }] of this.#calls) {
      let newest = 0
      for (let place = 0; place < steps.length; place += PLACE) newest = Math.max(newest, steps[place]!)
      if (newest <= oldest) this.#calls.delete(key)
    }
  }
}

function stepOf(now: number): number {
  return now - (now % STEP_MS)
}
