import { type ConsulAddress, ConsulHttp } from './http.ts'
import type { KvOperation } from './kv.ts'
import { Session } from './session.ts'

export interface SessionLockOptions {
  readonly address: ConsulAddress
  /** The key that is locked. */
  readonly key: string
  /** Who holds it, for people. */
  readonly holder: string
  /** Time after which Consul takes it from a holder that says nothing; Consul allows 10 s to a day and waits up to twice as long. */
  readonly ttlMs?: number
  readonly onChange?: (held: boolean) => void
}

/**
 * A lock by a Consul session: at most one of all replicas holds it, for what must be done once. Holding it proves nothing by the time
 * something is written; `fence` does: Consul refuses the transaction of a holder whose session is over.
 * https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions
 */
export class SessionLock {
  readonly #http: ConsulHttp
  readonly #options: SessionLockOptions
  readonly #ttlMs: number
  readonly #session: Session
  #held = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> = Promise.resolve()

  constructor(options: SessionLockOptions) {
    this.#options = options
    this.#http = new ConsulHttp(options.address)
    this.#ttlMs = options.ttlMs ?? 10_000
    this.#session = new Session(this.#http, {
      ...{ name: `meshgate ${options.holder}`, ttlMs: this.#ttlMs, behavior: 'release', lockDelay: '2s' },
    })
    this.#next(0)
  }

  get held(): boolean {
    return this.#held
  }

  /** The check that must be part of each transaction of the holder; undefined when it is not held. */
  fence(): KvOperation | undefined {
    const session = this.#session.id
    if (!this.#held || session === undefined) return undefined
    return { verb: 'check-session', key: this.#options.key, session }
  }

  /** Gives it back at once, so that another replica need not wait. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#work
    await this.#session.end()
    this.#set(false)
    this.#http.close()
  }

  #next(ms: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#work = this.#turn().then(
        () => this.#next(this.#ttlMs / 3),
        () => {
          // Who cannot renew must not believe to hold it for longer than Consul does.
          this.#set(false)
          this.#next(500 + Math.random() * 1_000)
        },
      )
    }, ms)
    this.#timer.unref()
  }

  async #turn(): Promise<void> {
    const { id, fresh } = await this.#session.keep()
    if (fresh) this.#set(false)
    const call = {
      method: 'PUT',
      path: `/v1/kv/${this.#options.key}`,
      query: { acquire: id },
      body: this.#options.holder,
    } as const
    const answer = await this.#http.send(call)
    if (answer.status !== 200) throw this.#http.refused(call, answer)
    this.#set(answer.body.toString('utf8').trim() === 'true')
  }

  #set(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    this.#options.onChange?.(held)
  }
}
