/** How many wrong passwords in five minutes are answered: from one address for one user, from one address, for one user. */
const MOST = { pair: 5, peer: 20, user: 100 } as const
const WINDOW_MS = 5 * 60_000
const MOST_KEYS = 50_000
/** Passwords checked at the same time; each takes 32 MiB and a thread. */
const MOST_AT_ONCE = 2
const MOST_WAITING = 16

/** Slows down guessing of passwords. */
export class LoginLimit {
  readonly #failures = new Map<string, { count: number; until: number }>()
  readonly #now: () => number
  #running = 0
  readonly #queue: (() => void)[] = []

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Seconds to wait before another attempt; 0 when it may be made now. */
  waitSeconds(peer: string, user: string): number {
    const now = this.#now()
    return keys(peer, user).reduce((longest, [key, most]) => {
      const found = this.#failures.get(key)
      if (!found || found.until <= now || found.count < most) return longest
      return Math.max(longest, Math.ceil((found.until - now) / 1_000))
    }, 0)
  }

  /** A password was wrong: counts for the user from this peer, for the peer, and for the user wherever it is tried. */
  failed(peer: string, user: string): void {
    const now = this.#now()
    if (this.#failures.size > MOST_KEYS)
      for (const [key, { until }] of this.#failures)
        if (until <= now || this.#failures.size > MOST_KEYS) this.#failures.delete(key)
    for (const [key] of keys(peer, user)) {
      const found = this.#failures.get(key)
      if (found && found.until > now) found.count++
      else this.#failures.set(key, { count: 1, until: now + WINDOW_MS })
    }
  }

  /** The right password forgives the wrong ones of this user from this peer. */
  succeeded(peer: string, user: string): void {
    this.#failures.delete(keys(peer, user)[0]![0])
  }

  /** Runs a check when there is room. Undefined when too many wait already. */
  async inTurn<Result>(check: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#running >= MOST_AT_ONCE) {
      if (this.#queue.length >= MOST_WAITING) return undefined
      await new Promise<void>((resolve) => this.#queue.push(resolve))
    }
    this.#running++
    try {
      return await check()
    } finally {
      this.#running--
      this.#queue.shift()?.()
    }
  }
}

function keys(peer: string, user: string): readonly (readonly [key: string, most: number])[] {
  const name = user.slice(0, 128)
  return [
    [`pair ${peer} ${name}`, MOST.pair],
    [`peer ${peer}`, MOST.peer],
    [`user ${name}`, MOST.user],
  ]
}
