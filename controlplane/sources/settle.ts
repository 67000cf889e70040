/** When changes on a disk count. All in ms. */
export interface SettleTimes {
  /** A path must look the same for this long. */
  readonly quietMs: number
  /** A batch in which something never comes to rest goes without it after this long. */
  readonly maxWaitMs: number
}

/** A path that differs from what is in force. */
export interface Change {
  /** What is there now; undefined when nothing is. */
  readonly version: string | undefined
  /** How long this very state must last, when longer than `quietMs`. */
  readonly needMs?: number
}

export interface Verdict {
  /** Paths to take over now, as one batch. */
  readonly settled: readonly string[]
  /** Look again after so many ms; undefined when nothing is open. */
  readonly waitMs: number | undefined
}

interface Pending {
  readonly version: string | undefined
  readonly since: number
  needMs: number
}

/**
 * Decides when changes seen on a disk are taken over. A value without clock or disk: time is passed in.
 *
 * A batch is taken over when every path in it came to rest, so that a rename (one path goes, another comes) or a change of
 * many files is one step. Additions before removals: a removal waits for additions that have not come to rest.
 */
export class Settler {
  readonly #times: SettleTimes
  readonly #pending = new Map<string, Pending>()
  #batchSince = 0

  constructor(times: SettleTimes) {
    this.#times = times
  }

  /** Takes what differs now, all of it: a path that is no longer among the changes is as before and forgotten. */
  observe(now: number, changes: ReadonlyMap<string, Change>): Verdict {
    if (this.#pending.size === 0) this.#batchSince = now
    for (const path of this.#pending.keys()) if (!changes.has(path)) this.#pending.delete(path)
    for (const [path, { version, needMs = 0 }] of changes) {
      const known = this.#pending.get(path)
      if (known && known.version === version) known.needMs = Math.max(known.needMs, needMs)
      else this.#pending.set(path, { version, since: now, needMs: Math.max(needMs, this.#times.quietMs) })
    }
    return this.verdict(now)
  }

  /** Asks for more patience with a path, after a look at its content. */
  need(path: string, needMs: number): void {
    const pending = this.#pending.get(path)
    if (pending) pending.needMs = Math.max(pending.needMs, needMs)
  }

  /** A path turned out to have changed again. */
  restless(now: number, path: string): void {
    const pending = this.#pending.get(path)
    if (pending) this.#pending.set(path, { ...pending, since: now })
  }

  /** Forgets paths that were taken over. */
  done(now: number, paths: readonly string[]): void {
    for (const path of paths) this.#pending.delete(path)
    if (paths.length > 0) this.#batchSince = now
  }

  /** Paths that have yet to come to rest or to be taken over. */
  paths(): string[] {
    return [...this.#pending.keys()]
  }

  /** What is at rest by now, among what was observed last. */
  verdict(now: number): Verdict {
    if (this.#pending.size === 0) return { settled: [], waitMs: undefined }
    const settled: string[] = []
    let restlessAddition = false
    let waitMs = Number.POSITIVE_INFINITY
    for (const [path, { version, since, needMs }] of this.#pending) {
      const left = since + needMs - now
      if (left <= 0) settled.push(path)
      else {
        waitMs = Math.min(waitMs, left)
        if (version !== undefined) restlessAddition = true
      }
    }
    if (settled.length === this.#pending.size) return { settled, waitMs: undefined }
    const age = now - this.#batchSince
    const { maxWaitMs } = this.#times
    if (age < maxWaitMs) return { settled: [], waitMs: Math.min(Math.max(waitMs, 1), maxWaitMs - age) }
    const holdRemovals = restlessAddition && age < 2 * maxWaitMs
    const ready = holdRemovals ? settled.filter((path) => this.#pending.get(path)?.version !== undefined) : settled
    return { settled: ready, waitMs: Math.max(waitMs, 1) }
  }
}
