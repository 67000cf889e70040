/** When a proxy last used a cluster, as load reports tell. */
export interface Usage {
  /** Whether the node reports; without reports nothing can be said about what it uses. */
  reporting(node: string): boolean
  /** ms of a clock that only passes; undefined when the node never listed the cluster. */
  lastUsed(node: string, cluster: string): number | undefined
}

/** A connected proxy as far as it decides which clusters its class lets go of. Names are those on the wire. */
export interface Holder {
  readonly node: string
  readonly workload: string
  readonly clusters: Iterable<string>
  /** It remembers so many names of clusters that went that it keeps those it has. */
  readonly keepsAll?: boolean
}

/** From then on a cluster is kept no longer than before: 1,024 times the time that is set. */
const MOST_TIMES = 10

export interface IdlePolicy {
  /** How long no proxy of a class has used a cluster before the class lets go of it the first time, in ms; each time later twice as long. */
  readonly idleMs: number
  /** How often the class let go of a cluster before. */
  readonly times?: (cluster: string) => number
  /** Clusters a class lets go of at once: each batch is one change of its routes. */
  readonly batch: number
}

export interface LettingGo {
  /** Clusters no proxy of the class has used for the time, by names on the wire. */
  readonly unused: readonly string[]
  /** Clusters no replica of a workload has used, although others of the class may have. */
  readonly unlearned: ReadonlyMap<string, readonly string[]>
}

/**
 * What a class lets go of now. A cluster stays while one proxy that holds it does not report, has not listed it yet, or used it
 * lately; so it does while nobody holds it.
 *
 * One that came back is kept twice as long as the last time: an Envoy keeps each name it ever asked for until it ends, and says all of them
 * whenever it comes back. A cluster that is used once an hour would cost it 24 names a day; so it costs a few in all.
 * @param mayGo says no for clusters that are always sent, or have no name to come back under
 */
export function lettingGo(
  holders: readonly Holder[],
  usage: Usage,
  mayGo: (cluster: string) => boolean,
  { idleMs, batch, times }: IdlePolicy,
  now: number,
): LettingGo {
  const isUsed = (cluster: string, since: number) =>
    now - since < idleMs || (times !== undefined && now - since < idleMs * 2 ** Math.min(times(cluster), MOST_TIMES))
  const busy = new Set<string>()
  const idleSince = new Map<string, number>()
  const byWorkload = new Map<string, { readonly busy: Set<string>; readonly idle: Set<string> }>()
  for (const { node, workload, clusters, keepsAll } of holders) {
    const ofWorkload = byWorkload.get(workload) ?? { busy: new Set<string>(), idle: new Set<string>() }
    byWorkload.set(workload, ofWorkload)
    const reports = !keepsAll && usage.reporting(node)
    for (const cluster of clusters) {
      if (!mayGo(cluster)) continue
      const since = reports ? usage.lastUsed(node, cluster) : undefined
      if (since === undefined || isUsed(cluster, since)) {
        busy.add(cluster)
        ofWorkload.busy.add(cluster)
      } else {
        ofWorkload.idle.add(cluster)
        idleSince.set(cluster, Math.max(since, idleSince.get(cluster) ?? 0))
      }
    }
  }
  const unused = [...idleSince]
    .filter(([cluster]) => !busy.has(cluster))
    .sort(([, a], [, b]) => a - b)
    .slice(0, batch)
    .map(([cluster]) => cluster)
  const unlearned = new Map<string, readonly string[]>()
  for (const [workload, { busy: used, idle }] of byWorkload) {
    const gone = [...idle].filter((cluster) => !used.has(cluster))
    if (gone.length > 0) unlearned.set(workload, gone)
  }
  return { unused, unlearned }
}
