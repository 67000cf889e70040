import type { ConsulHttp } from './http.ts'

export interface SessionOptions {
  /** For people. */
  readonly name: string
  /** Time after which Consul ends it when it is not renewed; 10 s to a day, and Consul waits up to twice as long. */
  readonly ttlMs: number
  /** What becomes of the keys it holds at its end. */
  readonly behavior: 'release' | 'delete'
  /** How long nobody may take a key of a session that ended: `2s`. */
  readonly lockDelay: string
}

/** A session of Consul, made anew when it ended. https://developer.hashicorp.com/consul/api-docs/session */
export class Session {
  readonly #http: ConsulHttp
  readonly #options: SessionOptions
  #id: string | undefined

  constructor(http: ConsulHttp, options: SessionOptions) {
    this.#http = http
    this.#options = options
  }

  /** Undefined before it is made and after it ended. */
  get id(): string | undefined {
    return this.#id
  }

  /** Renews it, or makes it; `fresh` tells that nothing is held by it yet. @throws ConsulError when that is not possible now */
  async keep(): Promise<{ readonly id: string; readonly fresh: boolean }> {
    if (this.#id !== undefined) {
      const call = { method: 'PUT', path: `/v1/session/renew/${this.#id}` } as const
      const renewed = await this.#http.send(call)
      if (renewed.status === 200) return { id: this.#id, fresh: false }
      if (renewed.status !== 404) throw this.#http.refused(call, renewed)
      this.#id = undefined
    }
    const { name, ttlMs, behavior, lockDelay } = this.#options
    const body = JSON.stringify({
      ...{ Name: name, TTL: `${Math.round(ttlMs / 1_000)}s`, Behavior: behavior, LockDelay: lockDelay },
    })
    const call = { method: 'PUT', path: '/v1/session/create', body } as const
    const answer = await this.#http.send(call)
    if (answer.status !== 200) throw this.#http.refused(call, answer)
    const { ID: id } = this.#http.parse(call, answer) as { ID: string }
    this.#id = id
    return { id, fresh: true }
  }

  /** Ends it at once; where that fails, it ends by itself after its time. */
  async end(): Promise<void> {
    const id = this.#id
    this.#id = undefined
    if (id === undefined) return
    await this.#http.send({ method: 'PUT', path: `/v1/session/destroy/${id}`, timeoutMs: 2_000 }).catch(() => undefined)
  }
}
