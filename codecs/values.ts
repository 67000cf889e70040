import type { Codec, ErrorReason, FieldInfo, FieldRef, FieldValue } from './contract.ts'
import { errorReasons } from './contract.ts'

const decoder = new TextDecoder()

/** Two int32 halves as an unsigned 64-bit value. */
export function toUint64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
}

/** A found field as a value of its declared type. */
export function fieldValue(info: FieldInfo, buf: Uint8Array, ref: FieldRef): FieldValue {
  switch (info.type) {
    case 'number':
      return info.signed ? ref.lo : ref.lo >>> 0
    case 'bigint': {
      const value = toUint64(ref.lo, ref.hi)
      return info.signed ? BigInt.asIntN(64, value) : value
    }
    case 'string':
      return decoder.decode(buf.subarray(ref.start, ref.end))
    case 'bytes':
      return buf.subarray(ref.start, ref.end)
  }
}

/** Reasons numbered from 1 in the order of the list: the codes of a protocol that names none of its own. */
export function defaultErrorCodes(own: Partial<Readonly<Record<ErrorReason, number>>> = {}): Codec['errorCodes'] {
  return Object.fromEntries(errorReasons.map((reason, i) => [reason, own[reason] ?? i + 1])) as Record<
    ErrorReason,
    number
  >
}
