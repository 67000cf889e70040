import { asError } from '../../errors/thrown.ts'
import type { ConsulHttp } from './http.ts'

/** What is told of a registry. */
export interface SourceLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Whether a Consul answers, since when not, and what is wrong. A complaint is logged once until it is over. */
export class Contact {
  readonly #url: string
  readonly #log: SourceLog
  readonly #errors = new Map<string, string>()
  readonly #onRecovered: () => void
  #last: number | undefined
  /** The same on a clock nobody sets. */
  #lastAt = 0
  #stopped = false
  #leaderless = false

  /** `onRecovered` is called when the last complaint is over. */
  constructor(url: string, log: SourceLog, onRecovered: () => void) {
    this.#url = url
    this.#log = log
    this.#onRecovered = onRecovered
  }

  /** Last time it answered a question, ms since 1970. */
  get last(): number | undefined {
    return this.#last
  }

  /** How long ago that was, ms. */
  get silentMs(): number | undefined {
    return this.#last === undefined ? undefined : performance.now() - this.#lastAt
  }

  /** The oldest complaint that is not over. */
  get error(): string | undefined {
    return this.#errors.values().next().value
  }

  /** Whether it answered something within so long, ms. */
  isAnswering(withinMs: number): boolean {
    return (this.silentMs ?? Number.POSITIVE_INFINITY) < withinMs
  }

  /** Whether the last try of this question failed. */
  isFailing(question: string): boolean {
    return this.#errors.has(question)
  }

  /** It answered; with the name of a question, that one's complaint is over. */
  answered(question?: string): void {
    if (!this.#leaderless) {
      this.#last = Date.now()
      this.#lastAt = performance.now()
    }
    if (question !== undefined) this.settled(question)
  }

  /** Whether there is a leader. Without one, agents from 1.10 on go on answering queries with what they heard last: that is no contact. */
  hasLeader(has: boolean): void {
    this.#leaderless = !has
  }

  /** The complaint about a question is over; of services and instances that says nothing, as where an agent tells of itself. */
  settled(question: string): void {
    if (!this.#errors.delete(question) || this.#errors.size > 0) return
    this.#log.info({ consul: this.#url }, 'Consul answers again')
    this.#onRecovered()
  }

  /** A question failed. The log is told of the first failure only, until the question is answered again. */
  failed(question: string, error: Error): void {
    if (this.#stopped) return
    const first = !this.#errors.has(question)
    this.#errors.set(question, error.message)
    if (first)
      this.#log.warn(
        { consul: this.#url, what: question },
        `${error.message}; until it answers what was read last stays in force; where nothing ever was, proxies are refused`,
      )
  }

  /** Complaints from here on are about our own end. */
  stop(): void {
    this.#stopped = true
  }
}

export interface LeaderListener {
  /** Called each time there is a leader. */
  readonly onAnswer: () => void
  /** Called when it is another one than before. */
  readonly onAnother: (leader: string) => void
}

/** An agent that takes longer to tell its leader, ms, is complained of: it is slow, or frozen. */
export const PROBE_TIMEOUT_MS = 2_000
/** Questions that wait for a slow agent at a time. */
const MOST_OPEN = 3

/**
 * Asks for the leader, which every agent knows at once: the only quick sign of an agent that is frozen, since queries it holds
 * stay open. An answer that comes late is contact all the same: a slow Consul is not a lost one.
 */
export class LeaderProbe {
  readonly #http: ConsulHttp
  readonly #contact: Contact
  readonly #tell: LeaderListener
  readonly #timer: NodeJS.Timeout
  #leader = ''
  #open = 0

  /** `http` must be of its own: its connections may not wait behind queries that are held. */
  constructor(http: ConsulHttp, everyMs: number, contact: Contact, tell: LeaderListener) {
    this.#http = http
    this.#contact = contact
    this.#tell = tell
    this.#timer = setInterval(() => {
      if (this.#open < MOST_OPEN) void this.#ask()
    }, everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#http.close()
  }

  async #ask(): Promise<void> {
    this.#open++
    const started = performance.now()
    const fail = (message: string) => this.#contact.failed('leader', new Error(`${this.#http.url}: ${message}`))
    const tell = (waiting: string) => fail(`asked for its leader: ${waiting}`)
    try {
      const { value } = await this.#http.json({ path: '/v1/status/leader', late: { afterMs: PROBE_TIMEOUT_MS, tell } })
      if (typeof value !== 'string') throw new Error(`${this.#http.url}: its answer about the leader is no text`)
      this.#contact.hasLeader(value !== '')
      if (value === '') throw new Error(`${this.#http.url}: it has no leader; the last good services are served`)
      const tookMs = Math.round(performance.now() - started)
      this.#contact.answered(tookMs > PROBE_TIMEOUT_MS ? undefined : 'leader')
      if (tookMs > PROBE_TIMEOUT_MS) fail(`it takes ${tookMs} ms to answer; changes come that much later`)
      const before = this.#leader
      this.#leader = value
      this.#tell.onAnswer()
      if (before !== '' && before !== value) this.#tell.onAnother(value)
    } catch (error) {
      this.#contact.failed('leader', asError(error))
    } finally {
      this.#open--
    }
  }
}
