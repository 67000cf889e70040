import { ScalarType } from '@bufbuild/protobuf'
import type { RuleValue } from './rules.ts'

/** A value read from JSON, or why it cannot be. */
export type Read = { readonly value: RuleValue } | { readonly problem: string }

const wrong = (expected: string, json: unknown): Read => ({
  problem: `${expected} is expected, not ${(JSON.stringify(json) ?? 'nothing').slice(0, 80)}`,
})

const INT32 = [-(2n ** 31n), 2n ** 31n - 1n] as const
const UINT32 = [0n, 2n ** 32n - 1n] as const
const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const
const UINT64 = [0n, 2n ** 64n - 1n] as const

/** Groups of four letters; the last may be shorter, with its padding or without. */
const BASE64 = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/

/** Reads a scalar of protobuf's JSON form: integers may be numbers or strings, bytes are base64. */
export function readScalar(type: ScalarType, json: unknown): Read {
  switch (type) {
    case ScalarType.STRING:
      return typeof json === 'string' ? { value: json } : wrong('a text', json)
    case ScalarType.BOOL:
      return typeof json === 'boolean' ? { value: json } : wrong('true or false', json)
    case ScalarType.BYTES:
      return typeof json === 'string' && BASE64.test(json) ? { value: json } : wrong('base64', json)
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return readFloat(json)
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return readInteger(json, INT64)
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return readInteger(json, UINT64)
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return readInteger(json, UINT32)
    default:
      return readInteger(json, INT32)
  }
}

function readFloat(json: unknown): Read {
  if (typeof json === 'number') return { value: json }
  if (typeof json === 'string' && ['NaN', 'Infinity', '-Infinity'].includes(json)) return { value: Number(json) }
  return typeof json === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(json)
    ? { value: Number(json) }
    : wrong('a number', json)
}

function readInteger(json: unknown, [min, max]: readonly [bigint, bigint]): Read {
  let value: bigint | undefined
  if (typeof json === 'number' && Number.isInteger(json)) value = BigInt(json)
  else if (typeof json === 'string' && /^-?\d{1,20}$/.test(json)) value = BigInt(json)
  if (value === undefined) return wrong('an integer', json)
  return value < min || value > max ? { problem: `${value} is out of range ${min}..${max}` } : { value }
}

/** `1.5s` in nanoseconds. Unlike Go's durations there is one unit only: seconds. */
export function readDuration(json: unknown): Read {
  const match = typeof json === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(json) : null
  if (!match) return wrong('a duration in seconds such as "1.5s"', json)
  const nanos = BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? '').padEnd(9, '0'))
  return nanos > 315_576_000_000n * 1_000_000_000n
    ? { problem: 'a duration is at most 315576000000s, 10,000 years' }
    : { value: match[1] ? -nanos : nanos }
}

/** RFC 3339 in nanoseconds since 1970 (read to the millisecond). */
export function readTimestamp(json: unknown): Read {
  const right = typeof json === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(json)
  const time = right ? Date.parse(json) : Number.NaN
  return Number.isNaN(time)
    ? wrong('a time such as "2026-01-31T12:00:00Z"', json)
    : { value: BigInt(time) * 1_000_000n }
}
