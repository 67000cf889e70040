import { afterTurn, type Flushable } from '../turn.ts'

export const slabBytes = 64 * 1024
/** So many are full before it is asked which of them are free again: asking looks at every request. */
const fewest = 16
/** It is asked before the last is taken, for the rest of the turn. */
const spare = 2
/** A proxy that had to hold more than this at once gives the rest back. */
const most = 512

interface Slab {
  readonly bytes: Uint8Array
  /** Somebody keeps bytes of it beyond the turn: it is never used again. */
  kept: boolean
  /** The look at which a request was seen to have its frame here. */
  seen: number
}

/** Every slab that is in use or will be. */
const known = new WeakMap<ArrayBufferLike, Slab>()

/**
 * Says that `bytes` will be read after this turn of the event loop by somebody other than a request. Whoever holds what a socket gave, and does not
 * copy it, has to say so: memory of others is none of our business, a slab is left to the garbage collector.
 */
export function keep(bytes: Uint8Array): void {
  const slab = known.get(bytes.buffer)
  if (slab) slab.kept = true
}

/** Calls `see` with the frame of each request in flight. */
export type Holders = (see: (frame: Uint8Array) => void) => void

/**
 * The memory in which what sockets read lies until it was answered, in slabs that are used again. Allocated anew, 64 KiB for every hundred messages,
 * it costs more than the copies: Node's garbage collector counts it beside its own heap, and a process in which it once decides that there is too much of
 * it collects the whole heap thirty times a second from then on.
 *
 * A slab is free again when nobody can read it any more: at the end of a turn, when all that was to be written is written, its readers are the requests in
 * flight and those that said `keep`.
 */
export class Slabs implements Flushable {
  readonly #holders: Holders
  #slab: Slab
  /** Bytes used of `current`. */
  used = 0
  readonly #free: Slab[] = []
  #full: Slab[] = []
  #asked = false
  #looks = 0
  /** Taken since `trim` was called last. */
  #taken = 0

  constructor(holders: Holders) {
    this.#holders = holders
    this.#slab = make()
  }

  get current(): Uint8Array {
    return this.#slab.bytes
  }

  /** Slabs that are full, and slabs that are free. */
  get counts(): { readonly full: number; readonly free: number } {
    return { full: this.#full.length, free: this.#free.length }
  }

  /** Another slab becomes the current one. */
  next(): void {
    this.#full.push(this.#slab)
    this.used = 0
    this.#taken++
    this.#slab = this.#free.pop() ?? make()
    if (this.#asked || this.#free.length >= spare || this.#full.length < fewest) return
    this.#asked = true
    afterTurn(this)
  }

  /** Finds the slabs that nobody reads any more. Only at the end of a turn. */
  flush(): void {
    this.#asked = false
    const look = ++this.#looks
    let last: Uint8Array | undefined
    this.#holders((frame) => {
      // Requests that follow one another mostly lie in one slab.
      if (frame === last) return
      last = frame
      const slab = known.get(frame.buffer)
      if (slab) slab.seen = look
    })
    const full: Slab[] = []
    for (const slab of this.#full) {
      if (slab.kept || (slab.seen !== look && this.#free.length >= most)) known.delete(slab.bytes.buffer)
      else if (slab.seen === look) full.push(slab)
      else this.#free.push(slab)
    }
    this.#full = full
  }

  /** Called about once a second: a proxy at rest holds no memory it does not need. */
  trim(): void {
    if (this.#taken === 0) this.#free.length = 0
    this.#taken = 0
  }
}

function make(): Slab {
  const slab = { bytes: new Uint8Array(slabBytes), kept: false, seen: 0 }
  known.set(slab.bytes.buffer, slab)
  return slab
}
