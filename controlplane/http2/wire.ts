import type { Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'

/** One write, as Node's own sockets ask for it: the kernel takes all of it at once, or `oncomplete` says when it did (or a negative errno). */
interface WriteRequest {
  /** Held until the kernel has them. */
  bytes?: Buffer | readonly Buffer[]
  oncomplete?: (status: number) => void
}

/** As much of a socket's handle as is asked for here; Node has no name for it in public. */
interface Handle {
  onread(this: Handle, bytes: ArrayBuffer | undefined): unknown
  useUserBuffer(buffer: Buffer): void
  /** @returns 0 or a negative errno */
  writeBuffer(request: WriteRequest, bytes: Buffer): number
  /** `true`: all pieces are bytes, none is a string. */
  writev(request: WriteRequest, pieces: readonly Buffer[], allBytes: true): number
}

/** What Node's own sockets read and write with. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

/** Undefined where Node no longer gives it away (20 does): everything then goes through the sockets themselves. */
function findBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding?(name: string): Partial<StreamBinding> }
    const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } =
      binding?.call(process, 'stream_wrap') ?? {}
    if (typeof WriteWrap !== 'function' || kReadBytesOrError === undefined || kLastWriteWasAsync === undefined)
      return undefined
    if (!(streamBaseState instanceof Int32Array)) return undefined
    return { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync }
  } catch {
    return undefined
  }
}

const found = findBinding()

/** As much as libuv reads at once. What all sockets read goes through here: Node would get that much memory for every read. */
const piece = Buffer.allocUnsafeSlow(64 * 1024)

/** The request of the next write; a write that the kernel took at once leaves it as it was. */
let spare: WriteRequest | undefined

function nextRequest(): WriteRequest {
  spare ??= new found!.WriteWrap()
  return spare
}

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

export function callAll(list: readonly (() => void)[]): void {
  for (const one of list) one()
}

/**
 * What comes and goes on one socket. A plain one is read and written by its handle, without the book-keeping of two streams, memory of 64 KiB
 * for each read and an object for each write, which together cost more than what we do with an acknowledgement
 * (docs/decisions/http2.md). That is no public interface of Node: a socket of TLS, or any where Node no longer has it, is read and written as ever.
 */
export class Wire {
  private readonly socket: Socket
  private readonly handle: Handle | undefined
  /** The kernel has not taken all of the last write. */
  private pending = false

  /** @param read takes what came: bytes of its own */
  constructor(socket: Socket, read: (chunk: Buffer) => void) {
    this.socket = socket
    const handle = handleOf(socket)
    this.handle = handle
    if (!handle) {
      socket.on('data', read)
      return
    }
    const { streamBaseState, kReadBytesOrError } = found!
    const { onread: whole, useUserBuffer: readInto } = handle
    readInto.call(handle, piece)
    handle.onread = function (bytes) {
      const length = streamBaseState[kReadBytesOrError]!
      // The end and errors are the socket's.
      if (length <= 0 || bytes) return whole.call(this, bytes)
      const chunk = Buffer.allocUnsafe(length)
      piece.copy(chunk, 0, 0, length)
      read(chunk)
      return undefined
    }
  }

  /** `done` is called when the kernel has the bytes, or never will, in no case before this returns. Bytes must stay what they are until then. */
  write(bytes: Buffer, done?: () => void): void {
    const handle = this.free()
    if (handle) this.wrote(handle.writeBuffer(nextRequest(), bytes), bytes, done)
    else this.socket.write(bytes, done)
  }

  /** The same for several pieces in one write. */
  writeAll(pieces: readonly Buffer[], done?: () => void): void {
    const handle = this.free()
    if (handle) {
      this.wrote(handle.writev(nextRequest(), pieces, true), pieces, done)
      return
    }
    const { socket } = this
    socket.cork()
    for (const [index, bytes] of pieces.entries()) socket.write(bytes, index === pieces.length - 1 ? done : undefined)
    socket.uncork()
  }

  /** The handle when nothing waits: neither in it nor in the socket, behind which it would overtake. */
  private free(): Handle | undefined {
    const { socket, handle } = this
    return this.pending || !socket.writable || socket.writableLength > 0 ? undefined : handle
  }

  private wrote(status: number, bytes: Buffer | readonly Buffer[], done: (() => void) | undefined): void {
    if (status === 0 && found!.streamBaseState[found!.kLastWriteWasAsync] === 0) {
      if (done) later(done)
      return
    }
    const request = nextRequest()
    spare = undefined
    if (status !== 0) {
      this.fail(status)
      if (done) later(done)
      return
    }
    this.pending = true
    request.bytes = bytes
    request.oncomplete = (status) => {
      this.pending = false
      if (status < 0) this.fail(status)
      done?.()
    }
  }

  private fail(status: number): void {
    if (!this.socket.destroyed) this.socket.destroy(new Error(`write ${getSystemErrorName(status)}`))
  }
}

/** Of a plain socket, where Node is as expected. */
function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle, encrypted } = socket as unknown as { _handle?: Partial<Handle> | null; encrypted?: boolean }
  if (!found || !handle || encrypted) return undefined
  const { onread, useUserBuffer, writeBuffer, writev } = handle
  for (const one of [onread, useUserBuffer, writeBuffer, writev]) if (typeof one !== 'function') return undefined
  return handle as Handle
}
