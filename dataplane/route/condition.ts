import { RE2JS } from 're2js'
import { type Codec, emptyRef, type FieldInfo } from '../../codecs/contract.ts'
import { fieldValue, isInteger, matchable } from '../../codecs/values.ts'
import type { FieldMatch } from '../configuration.ts'

/** A test of a frame. */
export type Condition = (buf: Uint8Array, at: number, length: number) => boolean

const ref = emptyRef()
const never: Condition = () => false

/** Halves of an integer as int32 bit patterns, as codecs give them. */
export const lowHalf = (value: bigint): number => Number(BigInt.asIntN(32, value))
export const highHalf = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n))

/** Compiles a test of one field. A field the protocol does not have is like one that no message has. */
function compileMatch(codec: Codec, match: FieldMatch): Condition {
  const slot = codec.slot(match.field)
  const test = slot < 0 ? absent(match) : present(codec, slot, match)
  return match.invert ? (b, at, length) => !test(b, at, length) : test
}

/** All must hold; undefined: nothing to test. */
export function compileMatches(codec: Codec, matches: readonly FieldMatch[]): Condition | undefined {
  const tests = matches.map((match) => compileMatch(codec, match))
  const [first, second] = tests
  if (!first) return undefined
  if (!second) return first
  return (b, at, length) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(b, at, length)) return false
    return true
  }
}

const absent = (match: FieldMatch): Condition => (match.present === false ? () => true : never)

function present(codec: Codec, slot: number, match: FieldMatch): Condition {
  if (match.present !== undefined) {
    const wanted = match.present
    return (b, at, length) => codec.read(slot, b, at, length, ref) === wanted
  }
  const info = codec.fields[slot]!
  if (isInteger(info)) {
    if (match.exact !== undefined) return oneOf(codec, slot, info, [match.exact])
    if (match.in) return oneOf(codec, slot, info, match.in)
    if (match.ranges) return inRanges(codec, slot, info, match.ranges)
  } else {
    if (match.exact !== undefined) return bytesEqual(codec, slot, Buffer.from(match.exact))
    if (match.in) {
      const tests = match.in.map((value) => bytesEqual(codec, slot, Buffer.from(value)))
      return (b, at, length) => tests.some((test) => test(b, at, length))
    }
    if (match.prefix !== undefined) return bytesAt(codec, slot, Buffer.from(match.prefix), false)
    if (match.suffix !== undefined) return bytesAt(codec, slot, Buffer.from(match.suffix), true)
    if (match.ranges) return never
  }
  return textTest(codec, slot, info, match)
}

/** Prefix, suffix and regular expression look at the value as text. */
function textTest(codec: Codec, slot: number, info: FieldInfo, match: FieldMatch): Condition {
  const { prefix, suffix, regex } = match
  const pattern = regex === undefined ? undefined : RE2JS.compile(regex)
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref)) return false
    const text = fieldText(info, b)
    if (prefix !== undefined) return text.startsWith(prefix)
    if (suffix !== undefined) return text.endsWith(suffix)
    return pattern?.matches(text) ?? false
  }
}

/** The text of the field that was read last into `ref`. */
function fieldText(info: FieldInfo, b: Uint8Array): string {
  const value = fieldValue(info, b, ref)
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)
}

function oneOf(codec: Codec, slot: number, info: FieldInfo, texts: readonly string[]): Condition {
  const values = matchable(info, texts)
  const lows = Int32Array.from(values, lowHalf)
  const highs = Int32Array.from(values, highHalf)
  // Fields of up to 32 bits say their sign in `hi` or not at all; the low half decides.
  const narrow = info.type === 'number'
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref)) return false
    for (let i = 0; i < lows.length; i++) if (lows[i] === ref.lo && (narrow || highs[i] === ref.hi)) return true
    return false
  }
}

function inRanges(codec: Codec, slot: number, info: FieldInfo, ranges: NonNullable<FieldMatch['ranges']>): Condition {
  if (info.type === 'number') {
    const bounds = ranges.map(({ first, last }) => [Number(first), Number(last)] as const)
    return (b, at, length) => {
      if (!codec.read(slot, b, at, length, ref)) return false
      const value = info.signed ? ref.lo : ref.lo >>> 0
      for (let i = 0; i < bounds.length; i++) if (value >= bounds[i]![0] && value <= bounds[i]![1]) return true
      return false
    }
  }
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref)) return false
    const value = fieldValue(info, b, ref) as bigint
    return ranges.some(({ first, last }) => value >= first && value <= last)
  }
}

function bytesEqual(codec: Codec, slot: number, wanted: Uint8Array): Condition {
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref) || ref.end - ref.start !== wanted.length) return false
    for (let i = 0, p = ref.start; i < wanted.length; i++, p++) if (b[p] !== wanted[i]) return false
    return true
  }
}

function bytesAt(codec: Codec, slot: number, wanted: Uint8Array, atEnd: boolean): Condition {
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref) || ref.end - ref.start < wanted.length) return false
    const from = atEnd ? ref.end - wanted.length : ref.start
    for (let i = 0; i < wanted.length; i++) if (b[from + i] !== wanted[i]) return false
    return true
  }
}
