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

/** Whether a field's values are integers, of whatever width. */
export const isInteger = (info: FieldInfo): boolean => info.type === 'number' || info.type === 'bigint'

/** An integer of a field as text: decimal, or the name of one of the field's values. @returns undefined when it is neither. */
export function integerOf(info: FieldInfo, text: string): bigint | undefined {
  const { values } = info
  if (values && Object.hasOwn(values, text)) return BigInt(values[text]!)
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined
}

/** The least and the greatest integer a field can be: no number of 32 bits is 2^32, though its low half is 0. */
export function integersOf(info: FieldInfo): { readonly least: bigint; readonly most: bigint } {
  const bits = BigInt(info.bits ?? (info.type === 'number' ? 32 : 64))
  return info.signed
    ? { least: -(1n << (bits - 1n)), most: (1n << (bits - 1n)) - 1n }
    : { least: 0n, most: (1n << bits) - 1n }
}

/** The integers among texts that the values of a field can be. */
export function matchable(info: FieldInfo, texts: readonly string[]): readonly bigint[] {
  const { least, most } = integersOf(info)
  return texts.flatMap((text) => {
    const value = integerOf(info, text)
    return value === undefined || value < least || value > most ? [] : [value]
  })
}

/** Reasons numbered from 1 in the order of the list: the codes of a protocol that names none of its own. */
export function defaultErrorCodes(own: Partial<Readonly<Record<ErrorReason, number>>> = {}): Codec['errorCodes'] {
  return Object.fromEntries(errorReasons.map((reason, i) => [reason, own[reason] ?? i + 1])) as Record<
    ErrorReason,
    number
  >
}
