import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, Kind, splitter } from '../../test/dataplane/game.ts'

/** A request that was not answered as it should have been. */
export interface Loss {
  readonly at: number
  readonly via: 'http' | 'message'
  readonly what: string
}

/** Requests at fixed times, through HTTP proxies and through message proxies in turn: a slow answer delays no other. */
export class Load {
  sent = 0
  answered = 0
  readonly lost: Loss[] = []
  /** Answers that belong to another request. */
  readonly wrong: Loss[] = []
  readonly #http: readonly { readonly port: number; readonly agent: Agent }[]
  readonly #messages: readonly MessageLane[]
  readonly #host: string
  readonly #rate: number
  #timer: NodeJS.Timeout | undefined

  constructor(options: {
    readonly http: readonly number[]
    readonly messages: readonly number[]
    readonly host: string
    /** Requests per second in all. */
    readonly rate: number
  }) {
    this.#host = options.host
    this.#rate = options.rate
    this.#http = options.http.map((port) => ({ port, agent: new Agent({ keepAlive: true, maxSockets: 64 }) }))
    this.#messages = options.messages.map(
      (port) =>
        new MessageLane(
          port,
          () => this.answered++,
          (what) => this.lost.push({ at: performance.now(), via: 'message', what }),
          (what) => this.wrong.push({ at: performance.now(), via: 'message', what }),
        ),
    )
  }

  start(): void {
    const started = performance.now()
    const already = this.sent
    this.#timer = setInterval(() => {
      const due = already + Math.floor(((performance.now() - started) / 1_000) * this.#rate)
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
      this.lost.push({ at: performance.now(), via: 'http', what: 'no answer at all' })
  }

  #send(id: number): void {
    const lanes = this.#http.length + this.#messages.length
    const lane = id % lanes
    if (lane >= this.#http.length) this.#messages[lane - this.#http.length]!.send(id)
    else this.#get(id, this.#http[lane]!)
  }

  #get(id: number, { port, agent }: { readonly port: number; readonly agent: Agent }): void {
    let over = false
    const lost = (what: string) => {
      if (!over) this.lost.push({ at: performance.now(), via: 'http', what })
      over = true
    }
    const path = `/${id}`
    const call = request(
      { agent, host: '127.0.0.1', port, path, headers: { host: this.#host }, timeout: 10_000 },
      (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => {
          if (body.length < 4_000) body += chunk
        })
        response.on('error', (error) => lost(error.message))
        response.on('end', () => {
          if (response.statusCode !== 200) return lost(`${response.statusCode} ${body.slice(0, 80)}`)
          if (!body.includes(`"path":"${path}"`))
            this.wrong.push({ at: performance.now(), via: 'http', what: `${path}: ${body.slice(0, 80)}` })
          else this.answered++
          over = true
        })
      },
    )
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')))
    call.on('error', (error) => lost(error.message))
    call.end()
  }
}

/** One long connection to a message proxy, as a player has. */
class MessageLane {
  readonly #socket: Socket
  readonly #open = new Map<number, NodeJS.Timeout>()
  readonly #answered: () => void
  readonly #lost: (what: string) => void
  readonly #wrong: (what: string) => void

  constructor(port: number, answered: () => void, lost: (what: string) => void, wrong: (what: string) => void) {
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
          this.#forget(seq)
          this.#answered()
        }
      }),
    )
  }

  send(id: number): void {
    this.#open.set(
      id,
      setTimeout(() => this.#end(id, 'no answer within 10 s'), 10_000),
    )
    if (this.#socket.destroyed) this.#end(id, 'no connection')
    else this.#socket.write(encode({ kind: Kind.request, msgid: 1, seq: id, uid: BigInt(id % 997), body: String(id) }))
  }

  close(): void {
    this.#socket.destroy()
  }

  #forget(id: number): void {
    clearTimeout(this.#open.get(id))
    this.#open.delete(id)
  }

  #end(id: number, what: string): void {
    this.#forget(id)
    this.#lost(what)
  }
}
