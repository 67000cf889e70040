import type { DecimalType, NumberType } from './types.ts'

/** Results of readers that are no position or value: the bytes end too early; the bytes are wrong. */
export const NEED = -1
export const BAD = -2

/**
 * The number read last by `readNumber`: halves as int32 bit patterns, and the index behind it. A shared place instead of a result
 * object, because this runs for every message.
 */
export const last = { lo: 0, hi: 0, next: 0 }

/** Low 32 bits of a fixed integer as int32. The caller has checked the bounds. */
export function lowAt(b: Uint8Array, p: number, bytes: number, le: boolean): number {
  switch (bytes) {
    case 1:
      return b[p]!
    case 2:
      return le ? b[p]! | (b[p + 1]! << 8) : (b[p]! << 8) | b[p + 1]!
    case 3:
      return le ? b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) : (b[p]! << 16) | (b[p + 1]! << 8) | b[p + 2]!
    case 4:
      return le ? wordLe(b, p) : word(b, p)
    default:
      return le ? wordLe(b, p) : word(b, p + 4)
  }
}

/** High 32 bits of a fixed integer as int32, 0 of one of up to 4 bytes. The caller has checked the bounds. */
export function highAt(b: Uint8Array, p: number, bytes: number, le: boolean): number {
  return bytes === 8 ? (le ? wordLe(b, p + 4) : word(b, p)) : 0
}

/** Four bytes as int32, the highest first. The caller has checked the bounds. */
export function word(b: Uint8Array, p: number): number {
  return (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
}

function wordLe(b: Uint8Array, p: number): number {
  return b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24)
}

/** Sign-extends an integer narrower than 32 bits. */
export function extend(value: number, bytes: number): number {
  const shift = bytes < 4 ? 32 - bytes * 8 : 0
  return (value << shift) >> shift
}

/** Reads a number at `p` into `last`. @returns 0, NEED when it goes past `limit`, BAD when no valid number stands there. */
export function readNumber(type: NumberType, b: Uint8Array, p: number, limit: number): number {
  switch (type.form) {
    case 'int': {
      const { bytes, le } = type
      if (p + bytes > limit) return NEED
      const lo = lowAt(b, p, bytes, le)
      last.lo = type.signed ? extend(lo, bytes) : lo
      last.hi = bytes === 8 ? highAt(b, p, bytes, le) : type.signed ? last.lo >> 31 : 0
      last.next = p + bytes
      return 0
    }
    case 'varint':
      return readVarint(type.coding, type.bits, b, p, limit)
    case 'digits':
      return readDigits(type.coding === 'bcd', type.bytes, b, p, limit)
    case 'decimal':
      return readDecimal(type, b, p, limit)
  }
}

function readVarint(coding: string, bits: number, b: Uint8Array, p: number, limit: number): number {
  if (coding === 'ber') return readBer(b, p, limit)
  const most = bits === 28 ? 4 : bits === 32 ? 5 : 10
  let lo = 0
  let hi = 0
  for (let i = 0; i < most; i++) {
    if (p + i >= limit) return NEED
    const byte = b[p + i]!
    const part = byte & 0x7f
    if (i < 4) lo |= part << (7 * i)
    else if (i === 4) {
      lo |= part << 28
      hi = part >> 4
    } else if (i < 9) hi |= part << (7 * i - 32)
    else hi |= part << 31
    if (byte < 0x80) {
      // Bits beyond the width: a length that says more than it may.
      if (bits === 32 && hi !== 0) return BAD
      if (i === 9 && part > 1) return BAD
      if (coding === 'zigzag') {
        const sign = -(lo & 1)
        const low = (lo >>> 1) | (hi << 31)
        last.lo = low ^ sign
        last.hi = bits === 64 ? (hi >>> 1) ^ sign : last.lo >> 31
      } else {
        last.lo = lo
        last.hi = hi
      }
      last.next = p + i + 1
      return 0
    }
  }
  return BAD
}

/** One byte up to 127, or the number of bytes that follow and these, big-endian. */
function readBer(b: Uint8Array, p: number, limit: number): number {
  if (p >= limit) return NEED
  const first = b[p]!
  const bytes = first < 0x80 ? 0 : first & 0x7f
  // 0x80 is the indefinite form, which has no length.
  if (first === 0x80 || bytes > 4) return BAD
  if (p + 1 + bytes > limit) return NEED
  let value = bytes === 0 ? first : 0
  for (let i = 1; i <= bytes; i++) value = (value << 8) | b[p + i]!
  last.lo = value
  last.hi = 0
  last.next = p + 1 + bytes
  return 0
}

function berBytes(value: number): Uint8Array {
  if (value >>> 0 < 0x80) return Uint8Array.of(value)
  const bytes = value >>> 8 === 0 ? 1 : value >>> 16 === 0 ? 2 : value >>> 24 === 0 ? 3 : 4
  return Uint8Array.from({ length: bytes + 1 }, (_, i) =>
    i === 0 ? 0x80 | bytes : (value >>> (8 * (bytes - i))) & 0xff,
  )
}

