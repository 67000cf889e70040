import xxhash from 'xxhash-wasm'

const api = await xxhash()
const whole = new BigUint64Array(1)
const halves = new Int32Array(whole.buffer)
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const low = littleEndian ? 0 : 1
const encoder = new TextEncoder()

/** A 64-bit hash as two int32 halves (bit patterns, so that V8 keeps them as small integers). */
export interface Hash64 {
  lo: number
  hi: number
}

/** xxHash64 of a string's UTF-8 bytes or of raw bytes; what Envoy calls `HashUtil::xxHash64`. */
export function xxHash64(key: string | Uint8Array, seed = 0n): bigint {
  return typeof key === 'string' ? api.h64Raw(encoder.encode(key), seed) : api.h64Raw(key, seed)
}

/** The same with seed 0, written into `out` without keeping a bigint. */
export function hashInto(key: Uint8Array, out: Hash64): void {
  split(api.h64Raw(key, 0n), out)
}

/** Splits an unsigned 64-bit value into `out`. */
export function split(value: bigint, out: Hash64): void {
  whole[0] = value
  out.lo = halves[low]!
  out.hi = halves[1 - low]!
}
