import { getSystemErrorName } from 'node:util'
import { binding, type Handle, type WriteRequest } from './handle.ts'

/** What became of a write: the kernel has all of it. */
export const TAKEN = 0
/** What became of a write: the kernel has not taken all of it yet, and the writer will be told. */
export const WAITS = 1

/** Who wrote what waits. */
export interface Writer {
  /** The kernel has it, or never will. @param status 0 or a negative errno */
  taken(status: number): void
}

/** The request of the next write; a write that the kernel took at once leaves it as it was. */
let spare: WriteRequest | undefined

/**
 * Writes past the stream of a socket. Nothing may wait in the socket, which this would overtake, and no other write in the handle; what is written
 * to the socket from now on follows.
 * @param handle of `handleOf`
 * @param bytes stay as they are while they wait
 * @param writer is told when they have waited
 * @returns `TAKEN`, `WAITS`, or a negative errno
 */
export function write(handle: Handle, bytes: Uint8Array, writer: Writer): number {
  spare ??= new binding!.WriteWrap()
  const status = handle.writeBuffer(spare, bytes)
  return status === 0 && binding!.streamBaseState[binding!.kLastWriteWasAsync] === 0
    ? TAKEN
    : notTaken(status, bytes, writer)
}

/** The same for several pieces in one write. */
export function writeAll(handle: Handle, pieces: readonly Uint8Array[], writer: Writer): number {
  spare ??= new binding!.WriteWrap()
  const status = handle.writev(spare, pieces, true)
  return status === 0 && binding!.streamBaseState[binding!.kLastWriteWasAsync] === 0
    ? TAKEN
    : notTaken(status, pieces, writer)
}

function notTaken(status: number, bytes: Uint8Array | readonly Uint8Array[], writer: Writer): number {
  const request = spare!
  spare = undefined
  if (status !== 0) return status
  request.bytes = bytes
  request.oncomplete = (status) => writer.taken(status)
  return WAITS
}

/** What a socket is destroyed with, in the words of Node. @param status negative errno of a write */
export function writeError(status: number): Error {
  return new Error(`write ${getSystemErrorName(status)}`)
}
