import { type OnReadOpts, Socket } from 'node:net'
import { plainBytes } from './reader.ts'
import { type Slabs, slabBytes } from './slabs.ts'

/** As much as libuv reads at once. */
const pieceBytes = slabBytes
const piece = Buffer.allocUnsafeSlow(pieceBytes)
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

/** As much of a socket's handle as is asked for here; Node has no name for it in public. */
interface Handle {
  readonly useUserBuffer?: unknown
}

/**
 * The same connection as a socket that reads by `intake`. A server's sockets cannot be made with `onread` (Node 20 to 24), so the connection
 * gets a second one; where Node should no longer allow that, the first one is used and its chunks are followed.
 */
export function readBy(intake: Intake, accepted: Socket): Socket {
  const holder = accepted as unknown as { _handle: Handle | null }
  const handle = holder._handle
  if (typeof handle?.useUserBuffer !== 'function') {
    intake.follow(accepted)
    return accepted
  }
  const options = { handle, allowHalfOpen: accepted.allowHalfOpen, onread: intake }
  const socket = new Socket(options)
  // Without its handle its end is only one of the server's book-keeping.
  holder._handle = null
  accepted.destroy()
  return socket
}
