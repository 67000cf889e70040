import type { FieldValue } from '../contract.ts'
import { seek } from './delimiter.ts'
import {
  joinBytes,
  type Patch,
  type PlainText,
  type Position,
  padded,
  type Reader,
  roundUp,
  textBytes,
} from './node.ts'
import { BAD, last, NEED, numberBytes, readNumber } from './numbers.ts'
import type { NumberType, TextType } from './types.ts'

export interface TextAccess {
  readonly end: Position
  readonly read: Reader
  readonly text?: PlainText | undefined
  readonly patch: (b: Uint8Array, at: number, limit: number, value: FieldValue | undefined) => Patch | undefined
}

/** Text behind its own length, the whole padded to a multiple of `align`. `max` is the longest value in bytes. */
export function prefixedText(type: TextType, start: Position, max: number, align: number, offset?: number): TextAccess {
  const { prefix, bias, nullable } = type
  if (!prefix) throw new Error('text without a prefix')
  // Where the value starts; its length is left in `span.length`, -1 for null.
  const span = { length: 0 }
  const content: Position = (b, at, limit) => {
    const s = start(b, at, limit)
    if (s < 0) return s
    const result = readNumber(prefix, b, s, limit)
    if (result < 0) return result
    const { lo, hi, next } = last
    if (lo < 0 || hi !== 0) {
      if (!nullable || hi !== -1) return BAD
      span.length = -1
      return next
    }
    span.length = lo - bias
    if (span.length < 0 && !nullable) return BAD
    if (span.length > max) return BAD
    return next
  }
  const text = offset === undefined || bias !== 0 || nullable || align > 1 ? undefined : plainText(prefix, offset, max)
  const end: Position = (b, at, limit) => {
    const s = content(b, at, limit)
    if (s < 0) return s
    const e = span.length < 0 ? s : s + span.length
    if (align === 1) return e > limit ? NEED : e
    const from = start(b, at, limit)
    const padding = from + roundUp(e - from, align)
    return padding > limit ? NEED : padding
  }
  return {
    text,
    end: text ? plainEnd(text) : end,
    read: (b, at, limit, out) => {
      const s = content(b, at, limit)
      if (s < 0 || span.length < 0 || s + span.length > limit) return false
      out.start = s
      out.end = s + span.length
      return true
    },
    patch: (b, at, limit, value) => {
      const s = start(b, at, limit)
      const e = end(b, at, limit)
      const bytes = s < 0 || e < 0 ? undefined : encodePrefixed(type, value, max)
      if (!bytes || align === 1) return bytes && { start: s, end: e, bytes }
      const from = content(b, at, limit)
      const counted = bytes.length - (from + Math.max(0, span.length) - s)
      return { start: s, end: e, bytes: padded(bytes, align), counted }
    },
  }
}

function plainText(prefix: NumberType, at: number, max: number): PlainText | undefined {
  if (prefix.form !== 'int' || prefix.le || prefix.bytes > 4 || (prefix.signed && prefix.bytes !== 4)) return undefined
  return { at, bytes: prefix.bytes, max }
}

