import type { Socket } from 'node:net'
import type { Intake } from '../../../dataplane/framing/intake.ts'
import type { ProxyOptions } from '../../../dataplane/proxy.ts'
import { arrive, asSocket, FakeSocket } from '../../helpers/fake-socket.ts'

/** What an upstream does with a request: the first byte of its body says it. */
export const Deed = { answer: 0, error: 1, close: 2, silence: 3 } as const

/** A request as an upstream got it. */
export interface Arrived {
  readonly host: string
  /** Without the id, which on shared connections is the proxy's own. */
  readonly frame: string
}

/** An open connection to an upstream. */
export interface Open {
  readonly host: string
  /** How it was opened: TLS and the PROXY header. */
  readonly how: string
}

const text = (address: Parameters<NonNullable<ProxyOptions['dial']>>[0]) =>
  'path' in address ? address.path : `${address.host}:${address.port}`

/** Upstreams without a network, of both protocols; all addresses have one. */
export class Upstreams {
  readonly open = new Map<FakeSocket, Open>()
  #arrived: Arrived[] = []
  /** They take what comes, and say nothing. */
  mute = false
  /** So many of the next connections are refused. */
  refuse = 0

  /** What came since the last time. */
  arrived(): readonly Arrived[] {
    const all = this.#arrived
    this.#arrived = []
    return all
  }

  readonly dial: NonNullable<ProxyOptions['dial']> = (address, intake, options, ready): Socket => {
    const socket = new FakeSocket()
    const { tls, preface } = options
    const host = text(address)
    this.open.set(socket, { host, how: JSON.stringify({ tls, preface: preface && preface.length > 0 }) })
    let pending = Buffer.alloc(0)
    socket.taken = (bytes) => {
      pending = Buffer.concat([pending, bytes])
      while (pending.length >= 24 && pending.length >= pending.readUInt32BE(0)) {
        const length = pending.readUInt32BE(0)
        this.#frame(host, socket, intake, pending.subarray(0, length))
        pending = pending.subarray(length)
      }
    }
    socket.once('close', () => this.open.delete(socket))
    const refused = this.refuse > 0
    if (refused) this.refuse--
    setImmediate(() => {
      if (refused) socket.destroy()
      else if (socket.writable) ready()
    })
    return asSocket(socket)
  }

  #frame(host: string, socket: FakeSocket, intake: Intake, frame: Buffer): void {
    const kind = frame[6]
    if (this.mute) return
    const reply = Buffer.from(frame)
    if (kind === 1 || kind === 3) {
      this.#arrived.push({ host, frame: `${frame.toString('hex', 4, 12)} ${frame.toString('hex', 16)}` })
      const deed = frame[24]
      if (kind === 3 || deed === Deed.silence) return
      if (deed === Deed.close) {
        setImmediate(() => socket.destroy())
        return
      }
      reply[6] = 2
      if (deed === Deed.error) reply[7] = 0x80
    } else if (kind !== 4) return
    setImmediate(() => {
      if (socket.writable) arrive(intake, reply)
    })
  }
}
