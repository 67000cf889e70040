import { setTimeout as sleep } from 'node:timers/promises'
import { asError } from '../../errors/thrown.ts'
import { ConsulError, type ConsulHttp } from './http.ts'

/** An answer of a blocking query. */
export interface WatchAnswer {
  /** Undefined for 404: the key or service is not there. */
  readonly value: unknown
  /**
   * The index is smaller than one seen before: the agent was restarted, wiped or replaced, and may answer from a history it is
   * still replaying.
   */
  readonly wentBack: boolean
}

export interface WatchOptions {
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  /** Called with the first answer, and with each one whose index differs. A value that throws counts as garbage. */
  readonly onAnswer: (answer: WatchAnswer) => void
  /** Called when a query fails, before the wait for the next try. */
  readonly onError: (error: Error) => void
  /**
   * Called after each answer that can be used, changed or not. `isWell` is false while queries that the agent holds go without an answer,
   * and only those that it need not hold are answered.
   */
  readonly onContact?: (isWell: boolean) => void
  /** How long the agent may hold a query, ms; Consul adds up to a sixteenth. */
  readonly waitMs?: number
  /** Least time between two answers, ms: an agent that answers at once must not make us spin. */
  readonly minGapMs?: number
  /** Lets only so many watches start at a time. */
  readonly gate?: Gate
  /** Longest back-off, ms. */
  readonly maxBackoffMs?: number
  /** Largest answer taken, bytes. Default: that of every call. */
  readonly maxBytes?: number
}

/** How long a query is held, ms, while it is not certain that held ones are answered. */
const TRIAL_MS = 1_000

/**
 * A blocking query that goes on until it is stopped: the answer, then each change, by the rules of Consul's documentation
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking): the index only from good answers, another start when it
 * goes backwards, never 0. The first read, and each one after the index went back, is `consistent`: a server that was
 * restarted answers other reads from a history it is still replaying.
 */
export class Watch {
  readonly #http: ConsulHttp
  readonly #options: Required<Omit<WatchOptions, 'gate' | 'query' | 'onContact' | 'maxBytes'>> & WatchOptions
  readonly #stop = new AbortController()
  #poll = new AbortController()
  #index = 0
  #highest = 0
  #failures = 0
  /** The last query that the agent held was not answered in time. */
  #holdsTooLong = false
  /** A query failed, and the next is not made yet. */
  #waits = false

  constructor(http: ConsulHttp, options: WatchOptions) {
    this.#http = http
    this.#options = { waitMs: 30_000, minGapMs: 100, maxBackoffMs: 10_000, ...options }
    void this.#run()
  }

  /** Ends the query; no callback comes after. */
  stop(): void {
    this.#stop.abort()
    this.#poll.abort()
  }

  /** Waits no longer to try again what failed. */
  retry(): void {
    if (this.#waits) this.again(0)
  }

  /** Gives up the query that is under way and asks anew, after `delayMs`: it may be parked at a server that is frozen. */
  again(delayMs: number): void {
    if (this.#stop.signal.aborted) return
    setTimeout(() => this.#poll.abort(), delayMs).unref()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      if (this.#poll.signal.aborted) this.#renew()
      const started = performance.now()
      try {
        const first = this.#index === 0
        const release = first ? await this.#options.gate?.enter() : undefined
        try {
          await this.#ask(first)
        } finally {
          release?.()
        }
        this.#failures = 0
        await this.#rest(this.#options.minGapMs - (performance.now() - started))
      } catch (error) {
        if (signal.aborted) return
        // Asked to start anew: that is no failure.
        if (this.#poll.signal.aborted) {
          this.#renew()
          continue
        }
        this.#options.onError(asError(error))
        const most = Math.min(this.#options.maxBackoffMs, 100 * 2 ** Math.min(this.#failures++, 10))
        // Full jitter: thousands of watches that lost one agent must not come back in step.
        this.#waits = true
        await this.#rest(50 + Math.random() * most)
        this.#waits = false
        // What was held by a query that failed may have changed in any way meanwhile.
        this.#index = 0
      }
    }
  }

  #renew(): void {
    this.#poll = new AbortController()
    this.#index = 0
    this.#failures = 0
  }

  async #ask(first: boolean): Promise<void> {
    const { path, query, maxBytes, onAnswer, onContact } = this.#options
    const waitMs = this.#holdsTooLong ? Math.min(TRIAL_MS, this.#options.waitMs) : this.#options.waitMs
    const call = {
      path,
      query: first ? { ...query, consistent: '' } : { ...query, index: this.#index, wait: `${waitMs}ms` },
      timeoutMs: first ? 9_000 : (waitMs * 17) / 16 + 3_000,
      signal: this.#poll.signal,
      ...(maxBytes !== undefined && { maxBytes }),
    }
    const answer = await this.#http.send(call).catch((error) => {
      if (!first && error instanceof ConsulError && error.isLate) this.#holdsTooLong = true
      throw error
    })
    if (!first) this.#holdsTooLong = false
    if (this.#stop.signal.aborted) return
    if (answer.status !== 200 && answer.status !== 404) throw this.#http.refused(call, answer)
    if (answer.index === 0)
      throw new ConsulError(`${this.#http.url}: ${path}: an answer without an index`, answer.status)
    if (!first && answer.index < this.#index) {
      // Told once the consistent read that follows agrees.
      this.#index = 0
      return
    }
    const value = answer.status === 404 ? undefined : this.#http.parse(call, answer)
    const same = !first && answer.index === this.#index
    if (!same) onAnswer({ value, wentBack: answer.index < this.#highest })
    // Of an answer that cannot be used nothing counts: neither that there was one, nor its index.
    this.#index = answer.index
    this.#highest = answer.index
    onContact?.(!this.#holdsTooLong)
  }

  async #rest(ms: number): Promise<void> {
    if (ms <= 0 || this.#stop.signal.aborted) return
    await sleep(ms, undefined, { signal: this.#poll.signal }).catch(() => {})
  }
}

/** Lets `most` through at a time, the others wait in line. */
export class Gate {
  readonly #most: number
  readonly #line: (() => void)[] = []
  #inside = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Resolves with the way out. */
  async enter(): Promise<() => void> {
    if (this.#inside >= this.#most) await new Promise<void>((resolve) => this.#line.push(resolve))
    this.#inside++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#inside--
      this.#line.shift()?.()
    }
  }
}
