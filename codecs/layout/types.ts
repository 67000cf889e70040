import { delimiterBytes } from './delimiter.ts'

/** An integer of fixed width; numbers are big-endian unless `le`. */
export interface IntType {
  readonly form: 'int'
  readonly bytes: 1 | 2 | 3 | 4 | 8
  readonly le: boolean
  readonly signed: boolean
}

/** leb128 and zigzag as in protobuf; mqtt: at most 4 bytes, and no longer than needed; ber: the definite lengths of ASN.1 (X.690, 8.1.3). */
export interface VarintType {
  readonly form: 'varint'
  readonly coding: 'leb128' | 'zigzag' | 'mqtt' | 'ber'
  readonly bits: 28 | 32 | 64
}

/** Decimal digits, as in financial protocols: ASCII characters or two digits a byte. */
export interface DigitsType {
  readonly form: 'digits'
  readonly coding: 'ascii' | 'bcd'
  readonly bytes: number
}

/** As many ASCII digits as a number has, up to the first byte that is none. */
export interface DecimalType {
  readonly form: 'decimal'
  /** At most. */
  readonly digits: number
  /** What it lies in may end with it. */
  readonly closed?: true
}

export type NumberType = IntType | VarintType | DigitsType | DecimalType

/** Whether how many bytes a number takes hangs on the number. */
export function isVariable(type: TypeInfo): type is VarintType | DecimalType {
  return type.form === 'varint' || type.form === 'decimal'
}

export interface TextType {
  readonly form: 'text'
  readonly value: 'string' | 'bytes'
  /** Absent: the size is given by the field. */
  readonly prefix?: NumberType
  /** The prefix says length + bias. */
  readonly bias: 0 | 1
  /** A negative prefix, or 0 with a bias of 1, is null: the field is absent. */
  readonly nullable: boolean
  /** No prefix: these bytes stand behind the value, which has none of them. */
  readonly ends?: Uint8Array
  /** As C writes it: nothing but the zero byte ends it, and an empty one ends a map. */
  readonly zeroEnded?: true
}

export type TypeInfo =
  | NumberType
  | TextType
  /** A Hessian 2 string. @see http://hessian.caucho.com/doc/hessian-serialization.html#anchor29 */
  | { readonly form: 'hessian' }
  /** `list`: texts without keys, told by their place. */
  | { readonly form: 'map'; readonly list?: true }

/** Reads a type as written in a document; undefined when there is no such type. */
export function parseType(text: string): TypeInfo | undefined {
  const number = parseNumber(text)
  if (number) return number
  if (text === 'map' || text === 'hessian') return { form: text }
  if (text === 'list') return { form: 'map', list: true }
  if (text === 'cstr')
    return { form: 'text', value: 'string', bias: 0, nullable: false, ends: Uint8Array.of(0), zeroEnded: true }
  const ended = /^until\((.+)\)$/s.exec(text)
  if (ended) {
    const ends = delimiterBytes(ended[1]!)
    return ends && { form: 'text', value: 'string', bias: 0, nullable: false, ends }
  }
  const sized = /^(str|bytes)(?:\(([^()]+(?:\(\d+\))?)\)(\?)?)?$/.exec(text)
  if (!sized) return undefined
  const value = sized[1] === 'str' ? 'string' : 'bytes'
  if (sized[2] === undefined) return { form: 'text', value, bias: 0, nullable: false }
  const bias = sized[2].endsWith('-1') ? 1 : 0
  const prefix = parseNumber(bias ? sized[2].slice(0, -2) : sized[2])
  if (!prefix) return undefined
  return { form: 'text', value, prefix, bias, nullable: sized[3] === '?' }
}

function parseNumber(text: string): NumberType | undefined {
  const int = /^([ui])(8|16|24|32|64)(le)?$/.exec(text)
  if (int) {
    const bytes = (Number(int[2]) / 8) as IntType['bytes']
    return { form: 'int', bytes, le: int[3] === 'le', signed: int[1] === 'i' }
  }
  if (text === 'mqtt') return { form: 'varint', coding: 'mqtt', bits: 28 }
  if (text === 'ber') return { form: 'varint', coding: 'ber', bits: 32 }
  const varint = /^(leb128|zigzag)(\(64\))?$/.exec(text)
  if (varint) return { form: 'varint', coding: varint[1] as 'leb128' | 'zigzag', bits: varint[2] ? 64 : 32 }
  const decimal = /^dec\(([1-9])\)$/.exec(text)
  if (decimal) return { form: 'decimal', digits: Number(decimal[1]) }
  const digits = /^(ascii|bcd)\((\d)\)$/.exec(text)
  if (digits) {
    const bytes = Number(digits[2])
    const most = digits[1] === 'ascii' ? 9 : 4
    if (bytes >= 1 && bytes <= most) return { form: 'digits', coding: digits[1] as 'ascii' | 'bcd', bytes }
  }
  return undefined
}

export const typeNames =
  'u8 u16 u24 u32 u64 i8…i64 (le behind for little-endian), leb128 zigzag mqtt ber, ascii(n) bcd(n) dec(n), str(u16) bytes(u32), str bytes (with size), cstr (up to a zero byte), until(=) (up to these bytes), hessian, map, list'

const otherNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    byte: 'u8',
    char: 'u8',
    short: 'i16',
    ushort: 'u16',
    long: 'i64',
    ulong: 'u64',
    cstring: 'cstr',
    stringz: 'cstr',
    asciz: 'cstr',
    varint: 'leb128',
    uvarint: 'leb128',
  }),
)

/** For who wrote a type that does not exist: what it is called in C, Java or Go, else the list of types. */
export function typeHint(text: string): string {
  const word = text.trim().toLowerCase()
  const [, unsigned, bits = 32, order] = /^(u?)int_?(8|16|24|32|64)?(?:_t)?[ _-]?(le|be)?$/.exec(word) ?? []
  if (unsigned !== undefined) return `did you mean "${unsigned || 'i'}${bits}${order === 'le' ? 'le' : ''}"?`
  if (/^[ui](16|24|32|64)be$/.test(word)) return `did you mean "${word.slice(0, -2)}"?`
  const [, sized] = /^(string|str|text|bytes)\b/.exec(word) ?? []
  if (sized) {
    const name = sized === 'bytes' ? 'bytes' : 'str'
    return `did you mean "${name}(u16)", a length in front, or "${name}" with a size?`
  }
  const known = otherNames.get(word)
  return known ? `did you mean "${known}"?` : `types are: ${typeNames}`
}

/** The largest value a number type can say. */
export function largest(type: NumberType): number {
  switch (type.form) {
    case 'int':
      return 2 ** (type.bytes * 8 - (type.signed ? 1 : 0)) - 1
    case 'varint':
      return 2 ** (type.coding === 'zigzag' ? type.bits - 1 : type.bits) - 1
    case 'digits':
      return 10 ** (type.coding === 'ascii' ? type.bytes : type.bytes * 2) - 1
    case 'decimal':
      return 10 ** type.digits - 1
  }
}

/** How many values from 0 on an id of this type can have, all that one of its width can. */
export function countOf(type: NumberType): number {
  return type.form === 'digits' || type.form === 'decimal' ? largest(type) + 1 : 2 ** bitsOf(type)
}

/** Width of the value in bits, for ids. */
export function bitsOf(type: NumberType): number {
  if (type.form === 'int') return type.bytes * 8
  if (type.form === 'varint') return type.bits
  return Math.floor(Math.log2(largest(type)))
}

/** The fewest bytes a value takes. */
export function minBytes(type: NumberType): number {
  return isVariable(type) ? 1 : type.bytes
}
