import type { ClusterTotals } from '../api/schema.ts'

export interface Traffic {
  readonly issued: number
  readonly failed: number
  readonly inProgress: number
}

/** The host in `outbound|<port>|<subset>|<host>`; a cluster that came back on demand has `~<number>` behind it. */
export function hostOfCluster(cluster: string): string | undefined {
  return cluster.split('|')[3]?.replace(/~\d+$/, '')
}

/** Sums of what proxies reported by the host of the cluster. */
export function trafficByHost(clusters: readonly ClusterTotals[]): ReadonlyMap<string, Traffic> {
  const sums = new Map<string, Traffic>()
  for (const { cluster, issued, failed, inProgress } of clusters) {
    const host = hostOfCluster(cluster)
    if (!host) continue
    const known = sums.get(host) ?? { issued: 0, failed: 0, inProgress: 0 }
    sums.set(host, {
      issued: known.issued + issued,
      failed: known.failed + failed,
      inProgress: known.inProgress + inProgress,
    })
  }
  return sums
}
