import { parseOutboundClusterName } from '../../model/service.ts'
import type { AdminContext } from '../context.ts'
import type { TopologySources } from './topology.ts'

const MOST_CALLS = 20_000
/** Which edges come first; sums are of all time. */
const RECENT_MS = 5 * 60_000

/** What proxies reported of each other: by load reports, which count each request; by access logs for callers that send none. */
export function* reportedCalls({
  status,
  reports,
}: Pick<AdminContext, 'status' | 'reports'>): TopologySources['calls'] {
  if (!reports) return
  let told = 0
  const reporting = new Set<string>()
  for (const { node } of status.clients()) {
    const workload = node.id.split('~')[2]
    if (!workload) continue
    for (const { cluster, issued, failed } of reports.load.clustersOf(node.id) ?? []) {
      if (++told > MOST_CALLS) return
      reporting.add(workload)
      yield { workload, cluster, issued, failed }
    }
  }
  for (const { caller, cluster, requests, connections, statuses } of reports.access.allEdges(RECENT_MS)) {
    const workload = `${caller.workload}.${caller.namespace}`
    if (reporting.has(workload)) continue
    if (++told > MOST_CALLS) return
    const failed = (statuses['5xx'] ?? 0) + (statuses['none'] ?? 0)
    yield { workload, cluster, issued: requests + connections, failed }
  }
}

/**
 * What proxies did in the last so many seconds: by counters and load reports; by access logs for callers that have neither, in whole minutes,
 * the one that runs included.
 * @param now ms since 1970
 */
export function* recentCalls(
  { reports, figures }: Pick<AdminContext, 'reports' | 'figures'>,
  window: number,
  now: number,
): TopologySources['recent'] {
  const counted = new Set<string>()
  if (figures) {
    const { seconds, calls } = figures.calls(window)
    for (const { caller, host, requests, failed, latency } of calls) {
      counted.add(caller)
      yield { workload: caller, host, seconds, requests, failed, latency }
    }
  }
  if (!reports) return
  const minutes = Math.max(1, Math.round(window / 60))
  const seconds = (minutes - 1) * 60 + Math.max(1, Math.floor((now % 60_000) / 1_000))
  let told = 0
  for (const { caller, cluster, recent } of reports.access.allEdges(minutes * 60_000)) {
    const workload = `${caller.workload}.${caller.namespace}`
    const host = parseOutboundClusterName(cluster)?.hostname
    if (counted.has(workload) || host === undefined || recent.requests === 0) continue
    if (++told > MOST_CALLS) return
    yield { workload, host, seconds, requests: recent.requests, failed: recent.errors, latency: recent.latency }
  }
}
