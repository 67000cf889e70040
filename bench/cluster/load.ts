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

/** An answer that takes longer is late, ms: it is counted apart, for it is not lost. */
const LATE_MS = 10_000
/** How long after the last request answers are waited for, ms: what has not come by then never will. */
const LAST_WAIT_MS = 60_000

/** Requests at fixed times, through HTTP proxies and through message proxies in turn: a slow answer delays no other. */
export class Load {
  sent = 0
  /** Answers that took longer than 10 s. */
  late = 0
  readonly lost: Loss[] = []
  /** Answers that belong to another request. */
  readonly wrong: Loss[] = []
  /** The longest time a request was sent after it was due: the generator itself was held up. */
  lateMs = 0
  readonly #http: readonly { readonly port: number; readonly agent: Agent }[]
  readonly #messages: readonly MessageLane[]
  readonly #options: LoadOptions
  /** What has not been answered yet, by number. */
  readonly #open = new Map<number, { readonly sentAt: number; readonly via: Loss['via'] }>()
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
          (id) => this.#done(id),
          (id, what) => this.#lose(id, what),
          (what, id) => this.#mistake(what, 'message', id),
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

  /** Sends no more, and waits for what is under way, a minute at most. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const end = Date.now() + LAST_WAIT_MS
    while (this.#open.size > 0 && Date.now() < end) await sleep(20)
    for (const id of [...this.#open.keys()]) this.#lose(id, 'no answer at all')
    for (const lane of this.#messages) lane.close()
    for (const { agent } of this.#http) agent.destroy()
  }

  #send(id: number): void {
    const lanes = this.#http.length + this.#messages.length
    const lane = id % lanes
    const via = lane >= this.#http.length ? 'message' : 'http'
    this.#open.set(id, { sentAt: Date.now(), via })
    if (via === 'message') this.#messages[lane - this.#http.length]!.send(id)
    else this.#get(id, this.#http[lane]!)
  }

  #get(id: number, { port, agent }: { readonly port: number; readonly agent: Agent }): void {
    const path = `/${id}`
    const { host, limitedEvery } = this.#options
    const round = Math.floor(id / (this.#http.length + this.#messages.length))
    const headers = { host, ...(round % limitedEvery === 0 && { 'x-limited': 'yes' }) }
    const call = request({ agent, host: '127.0.0.1', port, path, headers }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        if (body.length < 4_000) body += chunk
      })
      response.on('error', (error) => this.#lose(id, error.message))
      response.on('end', () => {
        if (response.statusCode !== 200) return this.#lose(id, `${response.statusCode} ${body.slice(0, 120)}`)
        if (body.endsWith(` ${path}`)) return this.#done(id)
        this.#mistake(`${path}: ${body.slice(0, 80)}`, 'http', id)
      })
    })
    call.on('error', (error) => this.#lose(id, error.message))
    call.end()
  }

  #done(id: number): void {
    const open = this.#close(id)
    if (!open) return
    const took = Date.now() - open.sentAt
    this.#times.push(took)
    if (took > LATE_MS) this.late++
  }

  #lose(id: number, what: string): void {
    const open = this.#close(id)
    if (open) this.lost.push({ ...open, at: Date.now(), what })
  }

  /** @param id of the request it came for, if it was one that waited */
  #mistake(what: string, via: Loss['via'], id?: number): void {
    const { sentAt } = (id === undefined ? undefined : this.#close(id)) ?? { sentAt: 0 }
    this.wrong.push({ sentAt, at: Date.now(), via, what })
  }

  /** Undefined for what is over already. */
  #close(id: number): { readonly sentAt: number; readonly via: Loss['via'] } | undefined {
    const open = this.#open.get(id)
    this.#open.delete(id)
    return open
  }
}

/** One long connection to a message proxy, as a player has. */
class MessageLane {
  readonly #socket: Socket
  readonly #open = new Set<number>()
  readonly #lost: (id: number, what: string) => void

  constructor(
    port: number,
    answered: (id: number) => void,
    lost: (id: number, what: string) => void,
    wrong: (what: string, id?: number) => void,
  ) {
    this.#lost = lost
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('close', () => {
      for (const id of [...this.#open]) this.#end(id, 'the connection ended')
    })
    this.#socket.on(
      'data',
      splitter(({ seq, flags, body }) => {
        if (!this.#open.has(seq)) wrong(`an answer nobody asked for: ${seq}`)
        else if (flags & 0x80) this.#end(seq, `error reply ${body.toString('hex')}`)
        else if (!body.toString().endsWith(`:${seq}`)) {
          this.#open.delete(seq)
          wrong(`${seq}: ${body.toString().slice(0, 80)}`, seq)
        } else {
          this.#open.delete(seq)
          answered(seq)
        }
      }),
    )
  }

  send(id: number): void {
    this.#open.add(id)
    if (this.#socket.destroyed) this.#end(id, 'no connection')
    else this.#socket.write(encode({ kind: Kind.request, msgid: 1, seq: id, uid: BigInt(id % 997), body: String(id) }))
  }

  close(): void {
    this.#socket.destroy()
  }

  #end(id: number, what: string): void {
    this.#open.delete(id)
    this.#lost(id, what)
  }
}
