import { ScalarType } from '@bufbuild/protobuf'

const WIDE: readonly ScalarType[] = [
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]

/**
 * A scalar that is written as Envoy reads it, in the form of canonical protobuf JSON: numbers in quotes may be written in any way C reads
 * them, and truth values as abseil does (https://github.com/abseil/abseil-cpp/blob/master/absl/strings/numbers.h). Others stay as they are.
 */
export function canonicalScalar(type: ScalarType, json: unknown): unknown {
  if (typeof json !== 'string') return json
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return json
    case ScalarType.BOOL:
      return truth(json)
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return number(json.trim()) ?? json
    default:
      return integer(json, WIDE.includes(type))
  }
}

/** What a scalar is that was not set. */
export function unsetScalar(type: ScalarType): unknown {
  if (type === ScalarType.STRING || type === ScalarType.BYTES) return ''
  return type === ScalarType.BOOL ? false : 0
}

function truth(text: string): unknown {
  const lower = text.toLowerCase()
  if (['true', 't', 'yes', 'y', '1'].includes(lower)) return true
  return ['false', 'f', 'no', 'n', '0'].includes(lower) ? false : text
}

function number(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  const hex = /^([+-]?)(0x[0-9a-f]+)$/i.exec(text)
  return hex ? Number(hex[2]) * (hex[1] === '-' ? -1 : 1) : undefined
}

function integer(text: string, wide: boolean): unknown {
  if (/^-?\d+$/.test(text)) return text
  const value = number(text)
  if (value === undefined || !Number.isInteger(value)) return text
  return wide ? String(BigInt(value)) : value
}

/** `{seconds: 1, nanos: 500000000}` as `1.5s`; undefined when it is no such object, or no duration. */
export function durationText(json: Readonly<Record<string, unknown>>): string | undefined {
  const time = secondsAndNanos(json)
  if (!time) return undefined
  const { seconds, nanos } = time
  if ((seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) return undefined
  return `${seconds < 0 || nanos < 0 ? '-' : ''}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`
}

/** `{seconds: 1, nanos: 500000000}` as `1970-01-01T00:00:01.5Z`; undefined when it is no such object, or no time. */
export function timestampText(json: Readonly<Record<string, unknown>>): string | undefined {
  const time = secondsAndNanos(json)
  if (!time || time.nanos < 0) return undefined
  const date = new Date(time.seconds * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) return undefined
  return `${date.toISOString().slice(0, 19)}${fraction(time.nanos)}Z`
}

function secondsAndNanos(
  json: Readonly<Record<string, unknown>>,
): { readonly seconds: number; readonly nanos: number } | undefined {
  if (!Object.keys(json).every((key) => key === 'seconds' || key === 'nanos')) return undefined
  const [seconds, nanos] = [json['seconds'], json['nanos']].map((value) => Number(integerOf(value)))
  const known = Number.isSafeInteger(seconds) && Number.isInteger(nanos) && Math.abs(nanos!) < 1e9
  return known ? { seconds: seconds!, nanos: nanos! } : undefined
}

/** A whole number in one of its forms; NaN for anything else. */
function integerOf(json: unknown): number {
  if (json === undefined || json === null) return 0
  const value = typeof json === 'string' ? integer(json, false) : json
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value)) ? Number(value) : Number.NaN
}

function fraction(nanos: number): string {
  return nanos === 0 ? '' : `.${String(nanos).padStart(9, '0')}`.replace(/0+$/, '')
}
