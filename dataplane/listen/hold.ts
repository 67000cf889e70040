import type { Socket } from 'node:net'
import type { FrameReader } from '../framing/reader.ts'
import { type Flushable, flushLater } from '../turn.ts'

/** Why a client, or an upstream's connection (`slow`, `order`, `turn`), is not read; bits. */
export const Hold = { requests: 1, slow: 2, upstream: 4, delay: 8, order: 16, turn: 32 } as const

/** Whose connection it is. */
export interface HeldOwner {
  /** Nothing more of it is to be read, whatever is released. */
  readonly over: boolean
  /** It is read again now. */
  goesOn?(): void
  /** The codec threw at what was kept meanwhile. */
  thrown(error: unknown): void
}

/** Whether a connection is read: not as long as there is any reason not to. */
export class Holds implements Flushable {
  readonly #reader: FrameReader
  readonly #socket: Socket
  readonly #owner: HeldOwner
  /** Bits of `Hold`; 0: it is read. */
  reasons = 0
  #resuming = false

  constructor(reader: FrameReader, socket: Socket, owner: HeldOwner) {
    this.#reader = reader
    this.#socket = socket
    this.#owner = owner
  }

  hold(reason: number): void {
    if (this.reasons === 0) {
      this.#reader.hold()
      this.#socket.pause()
    }
    this.reasons |= reason
  }

  release(reason: number): void {
    if ((this.reasons & reason) === 0) return
    this.reasons &= ~reason
    if (this.reasons !== 0 || this.#resuming) return
    // Not here: whoever releases stands in the middle of another message.
    this.#resuming = true
    flushLater(this)
  }

  /** Goes on reading at the end of the turn. */
  flush(): void {
    this.#resuming = false
    if (this.reasons !== 0 || this.#owner.over) return
    this.#owner.goesOn?.()
    try {
      if (this.#reader.resume() && this.reasons === 0) this.#socket.resume()
    } catch (error) {
      this.#owner.thrown(error)
    }
  }
}
