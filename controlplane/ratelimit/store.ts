/** One counter to take from. */
export interface Take {
  /** Unambiguous: other values give another key. */
  readonly key: string
  /** µs for one token. */
  readonly intervalUs: number
  /** Tokens of a full bucket. */
  readonly burst: number
  /** Tokens wanted; 0 only looks. */
  readonly hits: number
}

export interface Taken {
  readonly allowed: boolean
  /** Tokens left. */
  readonly remaining: number
  /** Until one token is there, in ms; 0 when there is one. */
  readonly retryMs: number
  /** Until the bucket is full, in ms. */
  readonly resetMs: number
}

/** Where tokens are counted. */
export interface Store {
  /** For metrics and logs. */
  readonly kind: 'redis' | 'memory'
  /**
   * All of it in one round trip; each counter by itself: one that is empty does not spare the others. Undefined for one that cannot be
   * counted though others can. @throws Error when nothing can be counted
   */
  take(takes: readonly Take[]): Promise<readonly (Taken | undefined)[]>
  /** Whether it can count at present, as far as is known. */
  readonly healthy: boolean
  stop(): Promise<void>
}

/**
 * The generic cell rate algorithm: a counter is the time at which its bucket is full again (the theoretical arrival time).
 * https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 * @param fullAt µs; of an unknown counter any time that has passed
 * @param now µs
 * @returns the new time, and what became of the request
 */
export function gcra(fullAt: number, now: number, { intervalUs, burst, hits }: Take): { fullAt: number } & Taken {
  const depth = burst * intervalUs
  // A clock that was set back must not close a limit for hours.
  const before = Math.min(Math.max(fullAt, now), now + depth)
  const after = before + hits * intervalUs
  const allowed = after - now <= depth + 0.5
  const fills = allowed ? after : before
  return {
    fullAt: fills,
    allowed,
    remaining: Math.max(0, Math.floor((depth - (fills - now)) / intervalUs + 1e-6)),
    retryMs: Math.max(0, fills + intervalUs - now - depth) / 1000,
    resetMs: (fills - now) / 1000,
  }
}
