import { type Codec, codecOfSide, emptyFrame, emptyRef, frameErrorName, replyKinds } from './contract.ts'

export interface SurviveOptions {
  /** Of a protocol whose sides differ: who reads the replies made here. Default: the codec's `upstream`, or itself. */
  readonly reader?: Codec
}

/** A frame as it was found in a stream: where it lies and what it is. */
export interface Seen {
  readonly at: number
  readonly length: number
  readonly kind: number
  readonly id: string
}

/** Cuts a stream into frames as a connection does: a buffer that grows by chunks, never beyond what the codec asks for. */
export function splitStream(
  codec: Codec,
  chunks: readonly Uint8Array[],
): { readonly frames: Seen[]; readonly error: number; readonly held: number } {
  const frames: Seen[] = []
  const frame = emptyFrame()
  let pending = new Uint8Array(0)
  let base = 0
  let wanted = 1
  let seen = 0
  let held = 0
  for (const chunk of chunks) {
    const joined = new Uint8Array(pending.length + chunk.length)
    joined.set(pending)
    joined.set(chunk, pending.length)
    pending = joined
    let at = 0
    while (pending.length - at >= wanted) {
      const length = codec.frameLength(pending, at, pending.length, seen)
      if (seen > 0 && length !== codec.frameLength(pending, at, pending.length))
        throw new Error(`says ${length} with ${seen} bytes seen before, and otherwise without`)
      if (length === 0) throw new Error('frameLength must never be 0')
      if (length < 0) return { frames, error: length, held }
      if (length > pending.length - at) {
        if (length > codec.maxFrame) throw new Error(`asks for ${length} bytes, above maxFrame ${codec.maxFrame}`)
        wanted = length
        seen = pending.length - at
        break
      }
      const result = codec.inspect(pending, at, length, frame)
      if (result < 0) return { frames, error: result, held }
      frames.push({ at: base + at, length, kind: frame.kind, id: `${frame.idHi}:${frame.idLo}` })
      at += length
      wanted = 1
      seen = 0
    }
    base += at
    pending = pending.slice(at)
    held = Math.max(held, pending.length)
  }
  // What is left may be wrong already, although the codec did not ask to be called before more came.
  const rest = pending.length > 0 ? codec.frameLength(pending, 0, pending.length) : 0
  return { frames, error: Math.min(0, rest), held }
}

/** @throws Error with `what`. Cheap enough for what is said of each of a thousand streams a second. */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

/** Whether two runs over the same bytes saw the same. */
export function sameFrames(a: readonly Seen[], b: readonly Seen[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** A stream in pieces, of these sizes in turn. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? bytes.length)
    chunks.push(bytes.slice(at, at + size))
    at += size
  }
  return chunks
}

/**
 * Feeds bytes whole and in pieces, and every function of the codec with every frame that comes out.
 * @param sizes of the pieces, in bytes, in turn
 * @throws Error that says which promise of a codec was broken
 */
export function survive(codec: Codec, bytes: Uint8Array, sizes: readonly number[], options: SurviveOptions = {}): void {
  const whole = splitStream(codec, [bytes])
  const pieces = splitStream(codec, cut(bytes, sizes))
  must(sameFrames(pieces.frames, whole.frames), 'other frames when cut otherwise')
  // A piece may end before the byte that is wrong; with all bytes there the verdict is the same.
  must(
    pieces.error === whole.error,
    `${frameErrorName(pieces.error) ?? 'no error'} in pieces, ${frameErrorName(whole.error) ?? 'none'} as a whole`,
  )
  must(whole.held <= codec.maxFrame && pieces.held <= codec.maxFrame, 'holds more than maxFrame')
  const ref = emptyRef()
  for (const { at, length } of whole.frames) {
    for (const info of codec.fields) {
      if (codec.read(info.slot, bytes, at, length, ref)) {
        must(ref.start >= at && ref.end >= ref.start && ref.end <= at + length, `${info.name} lies outside its frame`)
      }
      codec.field(info.slot, bytes, at, length)
      if (info.writable)
        codec.mutate?.(bytes, at, length, [
          { slot: info.slot, value: info.type === 'bytes' ? new Uint8Array(3) : '12' },
        ])
    }
    for (const kind of replyKinds) {
      const reply = codec.reply?.(kind, bytes, at, length, 1, 'x')
      const reader = options.reader ?? (kind === 'ping' ? codec : codecOfSide(codec, 'upstream'))
      if (reply) must(reader.frameLength(reply, 0, reply.length) === reply.length, `the ${kind} reply is no frame`)
    }
    // Behind a frame lies the next one.
    const copy = new Uint8Array(length + 16).fill(0xa5, length)
    copy.set(bytes.subarray(at, at + length))
    codec.spliceId?.(copy, 0, length, 5, 0)
    codec.writeId?.(copy, 0, length, 5, 0)
    for (let i = length; i < copy.length; i++) must(copy[i] === 0xa5, 'writes an id beyond the frame')
  }
}

/** The sizes of the pieces that a seed of fuzz.ts went wrong with, as its name says. */
export function cutAs(seed: string): number[][] {
  const [, sizes] = /-cut-([\d-]+)\.hex$/.exec(seed) ?? []
  return sizes ? [sizes.split('-').map(Number)] : []
}
