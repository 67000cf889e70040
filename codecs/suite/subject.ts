import fc from 'fast-check'
import { type Codec, emptyFrame } from '../contract.ts'
import { must, type SurviveOptions } from '../survive.ts'

export interface SuiteOptions extends SurviveOptions {
  /** Byte offset and width of the frame's length field, where it has a fixed one: lengths are then made to lie. */
  readonly lengthField?: { readonly at: number; readonly bytes: number; readonly le?: boolean }
  readonly runs?: number
}

/** A codec with frames to try it on. */
export interface Subject {
  readonly codec: Codec
  /** Whole valid frames. */
  readonly corpus: readonly Uint8Array[]
  /** Some of the corpus behind one another. */
  readonly frames: fc.Arbitrary<Uint8Array[]>
  /** How often a property with random input is tried; some are tried more often or less by a factor. */
  readonly runs: number
  readonly options: SuiteOptions
}

/** Something that must hold for every codec. */
export interface Property {
  /** In words: the name of its test. */
  readonly promise: string
  /** Whether it says anything of this codec; absent: of every one. */
  readonly concerns?: (subject: Subject) => boolean
  /** @throws when it does not hold */
  readonly check: (subject: Subject) => void
}

/** @param known whole valid frames; those with two ids are tried with two that differ, too */
export function subjectOf(codec: Codec, known: readonly Uint8Array[], options: SuiteOptions): Subject {
  const corpus = [...known, ...known.flatMap((bytes) => withTwoIds(codec, bytes))]
  const frames = fc.array(fc.constantFrom(...corpus), { minLength: 1, maxLength: 6 })
  return { codec, corpus, frames, runs: options.runs ?? 100, options }
}

/** The same frame with two ids that differ, where it has two. */
function withTwoIds(codec: Codec, bytes: Uint8Array): Uint8Array[] {
  if (codec.idBits === 0 || codec.idBits > 32) return []
  const differing = withId(codec, bytes, 9, 0x55)
  const frame = emptyFrame()
  if (differing) codec.inspect(differing, 0, differing.length, frame)
  return differing && frame.idHi === 0x55 ? [differing] : []
}

/** The frame with another id; undefined when it takes none. */
export function withId(codec: Codec, bytes: Uint8Array, lo: number, hi: number): Uint8Array | undefined {
  const copy = bytes.slice()
  if (codec.writeId?.(copy, 0, copy.length, lo, hi)) return copy
  must(sameBytes(copy, bytes), 'writeId said no and changed the frame')
  return codec.spliceId?.(copy, 0, copy.length, lo, hi)
}

/** Whether two pieces of memory hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Frames behind one another. */
export function join(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames))
}

/** Sizes of the pieces a stream is cut into, in bytes, in turn. */
export function pieceSizes(most: number, pieces: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: pieces })
}
