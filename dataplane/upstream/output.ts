import type { Socket } from 'node:net'
import { queueOf } from '../../sockets/handle.ts'
import { isStale, lose, takeStage } from '../framing/arena.ts'
import { keep } from '../framing/slabs.ts'
import { type Flushable, flushLater } from '../turn.ts'
import { DirectWriter } from './direct-write.ts'

/** Hears of a peer that does not read as fast as it is written to. */
export interface OutputOwner {
  /** `waiting`: bytes in the socket, or those that wait until it is connected. Called again with every flush while it lasts. */
  onBlocked(waiting: number): void
  onUnblocked(): void
}

/** Runs longer than this on average are written one by one (writev) instead of being copied together. */
const longRun = 2048
const smallest = 12

/** Memory in which short runs are put together. */
interface Stage {
  readonly plain: Uint8Array
  /** All of the memory it lies in. */
  readonly whole: Uint8Array
  /** The same without asking a view, and where in it the stage begins. */
  readonly memory: ArrayBufferLike
  readonly start: number
  readonly index: number
}

/** One for each power of two; taken out while the kernel has not taken all of it. */
const stages: (Stage | undefined)[] = []

function stageOf(bytes: number): Stage {
  let index = smallest
  while (1 << index < bytes) index++
  const known = stages[index]
  stages[index] = undefined
  if (known && !isStale(known.plain)) return known
  const plain = takeStage(1 << index)
  const { buffer: memory, byteOffset: start } = plain
  return { plain, whole: new Uint8Array(memory), memory, start, index }
}

/**
 * What is to be written to one socket in this turn, as runs of received chunks: frames that lie behind one another in a chunk make one run.
 * A run of one chunk goes out without a copy.
 */
export class Output implements Flushable {
  readonly #socket: Socket
  readonly #direct: DirectWriter
  readonly #chunks: (Uint8Array | undefined)[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #count = 0
  #dirty = false
  /** Bytes collected and not yet given to the socket. */
  queued = 0
  /** False until the socket is connected: everything stays here. */
  open: boolean
  /** FIN after what is queued. */
  #ending = false
  /** Bytes given to the socket in all. */
  written = 0
  /** The peer does not read, or is not there yet: more than `limit` bytes wait. */
  blocked = false
  readonly #limit: number
  readonly #owner: OutputOwner

  constructor(socket: Socket, owner: OutputOwner, limit: number, open: boolean) {
    this.#socket = socket
    this.#owner = owner
    // With less in it, a socket does not tell when it is empty again.
    this.#limit = Math.max(limit, socket.writableHighWaterMark)
    this.open = open
    const emptier = () => {
      if (!this.blocked || this.#inSocket > this.#limit) return
      this.blocked = false
      owner.onUnblocked()
    }
    socket.on('drain', emptier)
    this.#direct = new DirectWriter(socket, emptier)
  }

  /** Bytes that were given to the socket and not wholly taken by the kernel. */
  get #inSocket(): number {
    return this.#socket.writableLength + this.#direct.pending
  }

  /** Bytes that wait here or in the socket. */
  get waiting(): number {
    return this.queued + this.#inSocket
  }

