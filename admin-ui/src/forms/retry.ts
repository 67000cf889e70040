import { formatDuration, parseDuration } from './duration.ts'
import { readMap, readNumber, readText } from './schema.ts'

/** Where the longest wait of a caller comes from. */
export interface WorstCase {
  /** Tries, the first included. */
  readonly tries: number
  /** Longest time of one try, ms; undefined: nothing but the timeout of the route ends it. */
  readonly perTry: number | undefined
  /** Longest sum of the waits between tries, ms. */
  readonly waits: number
  /** Tries and waits, ms; undefined when a try has no end. */
  readonly sum: number | undefined
  /** Timeout of the route, ms; undefined: none. */
  readonly timeout: number | undefined
  /** What the caller waits at most, ms; undefined: no bound. */
  readonly total: number | undefined
  /** The timeout ends the request before the last try can have had its time. */
  readonly cut: boolean
}

/** What a route without `retries` gets. */
const DEFAULT_ATTEMPTS = 2
const DEFAULT_BACKOFF_MS = 25

/**
 * The longest a request of a route can take. Envoy waits up to (2^n - 1) times the base interval before retry n, at most ten times the base:
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-max-retries
 */
export function worstCase(route: unknown): WorstCase {
  const retries = readMap(route, 'retries')
  const written = Object.keys(retries).length > 0
  const attempts = readNumber(retries, 'attempts') ?? (written ? 0 : DEFAULT_ATTEMPTS)
  const timeout = durationOf(readText(route, 'timeout'))
  const perTry = durationOf(readText(retries, 'perTryTimeout')) ?? timeout
  const backoff = durationOf(readText(retries, 'backoff')) ?? DEFAULT_BACKOFF_MS
  const tries = Math.max(0, attempts) + 1
  let waits = 0
  for (let n = 1; n < Math.min(tries, 1_000); n++) waits += Math.min((2 ** n - 1) * backoff, 10 * backoff)
  const sum = perTry === undefined ? undefined : tries * perTry + waits
  const total = timeout === undefined ? sum : sum === undefined ? timeout : Math.min(timeout, sum)
  return { tries, perTry, waits, sum, timeout, total, cut: timeout !== undefined && sum !== undefined && sum > timeout }
}

/** The arithmetic in one line: `3 × 2s + 100ms = 6.1s > 5s`. */
export function worstCaseLine({ tries, perTry, waits, sum, timeout }: WorstCase): string {
  const one = perTry === undefined ? '∞' : formatDuration(perTry)
  const all = sum === undefined ? '∞' : formatDuration(sum)
  const left = `${tries} × ${one}${waits > 0 ? ` + ${formatDuration(waits)}` : ''} = ${all}`
  if (timeout === undefined) return left
  return `${left} ${sum === undefined || sum > timeout ? '>' : '≤'} ${formatDuration(timeout)}`
}

function durationOf(text: string | undefined): number | undefined {
  const ms = text === undefined || text === '' ? undefined : parseDuration(text)
  return ms === 0 ? undefined : ms
}

/** Conditions of `retryOn` people choose from; others may be written. */
export const RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const

/** `a,b` as a list. */
export function conditionsOf(retryOn: string | undefined): readonly string[] {
  return (retryOn ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
