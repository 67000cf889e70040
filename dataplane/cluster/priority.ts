/**
 * How traffic is shared between priorities, as Envoy does it.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 */
export interface PriorityHosts {
  /** All that may get traffic when hardly one is well. */
  readonly hosts: number
  /** What `healthy` and `degraded` are a part of: hosts that are draining are not counted. */
  readonly total: number
  readonly healthy: number
  readonly degraded: number
}

export interface PriorityLoads {
  /** Percent of the traffic for the healthy and for the degraded hosts of each priority; together 100, or all 0 without hosts. */
  readonly healthy: readonly number[]
  readonly degraded: readonly number[]
  /** Priorities whose hosts all get traffic, whatever their health. */
  readonly panic: readonly boolean[]
}

/** `overprovisioning` and `panicThreshold` in percent. */
export function priorityLoads(
  priorities: readonly PriorityHosts[],
  overprovisioning: number,
  panicThreshold: number,
): PriorityLoads {
  const availability = (hosts: number, total: number) =>
    total === 0 ? 0 : Math.min(100, Math.floor((hosts * overprovisioning) / total))
  const healthy = priorities.map(({ healthy, total }) => availability(healthy, total))
  const degraded = priorities.map(({ degraded, total }) => availability(degraded, total))
  const sum = Math.min(
    100,
    [...healthy, ...degraded].reduce((a, b) => a + b, 0),
  )
  const count = priorities.length
  const none = priorities.map(() => false)
  if (priorities.every(({ hosts }) => hosts === 0))
    return { healthy: zeros(count), degraded: zeros(count), panic: none }
  if (sum === 0 && panicThreshold === 0)
    return { healthy: zeros(count).with(0, 100), degraded: zeros(count), panic: none }
  // Panic matters only while the priorities together cannot take all traffic.
  const panic = priorities.map(
    ({ total, healthy, degraded }) =>
      sum < 100 && (total === 0 ? 0 : ((healthy + degraded) * 100) / total) < panicThreshold,
  )
  if (panic.every((all) => all)) return { healthy: byHosts(priorities), degraded: zeros(count), panic }
  let left = 100
  const share = (parts: readonly number[]) =>
    parts.map((part) => {
      const load = Math.min(left, Math.floor((part * 100) / sum))
      left -= load
      return load
    })
  const healthyLoads = share(healthy)
  const degradedLoads = share(degraded)
  // What rounding left goes to the first that has any.
  if (left > 0) {
    const at = healthyLoads.findIndex((load) => load > 0)
    if (at >= 0) healthyLoads[at]! += left
    else degradedLoads[degradedLoads.findIndex((load) => load > 0)]! += left
  }
  return { healthy: healthyLoads, degraded: degradedLoads, panic }
}

/** Everybody gets traffic, by the number of hosts; what rounding leaves goes to the first priority that has any. */
function byHosts(priorities: readonly PriorityHosts[]): readonly number[] {
  const all = priorities.reduce((sum, { hosts }) => sum + hosts, 0)
  const shares = priorities.map(({ hosts }) => Math.floor((100 * hosts) / all))
  shares[priorities.findIndex(({ hosts }) => hosts > 0)]! += 100 - shares.reduce((a, b) => a + b, 0)
  return shares
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0)
