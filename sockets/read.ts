import { type OnReadOpts, Socket } from 'node:net'
import { binding, type Handle } from './handle.ts'

/** As much as libuv reads at once, in bytes. */
export const PIECE_BYTES = 64 * 1024
/** What all sockets read into, one after the other: Node would get that much memory for every read and give most of it back. */
export const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)

/**
 * From now on what comes does not go through the stream: `read` gets it, as bytes of its own. The end and errors are the socket's.
 * @param handle of `handleOf`, of a socket that reads already
 */
export function readFrom(handle: Handle, read: (chunk: Buffer) => void): void {
  const { streamBaseState, kReadBytesOrError } = binding!
  const { onread: whole, useUserBuffer: readInto } = handle
  readInto.call(handle, piece)
  handle.onread = function (bytes) {
    const length = streamBaseState[kReadBytesOrError]!
    if (length <= 0 || bytes) return whole.call(this, bytes)
    const chunk = Buffer.allocUnsafe(length)
    piece.copy(chunk, 0, 0, length)
    read(chunk)
    return undefined
  }
}

/**
 * The connection of a socket that a server accepted, as another socket that reads by `onread`: Node has that for sockets that connect only (20 to 26).
 * Unlike after `readFrom`, it can be paused. The first socket is destroyed; nothing may have been read from it or written to it.
 * @returns undefined where Node should no longer allow it: the first socket is as it was then
 * @see https://nodejs.org/api/net.html#socketconnectoptions-connectlistener (`onread`)
 */
export function takeOver(accepted: Socket, onread: OnReadOpts): Socket | undefined {
  const holder = accepted as unknown as { _handle: Partial<Handle> | null }
  const handle = holder._handle
  if (typeof handle?.useUserBuffer !== 'function') return undefined
  const options = { handle, allowHalfOpen: accepted.allowHalfOpen, onread }
  const socket = new Socket(options)
  // Without its handle its end is only one of the server's book-keeping.
  holder._handle = null
  accepted.destroy()
  return socket
}