/** The end of a text at a fixed offset behind a plain big-endian length: the offset of what follows, asked for in every message. */
function plainEnd({ at: offset, bytes, max }: PlainText): Position {
  return (b, at, limit) => {
    const p = at + offset
    const s = p + bytes
    if (s > limit) return NEED
    let n = b[p]!
    if (bytes === 4) n = (n << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
    else for (let i = 1; i < bytes; i++) n = (n << 8) | b[p + i]!
    if (n < 0 || n > max) return BAD
    return s + n > limit ? NEED : s + n
  }
}

/**
 * Text up to a delimiter, which must come within `max` bytes and as many as it has itself. With `edge` the text may end with what it lies in, there;
 * where nothing is left it is not there.
 */
export function endedText(start: Position, ends: Uint8Array, max: number, edge: Position | undefined): TextAccess {
  const size = ends.length
  // Where the value ends.
  const close: Position = (b, at, limit) => {
    const s = start(b, at, limit)
    const stop = s >= 0 && edge ? edge(b, at, limit) : limit
    if (s < 0 || stop < 0) return Math.min(s, stop)
    const found = seek(b, s, Math.min(stop, s + max + size), ends)
    if (found >= 0) return found
    if (edge && stop > s) return stop - s > max ? BAD : stop
    return stop - s >= max + size ? BAD : NEED
  }
  const end: Position = (b, at, limit) => {
    const e = close(b, at, limit)
    return e < 0 || e === edge?.(b, at, limit) ? e : e + size
  }
  return {
    end,
    read: (b, at, limit, out) => {
      const e = close(b, at, limit)
      if (e < 0) return false
      out.start = start(b, at, limit)
      out.end = e
      return true
    },
    patch: (b, at, limit, value) => {
      const e = close(b, at, limit)
      const bytes = e < 0 || value === undefined ? undefined : encodeEnded(ends, value, max)
      return bytes && { start: start(b, at, limit), end: e, bytes: bytes.subarray(0, bytes.length - size) }
    },
  }
}

/** Value and delimiter; undefined when the value would end before. */
function encodeEnded(ends: Uint8Array, value: FieldValue, max = 2 ** 31): Uint8Array | undefined {
  const text = textBytes(value)
  const bytes = joinBytes(text, ends)
  return text.length <= max && seek(bytes, 0, bytes.length, ends) === text.length ? bytes : undefined
}

/** Length and value, or value and delimiter; undefined is null, where the type knows null. */
export function encodePrefixed(type: TextType, value: FieldValue | undefined, max = 2 ** 31): Uint8Array | undefined {
  const { prefix, bias, nullable, ends } = type
  if (ends) return value === undefined ? undefined : encodeEnded(ends, value, max)
  if (!prefix) return undefined
  if (value === undefined)
    return nullable ? (bias ? numberBytes(prefix, 0, 0) : numberBytes(prefix, -1, -1)) : undefined
  const text = textBytes(value)
  const length = text.length > max ? undefined : numberBytes(prefix, text.length + bias, 0)
  return length && joinBytes(length, text)
}

/** Text of a given size: `size` bytes from `start`, padded to a multiple of `align`; or up to `edge`, or the limit. */
export function sizedText(
  start: Position,
  size: Position | undefined,
  elastic: boolean,
  max: number,
  align: number,
  edge?: Position,
): TextAccess {
  const end: Position = (b, at, limit) => {
    const s = start(b, at, limit)
    if (s < 0) return s
    if (!size) {
      const e = edge ? edge(b, at, limit) : limit
      return e < 0 ? e : e < s || e - s > max ? BAD : e
    }
    const n = size(b, at, limit)
    if (n < 0) return n
    return n > max ? BAD : s + n > limit ? NEED : s + n
  }
  const paddedEnd: Position = (b, at, limit) => {
    const s = start(b, at, limit)
    const e = s < 0 ? s : end(b, at, limit)
    if (e < 0) return e
    const padding = s + roundUp(e - s, align)
    return padding > limit ? NEED : padding
  }
  return {
    end: align === 1 ? end : paddedEnd,
    read: (b, at, limit, out) => {
      const s = start(b, at, limit)
      const e = s < 0 ? s : end(b, at, limit)
      if (e < 0) return false
      out.start = s
      out.end = e
      return true
    },
    patch: (b, at, limit, value) => {
      const s = start(b, at, limit)
      const e = s < 0 ? s : end(b, at, limit)
      if (e < 0 || value === undefined) return undefined
      const bytes = textBytes(value)
      if (bytes.length > max || (!elastic && bytes.length !== e - s)) return undefined
      if (align === 1) return { start: s, end: e, bytes }
      const last = paddedEnd(b, at, limit)
      const counted = bytes.length - (e - s)
      return last < 0 ? undefined : { start: s, end: last, bytes: padded(bytes, align), counted }
    },
  }
}
