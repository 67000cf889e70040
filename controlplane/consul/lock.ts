import { type ConsulAddress, ConsulHttp } from './http.ts'
import type { KvOperation } from './kv.ts'

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
  #session: string | undefined
  #held = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> = Promise.resolve()

  constructor(options: SessionLockOptions) {
    this.#options = options
    this.#http = new ConsulHttp(options.address)
    this.#ttlMs = options.ttlMs ?? 10_000
    this.#next(0)
  }

  get held(): boolean {
    return this.#held
  }

  /** The check that must be part of each transaction of the holder; undefined when it is not held. */
  fence(): KvOperation | undefined {
    if (!this.#held || !this.#session) return undefined
    return { verb: 'check-session', key: this.#options.key, session: this.#session }
  }

  /** Gives it back at once, so that another replica need not wait. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#work
    if (this.#session)
      await this.#http
        .send({ method: 'PUT', path: `/v1/session/destroy/${this.#session}`, timeoutMs: 2_000 })
        // It ends by itself after its time.
        .catch(() => undefined)
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
    if (this.#session !== undefined) {
      const renewed = await this.#http.send({
        method: 'PUT',
        path: `/v1/session/renew/${this.#session}`,
        timeoutMs: 3_000,
      })
      if (renewed.status === 404) {
        this.#session = undefined
        this.#set(false)
      } else if (renewed.status !== 200) throw this.#http.refused({ path: '/v1/session/renew' }, renewed)
    }
    if (this.#session === undefined) {
      const body = JSON.stringify({
        ...{ Name: `meshgate ${this.#options.holder}`, TTL: `${Math.round(this.#ttlMs / 1_000)}s` },
        ...{ Behavior: 'release', LockDelay: '2s' },
      })
      const call = { method: 'PUT', path: '/v1/session/create', body, timeoutMs: 5_000 } as const
      const answer = await this.#http.send(call)
      if (answer.status !== 200) throw this.#http.refused(call, answer)
      this.#session = (this.#http.parse(call, answer) as { ID: string }).ID
    }
    const call = {
      method: 'PUT',
      path: `/v1/kv/${this.#options.key}`,
      query: { acquire: this.#session },
      body: this.#options.holder,
      timeoutMs: 5_000,
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
