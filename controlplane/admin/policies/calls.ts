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
