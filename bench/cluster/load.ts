import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, Kind, splitter } from '../../test/dataplane/game.ts'

/** A request that was not answered as it should have been. */
export interface Loss {
  /** When it was sent and when that was known, ms since 1970. */
  readonly sentAt: number
  readonly at: number
  readonly via: 'http' | 'message'
  readonly what: string
}

export interface LoadOptions {
  /** Ports of HTTP proxies. */
  readonly http: readonly number[]
  /** Ports of message proxies. */
  readonly messages: readonly number[]
  readonly host: string
  /** Requests per second in all. */
  readonly rate: number
  /** One of so many HTTP requests is one that a rate limit is for. */
  readonly limitedEvery: number
}

/** Answer times in ms. */
export interface Times {
  readonly p50: number
  readonly p99: number
  readonly most: number
}

/** Requests at fixed times, through HTTP proxies and through message proxies in turn: a slow answer delays no other. */
export class Load {
  sent = 0
  answered = 0
  readonly lost: Loss[] = []
  /** Answers that belong to another request. */
  readonly wrong: Loss[] = []
  /** The longest time a request was sent after it was due: the generator itself was held up. */
  lateMs = 0
  readonly #http: readonly { readonly port: number; readonly agent: Agent }[]
  readonly #messages: readonly MessageLane[]
  readonly #options: LoadOptions
  readonly #times: number[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: LoadOptions) {
    const { http, messages } = options
    this.#options = options
    this.#http = http.map((port) => ({ port, agent: new Agent({ keepAlive: true, maxSockets: 64 }) }))
    this.#messages = messages.map(
      (port) =>
        new MessageLane(
          port,
          (sentAt) => this.#done(sentAt),
          (sentAt, what) => this.lost.push({ sentAt, at: Date.now(), via: 'message', what }),
          (what) => this.wrong.push({ sentAt: 0, at: Date.now(), via: 'message', what }),
        ),
    )
  }

  /** How long answers took. */
  times(): Times {
    const sorted = this.#times.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
    return { p50: at(0.5), p99: at(0.99), most: at(1) }
  }

  start(): void {
    const started = performance.now()
    const already = this.sent
    const { rate } = this.#options
    let last = started
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.lateMs = Math.max(this.lateMs, Math.round(now - last - 5))
      last = now
      const due = already + Math.floor(((now - started) / 1_000) * rate)
      while (this.sent < due) this.#send(this.sent++)
    }, 5)
  }

  /** Sends no more, and waits for what is under way, 10 s at most. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const end = Date.now() + 10_000
    while (this.answered + this.lost.length + this.wrong.length < this.sent && Date.now() < end) await sleep(20)
    for (const lane of this.#messages) lane.close()
    for (const { agent } of this.#http) agent.destroy()
    const open = this.sent - this.answered - this.lost.length - this.wrong.length
    for (let count = 0; count < open; count++)
      this.lost.push({ sentAt: 0, at: Date.now(), via: 'http', what: 'no answer at all' })
  }

  #send(id: number): void {
    const lanes = this.#http.length + this.#messages.length
    const lane = id % lanes
    if (lane >= this.#http.length) this.#messages[lane - this.#http.length]!.send(id)
    else this.#get(id, this.#http[lane]!)
  }

  #get(id: number, { port, agent }: { readonly port: number; readonly agent: Agent }): void {
    const sentAt = Date.now()
    let over = false
    const lost = (what: string) => {
      if (!over) this.lost.push({ sentAt, at: Date.now(), via: 'http', what })
      over = true
    }
    const path = `/${id}`
    const { host, limitedEvery } = this.#options
    const round = Math.floor(id / (this.#http.length + this.#messages.length))
    const headers = { host, ...(round % limitedEvery === 0 && { 'x-limited': 'yes' }) }
    const call = request({ agent, host: '127.0.0.1', port, path, headers, timeout: 10_000 }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        if (body.length < 4_000) body += chunk
      })
      response.on('error', (error) => lost(error.message))
      response.on('end', () => {
        if (response.statusCode !== 200) return lost(`${response.statusCode} ${body.slice(0, 120)}`)
        if (over) return
        over = true
        if (body.endsWith(` ${path}`)) this.#done(sentAt)
        else this.wrong.push({ sentAt, at: Date.now(), via: 'http', what: `${path}: ${body.slice(0, 80)}` })
      })
    })
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')))
    call.on('error', (error) => lost(error.message))
    call.end()
  }

  #done(sentAt: number): void {
    this.answered++
    this.#times.push(Date.now() - sentAt)
  }
}

/** One long connection to a message proxy, as a player has. */
class MessageLane {
  readonly #socket: Socket
  readonly #open = new Map<number, { readonly timer: NodeJS.Timeout; readonly sentAt: number }>()
  readonly #answered: (sentAt: number) => void
  readonly #lost: (sentAt: number, what: string) => void
  readonly #wrong: (what: string) => void

  constructor(
    port: number,
    answered: (sentAt: number) => void,
    lost: (sentAt: number, what: string) => void,
    wrong: (what: string) => void,
  ) {
    this.#answered = answered
    this.#lost = lost
    this.#wrong = wrong
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('close', () => {
      for (const id of [...this.#open.keys()]) this.#end(id, 'the connection ended')
    })
    this.#socket.on(
      'data',
      splitter(({ seq, flags, body }) => {
        if (!this.#open.has(seq)) this.#wrong(`an answer nobody asked for: ${seq}`)
        else if (flags & 0x80) this.#end(seq, `error reply ${body.toString('hex')}`)
        else if (!body.toString().endsWith(`:${seq}`)) {
          this.#forget(seq)
          this.#wrong(`${seq}: ${body.toString().slice(0, 80)}`)
        } else {
          this.#answered(this.#forget(seq))
        }
      }),
    )
  }

  send(id: number): void {
    const timer = setTimeout(() => this.#end(id, 'no answer within 10 s'), 10_000)
    this.#open.set(id, { timer, sentAt: Date.now() })
    if (this.#socket.destroyed) this.#end(id, 'no connection')
    else this.#socket.write(encode({ kind: Kind.request, msgid: 1, seq: id, uid: BigInt(id % 997), body: String(id) }))
  }

  close(): void {
    this.#socket.destroy()
  }

  /** When it was sent. */
  #forget(id: number): number {
    const { timer, sentAt } = this.#open.get(id)!
    clearTimeout(timer)
    this.#open.delete(id)
    return sentAt
  }

  #end(id: number, what: string): void {
    this.#lost(this.#forget(id), what)
  }
}
