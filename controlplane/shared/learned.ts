/** What was learned about proxies that ask for clusters when a request needs them. */
export interface Learned {
  /** Clusters that replicas of a workload use. */
  readonly workloads: ReadonlyMap<string, ReadonlySet<string>>
  /** By class of proxies: how often it let go of a cluster. These names are burnt. */
  readonly generations: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/** Where it is kept. */
export interface LearnedStore {
  load(): Promise<Learned | undefined>
  save(learned: Learned): Promise<void>
}

/** One that other replicas of the control plane use too. */
export interface SharedLearnedStore extends LearnedStore {
  /** Calls back with what the others learned since. Returns the way to unsubscribe. */
  onOthers(listener: (news: Learned) => void): () => void
  stop(): Promise<void>
}

export const NOTHING_LEARNED: Learned = { workloads: new Map(), generations: new Map() }

/** Both together: what either uses, and of generations the higher. */
export function joinLearned(one: Learned, other: Learned): Learned {
  const workloads = new Map(one.workloads)
  for (const [workload, names] of other.workloads)
    workloads.set(workload, new Set([...(workloads.get(workload) ?? []), ...names]))
  const generations = new Map(one.generations)
  for (const [classKey, all] of other.generations) {
    const joined = new Map(generations.get(classKey))
    for (const [cluster, generation] of all) joined.set(cluster, Math.max(generation, joined.get(cluster) ?? 0))
    generations.set(classKey, joined)
  }
  return { workloads, generations }
}
