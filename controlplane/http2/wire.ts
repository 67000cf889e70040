import type { Socket } from 'node:net'
import { type Handle, handleOf } from '../../sockets/handle.ts'
import { readFrom } from '../../sockets/read.ts'
import { TAKEN, WAITS, type Writer, write, writeAll, writeError } from '../../sockets/write.ts'

/** Told at the end of the turn that what they wrote has left. */
let told: (() => void)[] = []

function later(done: () => void): void {
  if (told.push(done) === 1) process.nextTick(tell)
}

function tell(): void {
  const now = told
  told = []
  callAll(now)
}

/** Calls each in order. */
export function callAll(list: readonly (() => void)[]): void {
  for (const one of list) one()
}

/**
 * What comes and goes on one socket. A plain one is read and written by its handle, without the book-keeping of two streams, memory of 64 KiB
 * for each read and an object for each write, which together cost more than what we do with an acknowledgement
 * (docs/decisions/http2.md). A socket of TLS, or any where Node no longer has a handle, is read and written as ever.
 */
export class Wire implements Writer {
  private readonly socket: Socket
  private readonly handle: Handle | undefined
  /** The kernel has not taken all of the last write. */
  private pending = false
  /** Of that write. */
  private done: (() => void) | undefined

  /** @param read takes what came: bytes of its own */
  constructor(socket: Socket, read: (chunk: Buffer) => void) {
    this.socket = socket
    this.handle = handleOf(socket)
    if (this.handle) readFrom(this.handle, read)
    else socket.on('data', read)
  }

  /** `done` is called when the kernel has the bytes, or never will, in no case before this returns. Bytes must stay what they are until then. */
  write(bytes: Buffer, done?: () => void): void {
    const handle = this.free()
    if (handle) this.wrote(write(handle, bytes, this), done)
    else this.socket.write(bytes, done)
  }

  /** The same for several pieces in one write. */
  writeAll(pieces: readonly Buffer[], done?: () => void): void {
    const handle = this.free()
    if (handle) {
      this.wrote(writeAll(handle, pieces, this), done)
      return
    }
    const { socket } = this
    socket.cork()
    for (const [index, bytes] of pieces.entries()) socket.write(bytes, index === pieces.length - 1 ? done : undefined)
    socket.uncork()
  }

  /** @internal for the handle */
  taken(status: number): void {
    const { done } = this
    this.pending = false
    this.done = undefined
    if (status < 0) this.fail(status)
    done?.()
  }

  /** The handle when nothing waits: neither in it nor in the socket, behind which it would overtake. */
  private free(): Handle | undefined {
    const { socket, handle } = this
    return this.pending || !socket.writable || socket.writableLength > 0 ? undefined : handle
  }

  private wrote(outcome: number, done: (() => void) | undefined): void {
    if (outcome === WAITS) {
      this.pending = true
      this.done = done
      return
    }
    if (outcome !== TAKEN) this.fail(outcome)
    if (done) later(done)
  }

  private fail(status: number): void {
    if (!this.socket.destroyed) this.socket.destroy(writeError(status))
  }
}