  /** A figure that is another one whenever the kernel took something, also a part of one write, and 0 when it has all. */
  get untaken(): number {
    const { waiting } = this
    return waiting === 0 ? 0 : waiting + queueOf(this.#socket)
  }

  push(chunk: Uint8Array, start: number, end: number): void {
    const last = this.#count - 1
    if (last >= 0 && this.#chunks[last] === chunk && this.#ends[last] === start) this.#ends[last] = end
    else {
      const index = this.#count++
      this.#chunks[index] = chunk
      this.#starts[index] = start
      this.#ends[index] = end
    }
    this.queued += end - start
    if (!this.open) this.#collect(chunk)
    else if (!this.#dirty) {
      this.#dirty = true
      flushLater(this)
    }
  }

  #collect(chunk: Uint8Array): void {
    keep(chunk)
    if (this.blocked || this.queued <= this.#limit) return
    this.blocked = true
    this.#owner.onBlocked(this.queued)
  }

  /**
   * Takes bytes back that were pushed while the socket was not connected, so that a request whose client has its outcome is not sent in vain.
   * @returns false when they are on their way, or not there as they were pushed
   */
  withdraw(chunk: Uint8Array, start: number, end: number): boolean {
    if (this.open) return false
    for (let i = 0; i < this.#count; i++) {
      const first = this.#starts[i]!
      const last = this.#ends[i]!
      if (this.#chunks[i] !== chunk || start < first || end > last) continue
      // What is left of the run on either side of them; an empty run writes nothing.
      this.#ends[i] = start
      if (end < last) {
        this.#chunks.splice(i + 1, 0, chunk)
        this.#starts.splice(i + 1, 0, end)
        this.#ends.splice(i + 1, 0, last)
        this.#count++
      }
      this.queued -= end - start
      return true
    }
    return false
  }

  /** The socket is connected: what was collected goes out at the end of this turn. */
  release(): void {
    this.open = true
    if (this.blocked) {
      this.blocked = false
      this.#owner.onUnblocked()
    }
    if (!this.#dirty && (this.#count > 0 || this.#ending)) {
      this.#dirty = true
      flushLater(this)
    }
  }

  /** Ends the stream after what is queued. */
  end(): void {
    if (this.#ending) return
    this.#ending = true
    if (!this.#dirty && this.open) {
      this.#dirty = true
      flushLater(this)
    }
  }

  flush(): void {
    this.#dirty = false
    const count = this.#count
    const socket = this.#socket
    if (count > 0) {
      const total = this.queued
      this.#count = 0
      this.queued = 0
      this.written += total
      const taken = !socket.writable || total === 0 || this.#write(count, total)
      for (let i = 0; i < count; i++) this.#chunks[i] = undefined
      if (!taken) this.#slow()
    }
    if (this.#ending && !socket.writableEnded) socket.end()
  }

  /** The kernel did not take all. */
  #slow(): void {
    const waiting = this.#inSocket
    if (waiting <= this.#limit) return
    this.blocked = true
    this.#owner.onBlocked(waiting)
  }

  /** @returns whether the kernel has all of it */
  #write(count: number, total: number): boolean {
    if (this.#inSocket > 0) {
      // Who waits for a slow peer keeps its own bytes only, not the chunks of all others they came in.
      const bytes = Buffer.allocUnsafeSlow(total)
      this.#gather(count, bytes, new Uint8Array(bytes.buffer))
      this.#socket.write(bytes)
      return false
    }
    if (count === 1 || total > count * longRun) {
      const taken = count === 1 ? this.#put(this.#view(0)) : this.#putAll(count, total)
      // What the kernel did not take at once is read from where it lies, some time.
      if (!taken) for (let i = 0; i < count; i++) keep(this.#chunks[i]!)
      return taken
    }
    const stage = stageOf(total)
    this.#gather(count, stage.plain, stage.whole)
    const taken = this.#put(new Uint8Array(stage.memory, stage.start, total))
    // The buffer is free again exactly when the kernel took everything at once.
    if (taken) stages[stage.index] = stage
    else lose(stage.plain)
    return taken
  }

  #put(bytes: Uint8Array): boolean {
    if (this.#direct.write(bytes)) return this.#direct.pending === 0
    this.#socket.write(bytes)
    return this.#socket.writableLength === 0
  }

  #putAll(count: number, total: number): boolean {
    // `Array.from` costs more than the views.
    const pieces: Uint8Array[] = []
    for (let i = 0; i < count; i++) pieces.push(this.#view(i))
    if (this.#direct.writeAll(pieces, total)) return this.#direct.pending === 0
    const socket = this.#socket
    socket.cork()
    for (const piece of pieces) socket.write(piece)
    socket.uncork()
    return socket.writableLength === 0
  }

  /** A run as plain bytes: a Buffer costs twice as much, and neither a handle nor a socket needs one. */
  #view(i: number): Uint8Array {
    const chunk = this.#chunks[i]!
    const start = this.#starts[i]!
    return new Uint8Array(chunk.buffer, chunk.byteOffset + start, this.#ends[i]! - start)
  }

  /** Copies all runs into `into`, of which `whole` is all the memory. */
  #gather(count: number, into: Uint8Array, whole: Uint8Array): void {
    const target = whole.buffer
    let at = into.byteOffset
    let last: Uint8Array | undefined
    let memory: ArrayBufferLike = target
    let offset = 0
    for (let i = 0; i < count; i++) {
      const chunk = this.#chunks[i]!
      // Runs that follow one another mostly lie in one slab, and asking a view for its memory costs half as much as copying a short one.
      if (chunk !== last) {
        last = chunk
        memory = chunk.buffer
        offset = chunk.byteOffset
      }
      const start = this.#starts[i]!
      const end = this.#ends[i]!
      // Within one memory no view is needed. A view made by hand and a copy between plain arrays cost half of `subarray` and of a Buffer's `set`.
      if (memory === target) whole.copyWithin(at, offset + start, offset + end)
      else whole.set(new Uint8Array(memory, offset + start, end - start), at)
      at += end - start
    }
  }
}
