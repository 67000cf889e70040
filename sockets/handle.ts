import type { Socket } from 'node:net'

/** One write, as Node's own sockets ask for it. */
export interface WriteRequest {
  /** Held until the kernel has them. */
  bytes?: Uint8Array | readonly Uint8Array[]
  /** @param status 0 or a negative errno */
  oncomplete?: (status: number) => void
}

/** As much of the handle of a socket as is asked for here; Node has no name for it in public. */
export interface Handle {
  /** Something was read, or the end or an error. With bytes where they were not read into a buffer of ours. */
  onread(this: Handle, bytes: ArrayBuffer | undefined): unknown
  useUserBuffer(buffer: Uint8Array): void
  /** @returns 0 or a negative errno */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  /** `true`: all pieces are bytes, none is a string. */
  writev(request: WriteRequest, pieces: readonly Uint8Array[], allBytes: true): number
}

/** What Node's own sockets read and write with. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest
  /** What the last read or write of whatever socket came to, at the two places that follow. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

/** @param from `process`. @returns undefined where it does not give away what is expected */
export function findBinding(from: object): StreamBinding | undefined {
  try {
    const { binding } = from as { binding?(name: string): Partial<StreamBinding> }
    const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } =
      binding?.call(from, 'stream_wrap') ?? {}
    if (typeof WriteWrap !== 'function' || kReadBytesOrError === undefined || kLastWriteWasAsync === undefined)
      return undefined
    if (!(streamBaseState instanceof Int32Array)) return undefined
    return { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync }
  } catch {
    return undefined
  }
}

/** Undefined where Node no longer gives it away (20 to 26 do): no socket has a handle then. */
export const binding = findBinding(process)

/**
 * The handle of a plain socket, TCP or Unix. It may become another one while the socket connects, and there is none when it is closed.
 * @returns undefined for TLS, where what is written is not what the kernel gets, and where Node is not as expected: the socket itself is to be used then
 */
export function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle, encrypted } = socket as unknown as { _handle?: Partial<Handle> | null; encrypted?: boolean }
  if (!binding || !handle || encrypted) return undefined
  if (typeof handle.writeBuffer !== 'function' || typeof handle.writev !== 'function') return undefined
  if (typeof handle.onread !== 'function' || typeof handle.useUserBuffer !== 'function') return undefined
  return handle as Handle
}

/**
 * Bytes that wait in the handle, also of a write of which the kernel took a part: the socket itself counts whole writes. 0 where Node does not say.
 * @see https://github.com/nodejs/node/blob/main/lib/net.js (`_onTimeout`, which looks there whether a write goes on)
 */
export function queueOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { readonly writeQueueSize?: number } | null }
  return handle?.writeQueueSize ?? 0
}

/** Whether the socket still has the handle that `handleOf` gave: cheaper to ask before each write than which it has. */
export function hasHandle(socket: Socket, handle: Handle): boolean {
  return (socket as unknown as { _handle?: unknown })._handle === handle
}
