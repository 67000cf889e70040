import { type Cell, type Source, source, unrecorded, watch } from './cells.ts'
import { type Lasting, type Swept, sweeping } from './lasting.ts'
import type { Endpoint } from './service.ts'
import { isSupposing } from './supposition.ts'

export interface DrainingOptions {
  /** How long an endpoint that left is still listed, ms; 0 drops it at once. Read when one leaves. */
  readonly drainMs: () => number
  /** Called when the time of some is over and they are gone. */
  readonly onExpired: () => void
  /** Which keys are still of a service. */
  readonly lasting: Lasting
}

interface Leaving {
  readonly endpoint: Endpoint
  readonly until: number
}

interface Watched {
  readonly leaving: Source<readonly Leaving[]>
  readonly stop: () => void
}

const NOBODY: readonly Leaving[] = []

/**
 * Endpoints that leave a service, wherever it comes from, are not gone at once: they are listed as draining until their time is
 * over. Proxies give them nothing new while what they have under way ends, and an addition in the same change is in force
 * before the removal is.
 *
 * Only what somebody is served is followed: from the first reader of a key until its service is no longer declared.
 */
export class Draining {
  readonly #options: DrainingOptions
  readonly #watched = new Map<string, Watched>()
  #timer: NodeJS.Timeout | undefined
  readonly #sweep: ReturnType<typeof sweeping>
  #timerAt = Number.POSITIVE_INFINITY

  /** Keys of which nobody leaves at present, as a table to be swept. */
  readonly #ofNobody: Swept

  constructor(options: DrainingOptions) {
    this.#options = options
    this.#sweep = sweeping(options.lasting)
    const watched = this.#watched
    this.#ofNobody = {
      get size() {
        return watched.size
      },
      *keys() {
        for (const [key, { leaving }] of watched) if (leaving.peek().length === 0) yield key
      },
      delete(key) {
        watched.get(key)!.stop()
        watched.delete(key)
      },
    }
  }

  /** What left `present` a moment ago (tracked). Call it only for keys of which somebody is served. */
  follow(key: string, present: Cell<readonly Endpoint[]>): readonly Endpoint[] {
    let watched = this.#watched.get(key)
    if (isSupposing()) {
      const here = new Set(present().map(addressOf))
      const left = watched?.leaving.value ?? NOBODY
      return left.map(({ endpoint }) => endpoint).filter((endpoint) => !here.has(addressOf(endpoint)))
    }
    if (!watched) {
      watched = this.#watch(present)
      this.#watched.set(key, watched)
      unrecorded(() => this.#sweep(this.#ofNobody, key))
    }
    return watched.leaving.value.map(({ endpoint }) => endpoint)
  }

  #watch(present: Cell<readonly Endpoint[]>): Watched {
    const leaving = source(NOBODY)
    let last: readonly Endpoint[] | undefined
    // Runs at the end of each change of `present`, whether somebody asks or not: who left is known from before and after.
    const stop = watch(() => {
      const now = present()
      const before = last
      last = now
      if (before && before !== now) unrecorded(() => this.#note(leaving, before, now))
    })
    return { leaving, stop }
  }

  #note(leaving: Source<readonly Leaving[]>, before: readonly Endpoint[], now: readonly Endpoint[]): void {
    const drainMs = this.#options.drainMs()
    const here = new Set(now.map(addressOf))
    const open = leaving.peek().filter(({ endpoint }) => !here.has(addressOf(endpoint)))
    const known = new Set(open.map(({ endpoint }) => addressOf(endpoint)))
    const until = performance.now() + drainMs
    const fresh =
      drainMs > 0
        ? before
            .filter((endpoint) => !here.has(addressOf(endpoint)) && !known.has(addressOf(endpoint)))
            .map((endpoint) => ({ endpoint: { ...endpoint, health: 'draining' as const }, until }))
        : []
    if (fresh.length === 0 && open.length === leaving.peek().length) return
    leaving.value = [...open, ...fresh]
    if (fresh.length > 0) this.#schedule(until)
  }

  #schedule(at: number): void {
    if (at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, at - performance.now()))
    this.#timer.unref()
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    // What ends within the next moments ends now: one round of pushes instead of several.
    const now = performance.now() + 20
    let next = Number.POSITIVE_INFINITY
    let expired = false
    for (const { leaving } of this.#watched.values()) {
      const open = leaving.peek()
      if (open.length === 0) continue
      const left = open.filter(({ until }) => until > now)
      for (const { until } of left) next = Math.min(next, until)
      if (left.length === open.length) continue
      leaving.value = left
      expired = true
    }
    if (next < Number.POSITIVE_INFINITY) this.#schedule(next)
    if (expired) this.#options.onExpired()
  }
}

function addressOf({ address, port }: Endpoint): string {
  return `${address} ${port}`
}
