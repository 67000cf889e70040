import type { FieldValue } from '../contract.ts'
import { joinBytes, type Patch, type Position, type Reader, textBytes } from './node.ts'
import { BAD, last, NEED, numberBytes, readNumber } from './numbers.ts'
import type { NumberType, TextType } from './types.ts'

export interface TextAccess {
  readonly end: Position
  readonly read: Reader
  readonly patch: (b: Uint8Array, at: number, limit: number, value: FieldValue | undefined) => Patch | undefined
}

/** Text behind its own length. `max` is the longest value in bytes. */
export function prefixedText(type: TextType, start: Position, max: number, offset?: number): TextAccess {
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
  const fixedEnd = offset === undefined || bias !== 0 || nullable ? undefined : plainEnd(prefix, offset, max)
  return {
    end:
      fixedEnd ??
      ((b, at, limit) => {
        const s = content(b, at, limit)
        if (s < 0 || span.length < 0) return s
        return s + span.length > limit ? NEED : s + span.length
      }),
    read: (b, at, limit, out) => {
      const s = content(b, at, limit)
      if (s < 0 || span.length < 0 || s + span.length > limit) return false
      out.start = s
      out.end = s + span.length
      return true
    },
    patch: (b, at, limit, value) => {
      const s = start(b, at, limit)
      const from = content(b, at, limit)
      if (s < 0 || from < 0) return undefined
      const end = from + Math.max(0, span.length)
      const bytes = encodePrefixed(type, value, max)
      return end > limit || !bytes ? undefined : { start: s, end, bytes }
    },
  }
}

/** The end of a text at a fixed offset behind a plain big-endian length: the offset of what follows, asked for in every message. */
function plainEnd(prefix: NumberType, offset: number, max: number): Position | undefined {
  if (prefix.form !== 'int' || prefix.le || prefix.bytes > 4 || (prefix.signed && prefix.bytes !== 4)) return undefined
  const { bytes } = prefix
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

/** Length and value; undefined is null, where the type knows null. */
export function encodePrefixed(type: TextType, value: FieldValue | undefined, max = 2 ** 31): Uint8Array | undefined {
  const { prefix, bias, nullable } = type
  if (!prefix) return undefined
  if (value === undefined)
    return nullable ? (bias ? numberBytes(prefix, 0, 0) : numberBytes(prefix, -1, -1)) : undefined
  const text = textBytes(value)
  const length = text.length > max ? undefined : numberBytes(prefix, text.length + bias, 0)
  return length && joinBytes(length, text)
}

/** Text of a given size: `size` bytes from `start`, or up to the limit. */
export function sizedText(start: Position, size: Position | undefined, elastic: boolean, max: number): TextAccess {
  const end: Position = (b, at, limit) => {
    const s = start(b, at, limit)
    if (s < 0) return s
    if (!size) return limit - s > max ? BAD : limit
    const n = size(b, at, limit)
    if (n < 0) return n
    return n > max ? BAD : s + n > limit ? NEED : s + n
  }
  return {
    end,
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
      return { start: s, end: e, bytes }
    },
  }
}
