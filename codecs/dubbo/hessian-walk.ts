import { hessianStringEnd } from '../layout/hessian.ts'

/**
 * Steps over Hessian 2 values without building them. @see http://hessian.caucho.com/doc/hessian-serialization.html (bytecode map)
 */
export interface Cursor {
  /** Number of fields of each class defined so far; objects name a class by its number. */
  readonly classes: number[]
  /** Values still allowed: what a peer sends may not keep us busy without end. */
  left: number
}

const maxDepth = 64

/** The index behind the value at `p`, -1 when the bytes are no value, end too early or are nested too deeply. */
export function skipValue(b: Uint8Array, p: number, limit: number, cursor: Cursor, depth = 0): number {
  if (p < 0 || p >= limit || depth > maxDepth || cursor.left-- <= 0) return -1
  const tag = b[p]!
  const fixed = fixedSize(tag)
  if (fixed > 0) return p + fixed <= limit ? p + fixed : -1
  if (tag <= 0x1f || (tag >= 0x30 && tag <= 0x33) || tag === 0x52 || tag === 0x53) return hessianStringEnd(b, p, limit)
  if ((tag >= 0x20 && tag <= 0x2f) || (tag >= 0x34 && tag <= 0x37) || tag === 0x41 || tag === 0x42)
    return binary(b, p, limit)
  if (tag === 0x43) return definition(b, p, limit, cursor, depth)
  if (tag === 0x4f || (tag >= 0x60 && tag <= 0x6f)) return object(b, p, limit, cursor, depth)
  if (tag === 0x51) return skipValue(b, p + 1, limit, cursor, depth + 1)
  if (tag === 0x48) return untilEnd(b, p + 1, limit, cursor, depth)
  if (tag === 0x4d) return untilEnd(b, skipValue(b, p + 1, limit, cursor, depth + 1), limit, cursor, depth)
  return list(b, p, limit, cursor, depth)
}

/** Whole size of numbers, booleans, dates and null; 0 for everything else. */
function fixedSize(tag: number): number {
  if (tag === 0x4e || tag === 0x54 || tag === 0x46) return 1
  if (tag >= 0x80 && tag <= 0xbf) return 1
  if (tag >= 0xc0 && tag <= 0xcf) return 2
  if (tag >= 0xd0 && tag <= 0xd7) return 3
  if (tag >= 0xd8 && tag <= 0xef) return 1
  if (tag >= 0xf0) return 2
  if (tag >= 0x38 && tag <= 0x3f) return 3
  if (tag === 0x49 || tag === 0x59 || tag === 0x4b || tag === 0x5f) return 5
  if (tag === 0x4c || tag === 0x44 || tag === 0x4a) return 9
  if (tag === 0x5b || tag === 0x5c) return 1
  if (tag === 0x5d) return 2
  if (tag === 0x5e) return 3
  return 0
}

function binary(b: Uint8Array, p: number, limit: number): number {
  for (;;) {
    const tag = b[p]!
    const short = tag >= 0x20 && tag <= 0x2f
    const medium = tag >= 0x34 && tag <= 0x37
    if (!short && !medium && tag !== 0x41 && tag !== 0x42) return -1
    const head = short ? 1 : medium ? 2 : 3
    if (p + head > limit) return -1
    const size = short ? tag - 0x20 : medium ? ((tag - 0x34) << 8) | b[p + 1]! : (b[p + 1]! << 8) | b[p + 2]!
    p += head + size
    if (p > limit) return -1
    if (tag !== 0x41) return p
    if (p >= limit) return -1
  }
}

/** A class definition stands in front of the first object of the class. */
function definition(b: Uint8Array, p: number, limit: number, cursor: Cursor, depth: number): number {
  p = hessianStringEnd(b, p + 1, limit)
  const count = p < 0 ? -1 : intAt(b, p, limit)
  if (count < 0) return -1
  p = skipValue(b, p, limit, cursor, depth + 1)
  for (let i = 0; i < count; i++) {
    if (p < 0 || cursor.left-- <= 0) return -1
    p = hessianStringEnd(b, p, limit)
  }
  if (p < 0 || cursor.classes.length >= 1000) return -1
  cursor.classes.push(count)
  return skipValue(b, p, limit, cursor, depth + 1)
}

function object(b: Uint8Array, p: number, limit: number, cursor: Cursor, depth: number): number {
  const tag = b[p]!
  const index = tag === 0x4f ? intAt(b, p + 1, limit) : tag - 0x60
  p = tag === 0x4f ? skipValue(b, p + 1, limit, cursor, depth + 1) : p + 1
  const count = cursor.classes[index]
  return count === undefined ? -1 : times(b, p, limit, count, cursor, depth)
}

function list(b: Uint8Array, p: number, limit: number, cursor: Cursor, depth: number): number {
  const tag = b[p]!
  if (tag === 0x57) return untilEnd(b, p + 1, limit, cursor, depth, 1)
  if (tag === 0x55) return untilEnd(b, skipValue(b, p + 1, limit, cursor, depth + 1), limit, cursor, depth, 1)
  const typed = tag === 0x56 || (tag >= 0x70 && tag <= 0x77)
  const counted = tag === 0x56 || tag === 0x58
  if (!typed && !counted && !(tag >= 0x78 && tag <= 0x7f)) return -1
  p = typed ? skipValue(b, p + 1, limit, cursor, depth + 1) : p + 1
  if (!counted) return times(b, p, limit, tag & 7, cursor, depth)
  const count = intAt(b, p, limit)
  return times(b, skipValue(b, p, limit, cursor, depth + 1), limit, count, cursor, depth)
}

function times(b: Uint8Array, p: number, limit: number, count: number, cursor: Cursor, depth: number): number {
  for (let i = 0; i < count && p >= 0; i++) p = skipValue(b, p, limit, cursor, depth + 1)
  return count < 0 ? -1 : p
}

function untilEnd(b: Uint8Array, p: number, limit: number, cursor: Cursor, depth: number, step = 2): number {
  while (p >= 0 && p < limit && b[p] !== 0x5a)
    for (let i = 0; i < step; i++) p = skipValue(b, p, limit, cursor, depth + 1)
  return p >= 0 && p < limit ? p + 1 : -1
}

/** A non-negative Hessian int, -1 for anything else. */
function intAt(b: Uint8Array, p: number, limit: number): number {
  if (p < 0 || p >= limit) return -1
  const tag = b[p]!
  if (tag >= 0x80 && tag <= 0xbf) return tag - 0x90
  if (tag >= 0xc0 && tag <= 0xcf && p + 2 <= limit) return ((tag - 0xc8) << 8) | b[p + 1]!
  if (tag >= 0xd0 && tag <= 0xd7 && p + 3 <= limit) return ((tag - 0xd4) << 16) | (b[p + 1]! << 8) | b[p + 2]!
  if (tag === 0x49 && p + 5 <= limit) return (b[p + 1]! << 24) | (b[p + 2]! << 16) | (b[p + 3]! << 8) | b[p + 4]!
  return -1
}
