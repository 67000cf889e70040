import type { FieldValue } from '../contract.ts'
import { joinBytes, type Patch, type Position, type Reader, textBytes } from './node.ts'
import { BAD, NEED } from './numbers.ts'

/**
 * Hessian 2 strings: 00-1f short, 30-33 + 1 byte, `S` + u16, and `R` + u16 for a chunk that is not the last. The length counts
 * UTF-16 units, not bytes, so the end is only found by walking the UTF-8. Java writes units above U+FFFF as two 3-byte surrogates,
 * other writers as one 4-byte sequence; both are taken. @see http://hessian.caucho.com/doc/hessian-serialization.html
 */

/** The chunk read last: its first byte and the index behind it, and whether another follows. */
const chunk = { start: 0, more: false }

function walk(b: Uint8Array, p: number, limit: number): number {
  if (p >= limit) return NEED
  const tag = b[p]!
  let units: number
  let s: number
  if (tag <= 0x1f) {
    units = tag
    s = p + 1
  } else if (tag >= 0x30 && tag <= 0x33) {
    if (p + 2 > limit) return NEED
    units = ((tag - 0x30) << 8) | b[p + 1]!
    s = p + 2
  } else if (tag === 0x53 || tag === 0x52) {
    if (p + 3 > limit) return NEED
    units = (b[p + 1]! << 8) | b[p + 2]!
    s = p + 3
  } else return BAD
  chunk.start = s
  chunk.more = tag === 0x52
  while (units > 0) {
    if (s >= limit) return NEED
    const lead = b[s]!
    const bytes = lead < 0x80 ? 1 : lead >> 5 === 6 ? 2 : lead >> 4 === 14 ? 3 : lead >> 3 === 30 ? 4 : 0
    if (bytes === 0) return BAD
    s += bytes
    units -= bytes === 4 ? 2 : 1
  }
  if (units < 0) return BAD
  return s > limit ? NEED : s
}

/** The index behind the string that starts at `p`, NEED or BAD. */
export function hessianStringEnd(b: Uint8Array, p: number, limit: number): number {
  let end = walk(b, p, limit)
  while (end >= 0 && chunk.more) end = walk(b, end, limit)
  return end
}

/** Finds the value of a string in one chunk; false for several chunks (`end` is still right) or no string. */
export function hessianString(b: Uint8Array, p: number, limit: number, out: { start: number; end: number }): boolean {
  const end = walk(b, p, limit)
  if (end < 0 || chunk.more) return false
  out.start = chunk.start
  out.end = end
  return true
}

/** A string as Hessian 2 writes it; text longer than 65535 units in chunks. */
export function hessianBytes(text: string): Uint8Array {
  const parts: Uint8Array[] = []
  let rest = text
  while (rest.length > 0xffff) {
    // A surrogate pair must not be cut.
    const size = (rest.charCodeAt(0xfffe) & 0xfc00) === 0xd800 ? 0xfffe : 0xffff
    parts.push(Uint8Array.of(0x52, size >> 8, size & 0xff), textBytes(rest.slice(0, size)))
    rest = rest.slice(size)
  }
  const n = rest.length
  if (n <= 0x1f) parts.push(Uint8Array.of(n))
  else if (n <= 0x3ff) parts.push(Uint8Array.of(0x30 + (n >> 8), n & 0xff))
  else parts.push(Uint8Array.of(0x53, n >> 8, n & 0xff))
  return joinBytes(...parts, textBytes(rest))
}

/** How a Hessian string that begins at `start` is found, read and written; what it returns is -1 or BAD where there is none. */
export function hessianText(start: Position): {
  end: Position
  read: Reader
  patch: (b: Uint8Array, at: number, limit: number, value: FieldValue | undefined) => Patch | undefined
} {
  return {
    end: (b, at, limit) => {
      const s = start(b, at, limit)
      return s < 0 ? s : hessianStringEnd(b, s, limit)
    },
    read: (b, at, limit, out) => {
      const s = start(b, at, limit)
      return s >= 0 && hessianString(b, s, limit, out)
    },
    patch: (b, at, limit, value) => {
      const s = start(b, at, limit)
      const end = s < 0 ? s : hessianStringEnd(b, s, limit)
      if (end < 0 || value === undefined) return undefined
      const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
      return { start: s, end, bytes: hessianBytes(text) }
    },
  }
}
