import type { ClusterTotals, ServiceCourse } from '../api/schema.ts'

/** The port, subset and host of `outbound|<port>|<subset>|<host>`; a cluster that came back on demand has `~<number>` behind it. */
function partsOf(cluster: string): { readonly name: string; readonly port: string; readonly subset: string } {
  const name = cluster.replace(/~\d+$/, '')
  const [, port = '', subset = ''] = name.split('|')
  return { name, port, subset }
}

/** The host of a cluster; undefined of one that leads to no service. */
export function hostOfCluster(cluster: string): string | undefined {
  return partsOf(cluster).name.split('|')[3]
}

type Load = Pick<ClusterTotals, 'issued' | 'failed' | 'inProgress'>

/** What a port or subset of a service got. */
export interface ClusterRow {
  /** Its name, without the number of a return. */
  readonly cluster: string
  readonly port: string
  /** Empty where the cluster is of no subset. */
  readonly subset: string
  /** Of the last minutes. */
  readonly recent: ServiceCourse['clusters'][number] | undefined
  /** Since load reports are taken. */
  readonly load: Load | undefined
}

/** The clusters of a host that are known of, by name: what load reports say of all times, beside what was counted in the last minutes. */
export function clusterRows(
  hostname: string,
  load: readonly Pick<ClusterTotals, 'cluster' | keyof Load>[],
  recent: ServiceCourse['clusters'],
): readonly ClusterRow[] {
  const sums = new Map<string, Load>()
  for (const { cluster, issued, failed, inProgress } of load) {
    if (hostOfCluster(cluster) !== hostname) continue
    const { name } = partsOf(cluster)
    const sum = sums.get(name)
    sums.set(name, {
      issued: issued + (sum?.issued ?? 0),
      failed: failed + (sum?.failed ?? 0),
      inProgress: inProgress + (sum?.inProgress ?? 0),
    })
  }
  const counted = new Map(recent.map((one) => [one.cluster, one]))
  return [...new Set([...sums.keys(), ...counted.keys()])].sort().map((cluster) => {
    const { port, subset } = partsOf(cluster)
    return { cluster, port, subset, recent: counted.get(cluster), load: sums.get(cluster) }
  })
}

/** Where figures of the last minutes come from: counters of some proxies (named, or how many), or load reports alone. */
export function figuresFrom({ reading }: { readonly reading: readonly string[] | number }): 'counters' | 'reports' {
  return (typeof reading === 'number' ? reading : reading.length) > 0 ? 'counters' : 'reports'
}
