import type { Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'

/** One write, as Node's own sockets ask for it: the kernel takes all of it at once, or `oncomplete` says when it did (or a negative errno). */
interface WriteRequest {
  bytes: Uint8Array | readonly Uint8Array[] | undefined
  oncomplete: ((status: number) => void) | undefined
}

/** As much of a socket's handle as is asked for here; Node has no name for it in public. */
interface Handle {
  /** @returns 0 or a negative errno */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  /** `true`: all pieces are bytes, none is a string. */
  writev(request: WriteRequest, pieces: readonly Uint8Array[], allBytes: true): number
}

interface Handled {
  readonly _handle?: Partial<Handle> | null
  destroy(error: Error): unknown
}

/** What Node's own sockets write with. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest
  readonly streamBaseState: Int32Array
  readonly kLastWriteWasAsync: number
}

/** Undefined where Node no longer gives it away (20 does): everything is then written by the sockets themselves. */
function findBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding?(name: string): Partial<StreamBinding> }
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = binding?.call(process, 'stream_wrap') ?? {}
    if (typeof WriteWrap !== 'function' || kLastWriteWasAsync === undefined) return undefined
    return streamBaseState instanceof Int32Array ? { WriteWrap, streamBaseState, kLastWriteWasAsync } : undefined
  } catch {
    return undefined
  }
}

const found = findBinding()
/** The request of the next write; a write that the kernel took at once leaves it as it was. */
let spare: WriteRequest | undefined

function nextRequest(): WriteRequest {
  spare ??= new found!.WriteWrap()
  return spare
}

/**
 * Writes to a connected TCP or Unix socket without the book-keeping of a stream and without an object for each write, which cost as much as a fifth of
 * what the kernel needs. Order, the end of the stream, and errors are those of the socket: what the kernel did not take waits in its handle, and what
 * is written to the socket meanwhile follows.
 */
export class DirectWriter {
  readonly #socket: Handled
  readonly #done: () => void
  /** Bytes of the write that the kernel has not taken wholly. */
  pending = 0

  /** `done`: nothing is pending any more, and the socket is well. */
  constructor(socket: Socket, done: () => void) {
    this.#socket = socket as unknown as Handled
    this.#done = done
  }

  /** Writes bytes that stay as they are while they are pending. @returns false when the socket has to be written to instead; nothing is written then */
  write(bytes: Uint8Array): boolean {
    const handle = this.#handle()
    if (!handle) return false
    this.#wrote(handle.writeBuffer(nextRequest(), bytes), bytes, bytes.length)
    return true
  }

  /** The same for several pieces, of `total` length. */
  writeAll(pieces: readonly Uint8Array[], total: number): boolean {
    const handle = this.#handle()
    if (!handle) return false
    this.#wrote(handle.writev(nextRequest(), pieces, true), pieces, total)
    return true
  }

  #handle(): Handle | undefined {
    const handle = this.#socket._handle
    if (!found || this.pending > 0 || !handle?.writeBuffer || !handle.writev) return undefined
    return handle as Handle
  }

  #wrote(status: number, bytes: WriteRequest['bytes'], total: number): void {
    if (status === 0 && found!.streamBaseState[found!.kLastWriteWasAsync] === 0) return
    const request = nextRequest()
    spare = undefined
    if (status !== 0) {
      this.#fail(status)
      return
    }
    this.pending = total
    request.bytes = bytes
    request.oncomplete = (status) => {
      this.pending = 0
      if (status < 0) this.#fail(status)
      else this.#done()
    }
  }

  #fail(status: number): void {
    this.#socket.destroy(new Error(`write ${getSystemErrorName(status)}`))
  }
}
