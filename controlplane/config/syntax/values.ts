import * as z from 'zod'
import { valid } from '../schema.ts'
import { parseDuration } from './duration.ts'

/** Types of single values that Istio's API and ours share. Numbers are plain JSON numbers, durations stay strings. */

export const text = z.string()
export const bool = z.boolean()
export const int32 = z.number().int().min(-2_147_483_648).max(2_147_483_647).meta({ format: 'int32' })
export const uint32 = z.number().int().min(0).max(4_294_967_295).meta({ format: 'uint32' })
export const uint64 = z.number().int().min(0).meta({ format: 'uint64' })
export const double = z.number().meta({ format: 'double' })
export const strings = z.array(text)
export const stringMap = z.record(z.string(), text)

/** A duration without a lower bound but not negative; empty means unset. */
export const durationOrZero = valid(
  text,
  (value) => {
    const ms = parseDuration(value)
    if (ms === undefined) return `"${value}" is not a duration such as 300ms, 1.5s or 1h30m`
    return ms < 0 ? `${value} is negative; a duration of at least 0s is needed` : undefined
  },
  'duration',
)

/** A duration of at least one millisecond. */
export const duration = valid(
  text,
  (value) => {
    const ms = parseDuration(value)
    if (ms === undefined) return `"${value}" is not a duration such as 300ms, 1.5s or 1h30m`
    if (ms < 1) return `${value} is too short; a valid duration greater than 1ms is needed`
    return Number.isInteger(ms) ? undefined : `${value} is too fine; only whole milliseconds are supported`
  },
  'duration',
)

/** A TCP or UDP port, 1 to 65535. */
export const port = valid(
  uint32,
  (value) => (value >= 1 && value <= 65_535 ? undefined : `port must be between 1-65535, not ${value}`),
  'port',
)
