const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const MAX_LENGTH = 64

/**
 * Reads a duration as Go's `time.ParseDuration` does (`1h30m`, `1.5s`, `-10ms`, `0`), which Istio's API uses.
 * Answers milliseconds, or undefined when the text is no duration.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const sign = text.startsWith('-') ? -1 : 1
  const body = /^[+-]/.test(text) ? text.slice(1) : text
  if (body === '0') return 0
  let total = 0
  let at = 0
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y
  while (at < body.length) {
    part.lastIndex = at
    const match = part.exec(body)
    if (!match) return undefined
    total += Number(match[1]) * UNIT_MS[match[2]!]!
    at = part.lastIndex
  }
  // Whole nanoseconds: 1.1 * 1000 is 1100.0000000000002 in floating point.
  return at === 0 || !Number.isFinite(total) ? undefined : (sign * Math.round(total * 1e6)) / 1e6
}
