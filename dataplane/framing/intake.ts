import type { OnReadOpts, Socket } from 'node:net'
import { piece, takeOver } from '../../sockets/read.ts'
import { plainBytes } from './reader.ts'
import type { Slabs } from './slabs.ts'

/** Asking a view for its memory costs as much as the copy. */
const pieceMemory = piece.buffer

/** Takes what a socket read, `bytes[start..end)`: the taker's to change; whoever reads it after this turn says so (`keep`) or is a request in flight. */
export type Take = (bytes: Uint8Array, start: number, end: number) => void

/**
 * What one socket reads. All sockets read into one buffer, and what came is copied behind what came before it, from whatever socket. Otherwise
 * Node would get 64 KiB of memory for every read and give most of it back: that costs more than the copy, and what goes on to the same
 * connection lies together here.
 * @see https://nodejs.org/api/net.html#socketconnectoptions-connectlistener (`onread`)
 */
export class Intake implements OnReadOpts {
  readonly buffer = piece
  take: Take = () => undefined
  readonly #slabs: Slabs

  constructor(slabs: Slabs) {
    this.#slabs = slabs
  }

  readonly callback = (bytes: number): boolean => {
    const slabs = this.#slabs
    const start = slabs.room(bytes)
    const slab = slabs.current
    slab.set(new Uint8Array(pieceMemory, 0, bytes), start)
    this.take(slab, start, start + bytes)
    return true
  }

  /** Takes over from the chunks of a socket that has no `onread`: one of TLS. */
  follow(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.take(plainBytes(chunk), 0, chunk.length))
  }
}

/**
 * The same connection as a socket that reads by `intake`: another one, since a server's sockets cannot be made so. Where Node does not allow that, it
 * is the first one, and its chunks are followed.
 */
export function readBy(intake: Intake, accepted: Socket): Socket {
  const socket = takeOver(accepted, intake)
  if (socket) return socket
  intake.follow(accepted)
  return accepted
}
