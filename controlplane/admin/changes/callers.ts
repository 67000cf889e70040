import { parseOutboundClusterName } from '../../model/service.ts'
import type { AdminContext } from '../context.ts'

/**
 * Workloads (`<name>.<namespace>`, else node ids) of connected proxies that have sent requests to one of these hosts, as far as load reports
 * and counters tell; sorted.
 */
export function callersOf(
  hosts: ReadonlySet<string>,
  { status, reports, figures }: Pick<AdminContext, 'status' | 'reports' | 'figures'>,
): readonly string[] {
  const found = new Set<string>()
  for (const { node, disconnectedAt } of status.clients()) {
    if (disconnectedAt !== undefined) continue
    const counted = figures?.book.hostsOf(node.id) ?? []
    const reported = reports?.load.clustersOf(node.id) ?? []
    const calls =
      counted.some((host) => hosts.has(host)) ||
      reported.some(({ cluster, issued }) => issued > 0 && hosts.has(parseOutboundClusterName(cluster)?.hostname ?? ''))
    if (calls) found.add(node.id.split('~')[2] || node.id)
  }
  return [...found].sort()
}
