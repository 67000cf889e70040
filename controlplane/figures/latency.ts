/** Requests by the upper bound of the time they took, ms; the last bound may be infinite. Counts are of each bucket alone. */
export type Latency = ReadonlyMap<number, number>

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
    if (!Number.isFinite(bound)) return lower
    if (count > 0 && seen + count >= wanted) return lower + ((bound - lower) * Math.max(0, wanted - seen)) / count
    seen += count
    lower = bound
  }
  return lower
}
