import type { Call } from './call.ts'
import { ConnectionError, ERROR } from './frames.ts'

/** Calls we ended before the client did: what it had sent by then is no fault of its. */
const REMEMBERED_RESETS = 100
const NONE: readonly Call[] = []

/**
 * Which streams of a connection are open, which there were, and which we ended first. A frame of a stream that is not open is answered by
 * that (https://www.rfc-editor.org/rfc/rfc9113#section-5.1).
 */
export class Calls {
  /** Nearly always one: a table would take twice the room. A new list each time, so that who walks over it may end some of them. */
  all: readonly Call[] = NONE
  /** The highest id a client opened a stream with; all below were opened, or left out for good. */
  last = 0
  private resets: Set<number> | undefined

  find(stream: number): Call | undefined {
    for (const call of this.all) if (call.id === stream) return call
    return undefined
  }

  /** A list anew: whoever walks the old one is not disturbed. */
  add(call: Call): void {
    this.all = this.all.length === 0 ? [call] : this.all.concat(call)
  }

  remove(call: Call): void {
    this.all = this.all.length === 1 ? NONE : this.all.filter((one) => one !== call)
  }

  /** @throws ConnectionError for a stream that never was */
  mustHaveBeen(stream: number): void {
    if (stream === 0 || stream % 2 === 0 || stream > this.last)
      throw new ConnectionError(ERROR.protocol, `stream ${stream} does not exist`)
  }

  /** We ended it. */
  rememberReset(stream: number): void {
    this.resets ??= new Set()
    if (this.resets.size >= REMEMBERED_RESETS) this.resets.delete(this.resets.values().next().value!)
    this.resets.add(stream)
  }

  /** Whether we have reset the stream: frames of it may still come, and are passed over. */
  wasReset(stream: number): boolean {
    return this.resets?.has(stream) === true
  }
}
