/** Requests by the upper bound of the time they took, ms; the last bound may be infinite. Counts are of each bucket alone. */
export type Latency = ReadonlyMap<number, number>

/**
 * Upper bounds, ms, of the buckets that Envoy has by default, and our message proxy. Buckets without requests are not kept: where one begins is
 * known by these.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-histogrambucketsettings
 */
export const BOUNDS: readonly number[] = [
  ...[0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
  ...[300_000, 600_000, 1_800_000, 3_600_000],
]

/** Percentiles of times, ms; absent without any. */
export interface Percentiles {
  readonly p50Ms?: number
  readonly p95Ms?: number
  readonly p99Ms?: number
}

/** What people ask of a histogram, to three digits. */
export function percentilesOf(latency: Latency): Percentiles {
  const at = (share: number) => {
    const ms = quantileOf(latency, share)
    return ms === undefined ? undefined : Number(ms.toPrecision(3))
  }
  const [p50Ms, p95Ms, p99Ms] = [at(0.5), at(0.95), at(0.99)]
  return p50Ms === undefined || p95Ms === undefined || p99Ms === undefined ? {} : { p50Ms, p95Ms, p99Ms }
}

/** Adds counts of one histogram to those of another, bound by bound. */
export function addLatency(into: Map<number, number>, more: Latency): void {
  for (const [bound, count] of more) into.set(bound, (into.get(bound) ?? 0) + count)
}

/** What came since an earlier reading of the same histogram; the whole of it when it was begun anew. */
export function latencySince(now: Latency, before: Latency | undefined): Latency {
  if (!before || [...before].some(([bound, count]) => (now.get(bound) ?? 0) < count)) return now
  const found = new Map<number, number>()
  for (const [bound, count] of now) {
    const more = count - (before.get(bound) ?? 0)
    if (more > 0) found.set(bound, more)
  }
  return found
}

/**
 * The time, ms, that a share (0 to 1) of the requests did not exceed, as near as the buckets tell: evenly spread within one, as Prometheus
 * does. Undefined without requests. What is beyond the last finite bound counts as that bound.
 */
export function quantileOf(latency: Latency, share: number): number | undefined {
  const buckets = [...latency].sort(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return undefined
  const wanted = share * total
  let seen = 0
  let lower = 0
  for (const [bound, count] of buckets) {
    lower = Math.max(lower, BOUNDS[BOUNDS.indexOf(bound) - 1] ?? 0)
    if (!Number.isFinite(bound)) return lower
    if (count > 0 && seen + count >= wanted) return lower + ((bound - lower) * Math.max(0, wanted - seen)) / count
    seen += count
    lower = bound
  }
  return lower
}
