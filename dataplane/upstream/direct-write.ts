import type { Socket } from 'node:net'
import { type Handle, handleOf, hasHandle } from '../../sockets/handle.ts'
import { WAITS, type Writer, write, writeAll, writeError } from '../../sockets/write.ts'

/**
 * Writes to a connected TCP or Unix socket without the book-keeping of a stream and without an object for each write, which cost as much as a fifth of
 * what the kernel needs. Order, the end of the stream, and errors are those of the socket: what the kernel did not take waits in its handle, and what
 * is written to the socket meanwhile follows.
 */
export class DirectWriter implements Writer {
  readonly #socket: Socket
  readonly #done: () => void
  /** The one written to last. */
  #handle: Handle | undefined
  /** Bytes of the write that the kernel has not taken wholly. */
  pending = 0

  /** `done`: nothing is pending any more, and the socket is well. */
  constructor(socket: Socket, done: () => void) {
    this.#socket = socket
    this.#done = done
  }

  /** Writes bytes that stay as they are while they are pending. @returns false when the socket has to be written to instead; nothing is written then */
  write(bytes: Uint8Array): boolean {
    const handle = this.#free()
    if (!handle) return false
    this.#wrote(write(handle, bytes, this), bytes.length)
    return true
  }

  /** The same for several pieces, of `total` length. */
  writeAll(pieces: readonly Uint8Array[], total: number): boolean {
    const handle = this.#free()
    if (!handle) return false
    this.#wrote(writeAll(handle, pieces, this), total)
    return true
  }

  /** @internal for the handle */
  taken(status: number): void {
    this.pending = 0
    if (status < 0) this.#fail(status)
    else this.#done()
  }

  /** The handle when nothing waits in it. */
  #free(): Handle | undefined {
    if (this.pending > 0) return undefined
    const handle = this.#handle
    if (!handle || !hasHandle(this.#socket, handle)) this.#handle = handleOf(this.#socket)
    return this.#handle
  }

  #wrote(outcome: number, total: number): void {
    if (outcome === WAITS) this.pending = total
    else if (outcome < 0) this.#fail(outcome)
  }

  #fail(status: number): void {
    this.#socket.destroy(writeError(status))
  }
}