function readDigits(bcd: boolean, bytes: number, b: Uint8Array, p: number, limit: number): number {
  if (p + bytes > limit) return NEED
  let value = 0
  for (let i = p; i < p + bytes; i++) {
    const byte = b[i]!
    if (bcd) {
      if (byte >> 4 > 9 || (byte & 15) > 9) return BAD
      value = value * 100 + (byte >> 4) * 10 + (byte & 15)
    } else {
      if (byte < 48 || byte > 57) return BAD
      value = value * 10 + byte - 48
    }
  }
  last.lo = value | 0
  last.hi = 0
  last.next = p + bytes
  return 0
}

function readDecimal({ digits, closed }: DecimalType, b: Uint8Array, p: number, limit: number): number {
  const most = Math.min(limit, p + digits)
  let value = 0
  let q = p
  for (; q < most; q++) {
    const digit = b[q]! - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  if (q === p) return q < limit ? BAD : NEED
  // Where the bytes end another digit may follow.
  if (q === limit && !closed) return NEED
  if (q < limit && b[q]! >= 48 && b[q]! <= 57) return BAD
  last.lo = value
  last.hi = 0
  last.next = q
  return 0
}

/** The number just read as a count of bytes: BAD when negative or 2^31 and more. */
export function lastAsLength(): number {
  return last.hi !== 0 || last.lo < 0 ? BAD : last.lo
}

/** Writes the masked bits of a fixed integer; `mask` -1 and 0 mean all bits. */
export function putInt(b: Uint8Array, p: number, bytes: number, le: boolean, lo: number, hi: number, mask = 0): void {
  if (mask !== 0) lo = (lowAt(b, p, bytes, le) & ~mask) | (lo & mask)
  for (let i = 0; i < bytes; i++) {
    const half = i < 4 ? lo : hi
    b[le ? p + i : p + bytes - 1 - i] = half >>> ((i & 3) * 8)
  }
}

/** The bytes of a number; undefined when it does not fit its type. Signed values come as two's complement halves. */
export function numberBytes(type: NumberType, lo: number, hi: number): Uint8Array | undefined {
  switch (type.form) {
    case 'int': {
      if (!fits(lo, hi, type.bytes * 8, type.signed)) return undefined
      const bytes = new Uint8Array(type.bytes)
      putInt(bytes, 0, type.bytes, type.le, lo, hi)
      return bytes
    }
    case 'varint': {
      if (type.coding === 'zigzag') {
        if (type.bits === 32 && hi !== lo >> 31) return undefined
        const sign = hi >> 31
        const high = ((hi << 1) | (lo >>> 31)) ^ sign
        return varintBytes((lo << 1) ^ sign, type.bits === 32 ? 0 : high)
      }
      if (type.bits !== 64 && hi !== 0) return undefined
      if (type.coding === 'ber') return berBytes(lo)
      if (type.bits === 28 && (lo < 0 || lo >= 2 ** 28)) return undefined
      return varintBytes(lo, hi)
    }
    case 'digits': {
      let rest = lo >>> 0
      const bytes = new Uint8Array(type.bytes)
      for (let i = type.bytes - 1; i >= 0; i--) {
        const base = type.coding === 'bcd' ? 100 : 10
        const digit = rest % base
        bytes[i] = type.coding === 'bcd' ? (Math.floor(digit / 10) << 4) | (digit % 10) : 48 + digit
        rest = Math.floor(rest / base)
      }
      return rest === 0 && hi === 0 ? bytes : undefined
    }
    case 'decimal': {
      const text = String(lo >>> 0)
      if (hi !== 0 || text.length > type.digits) return undefined
      return Uint8Array.from(text, (digit) => digit.charCodeAt(0))
    }
  }
}

function fits(lo: number, hi: number, bits: number, signed: boolean): boolean {
  if (bits === 64) return true
  if (signed) return hi === lo >> 31 && (bits === 32 || lo === (lo << (32 - bits)) >> (32 - bits))
  return hi === 0 && (bits === 32 || lo >>> bits === 0)
}

/** LEB128 of an unsigned 64-bit value, as short as possible. */
export function varintBytes(lo: number, hi: number): Uint8Array {
  const out: number[] = []
  while (hi !== 0 || lo >>> 0 > 0x7f) {
    out.push((lo & 0x7f) | 0x80)
    lo = (lo >>> 7) | (hi << 25)
    hi >>>= 7
  }
  out.push(lo)
  return Uint8Array.from(out)
}

/** An integer given as number or bigint in int32 halves, two's complement; undefined when it is no 64-bit integer. */
export function halvesOf(value: number | bigint): { readonly lo: number; readonly hi: number } | undefined {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) return undefined
    return { lo: value | 0, hi: Math.floor(value / 2 ** 32) | 0 }
  }
  if (value >= 2n ** 64n || value < -(2n ** 63n)) return undefined
  const bits = BigInt.asUintN(64, value)
  return { lo: Number(bits & 0xffffffffn) | 0, hi: Number(bits >> 32n) | 0 }
}
