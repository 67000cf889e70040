import type { Codec } from '../../codecs/contract.ts'
import { keep } from './slabs.ts'

/** Takes the frames of a stream. */
export interface FrameSink {
  /** One whole frame; `buf` is the sink's to keep and to change in place. @returns false to get no further frame until `resume`. */
  onFrame(buf: Uint8Array, at: number, length: number): boolean
  /** The bytes are no frame (`code` is a FrameError); nothing more will be read. */
  onFrameError(code: number): void
}

/**
 * What a socket gave, as plain bytes: a `slice` of a Buffer is no copy but the same memory, and who takes a slice here means to keep or to
 * change it.
 */
export function plainBytes(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
}

const firstCarry = 1024
const steps = 16 * 1024
/** So many bytes more at a time, and as many as there are already, for a frame whose end is looked for. */
const lookAhead = 256

/**
 * Cuts a stream into frames, in place where a frame lies whole in a chunk. A frame in several chunks is collected in a buffer of its
 * own that grows with what has arrived, not with what the length field says, and never beyond what the codec asks for.
 */
export class FrameReader {
  readonly #codec: Codec
  readonly #sink: FrameSink
  #carry: Uint8Array | undefined
  #have = 0
  #need = 0
  /** Bytes of the frame that the codec has looked at. */
  #seen = 0
  /** The rest of a chunk while the sink holds. */
  #held: Uint8Array | undefined
  #holding = false
  #stopped = false
  #running = false

  constructor(codec: Codec, sink: FrameSink) {
    this.#codec = codec
    this.#sink = sink
  }

  /** Whether a frame has begun that is not whole yet. */
  get partial(): boolean {
    return this.#have > 0
  }

  get holding(): boolean {
    return this.#holding
  }

  /** Reads no more, for good. */
  stop(): void {
    this.#stopped = true
    this.#carry = undefined
    this.#held = undefined
    this.#have = 0
  }

  /** The next frame is not delivered until `resume`; at most what is being read now is kept meanwhile. */
  hold(): void {
    this.#holding = true
  }

  /** Goes on with what was kept. @returns false if the sink holds again. */
  resume(): boolean {
    this.#holding = false
    // Within a frame of this very stream: the loop that delivers it goes on by itself.
    if (this.#running) return true
    const rest = this.#held
    this.#held = undefined
    if (rest) this.feed(rest, 0, rest.length)
    return !this.#holding
  }

  /** Takes a chunk, `bytes[start..end)`; it belongs to the reader from now on. */
  feed(bytes: Uint8Array, start: number, end: number): void {
    if (this.#stopped) return
    if (this.#holding) {
      const more = bytes.subarray(start, end)
      this.#keep(this.#held ? plainBytes(Buffer.concat([this.#held, more])) : more)
      return
    }
    this.#running = true
    this.#run(bytes, start, end)
    this.#running = false
  }

  #run(chunk: Uint8Array, start: number, end: number): void {
    let at = this.#have > 0 ? this.#complete(chunk, start, end) : start
    if (at < 0 || this.#stopped) return
    const codec = this.#codec
    const sink = this.#sink
    while (at < end) {
      if (this.#holding) {
        this.#keep(chunk.subarray(at, end))
        return
      }
      const length = codec.frameLength(chunk, at, end)
      if (length > end - at) {
        this.#begin(chunk, at, end, length)
        return
      }
      if (length <= 0) {
        this.#fail(length)
        return
      }
      if (!sink.onFrame(chunk, at, length)) this.#holding = true
      if (this.#stopped) return
      at += length
    }
  }

  /** Keeps a rest for later, on its own when it is the smaller part of a chunk that others have their bytes in. */
  #keep(rest: Uint8Array): void {
    if (rest.buffer.byteLength > 2 * rest.length) this.#held = rest.slice()
    else {
      keep(rest)
      this.#held = rest
    }
  }

  #begin(chunk: Uint8Array, at: number, end: number, need: number): void {
    const have = end - at
    this.#need = need
    this.#carry = new Uint8Array(Math.min(this.#most(), Math.max(firstCarry, have * 2)))
    this.#carry.set(chunk.subarray(at, end))
    this.#have = have
    this.#seen = have
  }

  /** Fills the frame that has begun. @returns the index in `chunk` behind it, or -1 when all was used and it is not whole. */
  #complete(chunk: Uint8Array, start: number, end: number): number {
    let used = start
    for (;;) {
      const take = Math.min(this.#wanted(), end - used)
      this.#room(this.#have + take)
      this.#carry!.set(chunk.subarray(used, used + take), this.#have)
      this.#have += take
      used += take
      if (this.#have < this.#need) return -1
      const length = this.#codec.frameLength(this.#carry!, 0, this.#have, this.#seen)
      if (length > this.#have) {
        this.#need = length
        this.#seen = this.#have
        continue
      }
      if (length <= 0) {
        this.#fail(length)
        return -1
      }
      // A codec may find out late that the frame was shorter than it asked for; the surplus goes back in front.
      const frame = this.#carry!
      const surplus = this.#have - length
      this.#carry = undefined
      this.#have = 0
      if (!this.#sink.onFrame(frame, 0, length)) this.#holding = true
      if (this.#stopped) return -1
      if (surplus === 0) return used
      if (surplus <= used - start) return used - surplus
      const rest = new Uint8Array(surplus + end - used)
      rest.set(frame.subarray(length, length + surplus))
      rest.set(chunk.subarray(used, end), surplus)
      if (this.#holding) this.#keep(rest)
      else this.#run(rest, 0, rest.length)
      return -1
    }
  }

  /** Bytes to take at once for the frame that has begun. One by one would be a call of the codec for each, where it asks for one more until it finds the end. */
  #wanted(): number {
    const asked = this.#need - this.#have
    if (!this.#codec.delimited) return asked
    return Math.max(asked, Math.min(Math.max(lookAhead, this.#have), this.#codec.maxFrame - this.#have))
  }

  /** No more is held for the frame that has begun. */
  #most(): number {
    return this.#codec.delimited ? this.#codec.maxFrame : this.#need
  }

  #room(bytes: number): void {
    const carry = this.#carry!
    if (bytes <= carry.length) return
    const grown = new Uint8Array(Math.min(this.#most(), Math.max(bytes, carry.length * 2, steps)))
    grown.set(carry.subarray(0, this.#have))
    this.#carry = grown
  }

  #fail(code: number): void {
    this.stop()
    this.#sink.onFrameError(code)
  }
}
