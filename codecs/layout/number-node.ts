import type { FieldRef, FieldValue } from '../contract.ts'
import type { Patch, Position, Reader } from './node.ts'
import {
  BAD,
  extend,
  halvesOf,
  highAt,
  last,
  lastAsLength,
  lowAt,
  NEED,
  numberBytes,
  putInt,
  readNumber,
  word,
} from './numbers.ts'
import { type IntType, isVariable, type NumberType } from './types.ts'

export interface NumberAccess {
  readonly end: Position
  readonly read: Reader
  readonly value: Position
  readonly raw: Position | undefined
  readonly patch: (b: Uint8Array, at: number, limit: number, value: FieldValue | undefined) => Patch | undefined
}

/** Access to a number at a fixed offset or wherever `start` says. `mask` 0: all bits. */
export function numberAccess(
  type: NumberType,
  start: Position,
  offset: number | undefined,
  mask: number,
): NumberAccess {
  const read =
    offset !== undefined && type.form === 'int' ? fixedReader(type, offset, mask) : movingReader(type, start, mask)
  return {
    read,
    end: isVariable(type) ? varintEnd(type, start) : fixedEnd(start, type.bytes),
    value:
      offset !== undefined && type.form === 'int' ? fixedValue(type, offset, mask) : movingValue(type, start, mask),
    raw: offset !== undefined && type.form === 'int' ? fixedRaw(type, offset, mask) : undefined,
    patch: (b, at, limit, value) => {
      const s = start(b, at, limit)
      if (s < 0 || readNumber(type, b, s, limit) < 0) return undefined
      const end = last.next
      const bytes = encode(type, b, s, value, mask)
      return bytes && { start: s, end, bytes }
    },
  }
}

function encode(
  type: NumberType,
  b: Uint8Array,
  p: number,
  value: FieldValue | undefined,
  mask: number,
): Uint8Array | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value
  if (typeof number !== 'number' && typeof number !== 'bigint') return undefined
  const halves = halvesOf(number)
  if (!halves) return undefined
  if (mask === 0) return numberBytes(type, halves.lo, halves.hi)
  if (type.form !== 'int' || (halves.lo & ~mask) !== 0) return undefined
  const bytes = b.slice(p, p + type.bytes)
  putInt(bytes, 0, type.bytes, type.le, halves.lo, 0, mask)
  return bytes
}

function fixedEnd(start: Position, bytes: number): Position {
  return (b, at, limit) => {
    const s = start(b, at, limit)
    return s < 0 ? s : s + bytes > limit ? NEED : s + bytes
  }
}

function varintEnd(type: NumberType, start: Position): Position {
  return (b, at, limit) => {
    const s = start(b, at, limit)
    if (s < 0) return s
    const result = readNumber(type, b, s, limit)
    return result < 0 ? result : last.next
  }
}

function movingReader(type: NumberType, start: Position, mask: number): Reader {
  if (type.form === 'int' && type.bytes === 4 && !type.le && mask === 0) {
    const { signed } = type
    return (b, at, limit, out) => {
      const s = start(b, at, limit)
      if (s < 0 || s + 4 > limit) return false
      out.start = s
      out.end = s + 4
      const lo = (b[s]! << 24) | (b[s + 1]! << 16) | (b[s + 2]! << 8) | b[s + 3]!
      out.lo = lo
      out.hi = signed ? lo >> 31 : 0
      return true
    }
  }
  return (b, at, limit, out) => {
    const s = start(b, at, limit)
    if (s < 0 || readNumber(type, b, s, limit) < 0) return false
    out.start = s
    out.end = last.next
    out.lo = mask === 0 ? last.lo : last.lo & mask
    out.hi = last.hi
    return true
  }
}

function movingValue(type: NumberType, start: Position, mask: number): Position {
  return (b, at, limit) => {
    const s = start(b, at, limit)
    if (s < 0) return s
    const result = readNumber(type, b, s, limit)
    if (result < 0) return result
    if (mask !== 0) last.lo &= mask
    return lastAsLength()
  }
}

/** The common widths get closures of their own: these run for every message. */
function fixedReader(type: IntType, offset: number, mask: number): Reader {
  const { bytes, le, signed } = type
  if (mask === 0 && !signed && !le) {
    if (bytes === 1) return (b, at, limit, out) => found(out, at + offset, 1, limit) && set(out, b[at + offset]!, 0)
    if (bytes === 2) {
      return (b, at, limit, out) =>
        found(out, at + offset, 2, limit) && set(out, (b[at + offset]! << 8) | b[at + offset + 1]!, 0)
    }
    if (bytes === 4)
      return (b, at, limit, out) => found(out, at + offset, 4, limit) && set(out, word(b, at + offset), 0)
    if (bytes === 8) {
      return (b, at, limit, out) =>
        found(out, at + offset, 8, limit) && set(out, word(b, at + offset + 4), word(b, at + offset))
    }
  }
  return (b, at, limit, out) => {
    const p = at + offset
    if (!found(out, p, bytes, limit)) return false
    const lo = lowAt(b, p, bytes, le)
    const whole = signed ? extend(lo, bytes) : lo
    return set(out, mask === 0 ? whole : lo & mask, bytes === 8 ? highAt(b, p, bytes, le) : signed ? whole >> 31 : 0)
  }
}

function found(out: FieldRef, p: number, bytes: number, limit: number): boolean {
  if (p + bytes > limit) return false
  out.start = p
  out.end = p + bytes
  return true
}

function set(out: FieldRef, lo: number, hi: number): boolean {
  out.lo = lo
  out.hi = hi
  return true
}

function fixedValue(type: IntType, offset: number, mask: number): Position {
  const { bytes, le, signed } = type
  if (mask === 0 && !le && bytes === 4) {
    return (b, at, limit) => {
      const p = at + offset
      if (p + 4 > limit) return NEED
      const value = word(b, p)
      return value < 0 ? BAD : value
    }
  }
  return (b, at, limit) => {
    const p = at + offset
    if (p + bytes > limit) return NEED
    const lo = lowAt(b, p, bytes, le)
    if (mask !== 0) return lo & mask
    if (bytes === 8 && highAt(b, p, bytes, le) !== 0) return BAD
    return (signed ? extend(lo, bytes) : lo) < 0 ? BAD : lo
  }
}

function fixedRaw(type: IntType, offset: number, mask: number): Position | undefined {
  const { bytes, le, signed } = type
  if (bytes === 8) return undefined
  if (bytes === 1 && !signed) return mask === 0 ? (b, at) => b[at + offset]! : (b, at) => b[at + offset]! & mask
  if (bytes === 2 && !le && !signed && mask === 0) return (b, at) => (b[at + offset]! << 8) | b[at + offset + 1]!
  return (b, at) => {
    const lo = lowAt(b, at + offset, bytes, le)
    return mask !== 0 ? lo & mask : signed ? extend(lo, bytes) : lo
  }
}
