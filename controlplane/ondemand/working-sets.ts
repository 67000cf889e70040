/** What is remembered at most; beyond it the workload or cluster that was asked for longest ago is forgotten. */
export interface WorkingSetLimits {
  readonly workloads: number
  readonly clusters: number
}

const DEFAULT_WORKING_SET_LIMITS: WorkingSetLimits = { workloads: 20_000, clusters: 2_000 }

/**
 * Which clusters the replicas of each workload have asked for, by names without generation. Both levels are in order of the
 * last time something new was learned.
 */
export class WorkingSets {
  readonly #limits: WorkingSetLimits
  readonly #sets = new Map<string, Set<string>>()

  constructor(limits: Partial<WorkingSetLimits> = {}) {
    this.#limits = { ...DEFAULT_WORKING_SET_LIMITS, ...limits }
  }

  /** Clusters and virtual hosts that are learned for a workload; empty where nothing is. */
  of(workload: string): ReadonlySet<string> {
    return this.#sets.get(workload) ?? new Set()
  }

  /** @returns whether any of the clusters is new to the workload */
  learn(workload: string, clusters: readonly string[]): boolean {
    const known = this.#sets.get(workload) ?? new Set()
    const fresh = clusters.filter((cluster) => !known.has(cluster))
    if (fresh.length === 0) return false
    for (const cluster of fresh) known.add(cluster)
    dropOldest(known, this.#limits.clusters)
    this.#sets.delete(workload)
    this.#sets.set(workload, known)
    dropOldest(this.#sets, this.#limits.workloads)
    return true
  }

  /** @returns whether the workload had any of them */
  forget(workload: string, clusters: Iterable<string>): boolean {
    const known = this.#sets.get(workload)
    if (!known) return false
    const before = known.size
    for (const cluster of clusters) known.delete(cluster)
    if (known.size === 0) this.#sets.delete(workload)
    return known.size < before
  }

  /** Everything, oldest first, to be saved. */
  snapshot(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#sets
  }
}

function dropOldest(
  collection: { readonly size: number; keys(): Iterable<string>; delete(key: string): boolean },
  most: number,
) {
  for (const key of collection.keys()) {
    if (collection.size <= most) return
    collection.delete(key)
  }
}
