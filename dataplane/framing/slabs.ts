import { PIECE_BYTES } from '../../sockets/read.ts'
import { afterTurn, type Flushable } from '../turn.ts'
import { giveSlabBack, isStale, lose, takeSlab } from './arena.ts'

/** Room for whatever a socket reads at once. */
export const slabBytes = PIECE_BYTES
/** A proxy that had to hold more than this at once gives the rest back. */
const most = 512

/** One piece of memory for what sockets read. */
export class Slab {
  readonly bytes = takeSlab(slabBytes)
  readonly #owner: Slabs
  /** Requests in flight that have their frame here. */
  readers = 0
  /** Somebody else keeps bytes of it beyond the turn: it is never used again. */
  kept = false

  constructor(owner: Slabs) {
    this.#owner = owner
    const { buffer } = this.bytes
    const slabs = known.get(buffer) ?? []
    slabs[placeOf(this.bytes)] = this
    known.set(buffer, slabs)
  }

  /** It is never used again. */
  drop(): void {
    known.get(this.bytes.buffer)![placeOf(this.bytes)] = undefined
    lose(this.bytes)
  }

  /** A request that was given this slab by `hold` needs its frame no more. */
  letGo(): void {
    if (--this.readers === 0) this.#owner.unread(this)
  }
}

/** Every slab that is in use or will be, by its memory and its place there. */
const known = new WeakMap<ArrayBufferLike, (Slab | undefined)[]>()

const placeOf = (bytes: Uint8Array) => Math.floor(bytes.byteOffset / slabBytes)

/**
 * Says that `bytes` will be read after this turn of the event loop by somebody other than a request. Whoever holds what a socket gave, and does not
 * copy it, has to say so: memory of others is none of our business, a slab is left to the garbage collector.
 */
export function keep(bytes: Uint8Array): void {
  const slab = known.get(bytes.buffer)?.[placeOf(bytes)]
  if (slab) slab.kept = true
}

/**
 * The memory in which what sockets read lies until it was sent on or answered, in slabs that are used again, the one used last first. Two things
 * make that worth its code. Allocated anew, 64 KiB for every hundred messages, it costs more than the copies: Node's garbage collector counts it beside its
 * own heap, and a process in which it once decides that there is too much of it collects the whole heap thirty times a second from then on.
 * And memory that was not written to for a while is no longer in the processor's own cache: to write to it again costs more than all
 * else that is done with a message.
 *
 * A slab is free again when nobody can read it any more: at the end of a turn, when all that was to be written is written, its readers are the requests in
 * flight that hold it and those that said `keep`.
 */
export class Slabs implements Flushable {
  #slab = new Slab(this)
  /** Bytes used of `current`. */
  used = 0
  readonly #free: Slab[] = []
  /** Full, without readers, and free when the turn ends. */
  readonly #unread: Slab[] = []
  #full = 0
  #asked = false
  /** Taken since `trim` was called last. */
  #taken = 0

  get current(): Uint8Array {
    return this.#slab.bytes
  }

  /** Slabs that are full and not yet free again, and slabs that are free. */
  get counts(): { readonly full: number; readonly free: number } {
    return { full: this.#full, free: this.#free.length }
  }

  /** Room for so many bytes, at most a slab, in `current`. @returns the index of the first */
  room(bytes: number): number {
    if (this.used + bytes > slabBytes) this.next()
    if (!this.#asked) {
      this.#asked = true
      afterTurn(this)
    }
    const start = this.used
    this.used = start + bytes
    return start
  }

  /** Another slab becomes the current one. */
  next(): void {
    const slab = this.#slab
    this.#taken++
    this.#full++
    this.used = 0
    this.#slab = this.#take()
    if (slab.readers === 0) this.unread(slab)
  }

  #take(): Slab {
    for (let slab = this.#free.pop(); slab; slab = this.#free.pop()) if (!isStale(slab.bytes)) return slab
    return new Slab(this)
  }

  /** A request in flight has its frame in `bytes`. @returns what it has to let go of; null where that is not the current slab but memory of its own */
  hold(bytes: Uint8Array): Slab | null {
    const slab = this.#slab
    if (slab.bytes !== bytes) return null
    slab.readers++
    return slab
  }

  /** For slabs alone: the last request let go. What was pushed in this turn may not be written yet. */
  unread(slab: Slab): void {
    if (slab === this.#slab) return
    this.#unread.push(slab)
    if (this.#asked) return
    this.#asked = true
    afterTurn(this)
  }

  /** The turn ends: what nobody reads is free, and the current slab is filled from its start again. */
  flush(): void {
    this.#asked = false
    const current = this.#slab
    if (current.readers === 0 && !current.kept) this.used = 0
    for (let slab = this.#unread.pop(); slab; slab = this.#unread.pop()) {
      this.#full--
      if (slab.kept) slab.drop()
      else this.#free.push(slab)
    }
  }

  /** Called about once a second: a proxy at rest holds no memory it does not need. */
  trim(): void {
    if (this.#taken === 0) this.giveBack()
    else if (this.#free.length > most) this.#free.length = most
    this.#taken = 0
  }

  /** All that is free is for others. */
  giveBack(): void {
    for (const { bytes } of this.#free) giveSlabBack(bytes)
    this.#free.length = 0
  }
}
