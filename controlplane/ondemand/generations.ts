import { type Source, source } from '../model/cells.ts'

/** Generations of one class: cluster (without generation) → how far it has come. Clusters never let go of are absent. */
export type ClassGenerations = ReadonlyMap<string, number>

/** Highest number a cluster's generation may have when it comes from a client: what a client says may be wrong. */
const MOST_BELIEVED = 1_000_000
/** Clusters remembered in all, and of one class: names come from clients too. Beyond it the one that changed longest ago is forgotten. */
const MOST_CLUSTERS = 200_000
/** Clusters of all classes together. Beyond it the class that changed longest ago is forgotten: hardly one that still has proxies. */
const MOST_REMEMBERED = 500_000

/**
 * How often each class of proxies has let go of each cluster. A number is given to a cluster once, whatever the class: a
 * proxy asks for a name only once in its life, and it may change class. Reads are tracked by the cells that name clusters.
 */
export class GenerationBook {
  readonly #classes = new Map<string, Source<ClassGenerations>>()
  /** Highest number given so far, by cluster. */
  readonly #highest = new Map<string, number>()
  /** How often each class let go of each cluster, since this process began. */
  readonly #times = new Map<string, Map<string, number>>()
  readonly #listeners = new Set<() => void>()
  #remembered = 0

  /** The generation that a class has of a cluster; 0: it never let go of it. A tracked read. */
  of(classKey: string, cluster: string): number {
    return this.#class(classKey).value.get(cluster) ?? 0
  }

  /** Of all clusters of a class that were let go of, for who names thousands: one read, which each change of the class concerns. */
  all(classKey: string): ClassGenerations {
    return this.#class(classKey).value
  }

  /** Clusters that a class has let go of. No tracked read. */
  renamed(classKey: string): readonly string[] {
    return [...this.#class(classKey).peek().keys()]
  }

  /** Calls back after each change. Returns the way to unsubscribe. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The class lets go of these clusters: each gets a number it never had. */
  next(classKey: string, clusters: readonly string[]): void {
    const times = this.#times.get(classKey) ?? new Map<string, number>()
    this.#times.set(classKey, times)
    for (const cluster of clusters) {
      const before = times.get(cluster) ?? 0
      times.delete(cluster)
      times.set(cluster, before + 1)
    }
    dropOldest(times)
    this.#set(classKey, new Map(clusters.map((cluster) => [cluster, (this.#highest.get(cluster) ?? 0) + 1])))
  }

  /** How often the class let go of the cluster since this process began. */
  times(classKey: string, cluster: string): number {
    return this.#times.get(classKey)?.get(cluster) ?? 0
  }

  /** A client of the class knows these generations, from a control plane that knew more: the higher number holds. */
  learn(classKey: string, known: ClassGenerations): void {
    const present = this.#class(classKey).peek()
    const newer = [...known].filter(
      ([cluster, generation]) => generation > (present.get(cluster) ?? 0) && generation <= MOST_BELIEVED,
    )
    this.#set(classKey, new Map(newer.slice(0, MOST_CLUSTERS - present.size)))
  }

  /** Some proxy has asked for this generation, from a control plane that had given it: it is never given again. */
  burn(cluster: string, generation: number): void {
    const known = this.#highest.get(cluster)
    if (generation > MOST_BELIEVED || generation <= (known ?? 0)) return
    if (known !== undefined || this.#highest.size < MOST_CLUSTERS) this.#highest.set(cluster, generation)
  }

  /** Everything, to be saved. */
  snapshot(): ReadonlyMap<string, ClassGenerations> {
    return new Map(
      [...this.#classes]
        .map(([key, generations]) => [key, generations.peek()] as const)
        .filter(([, all]) => all.size > 0),
    )
  }

  /** Nobody reads the generations of this class any more: one that has none is forgotten. */
  unread(classKey: string): void {
    if (this.#classes.get(classKey)?.peek().size === 0) this.#classes.delete(classKey)
  }

  #set(classKey: string, changes: ClassGenerations): void {
    if (changes.size === 0) return
    for (const [cluster, generation] of changes) {
      const highest = Math.max(generation, this.#highest.get(cluster) ?? 0)
      this.#highest.delete(cluster)
      this.#highest.set(cluster, highest)
    }
    dropOldest(this.#highest)
    const present = this.#class(classKey)
    const all = new Map(present.peek())
    for (const [cluster, generation] of changes) {
      all.delete(cluster)
      all.set(cluster, generation)
    }
    dropOldest(all)
    this.#remembered += all.size - present.peek().size
    present.value = all
    // Those that changed last come last.
    this.#classes.delete(classKey)
    this.#classes.set(classKey, present)
    for (const [key, oldest] of this.#classes) {
      if (this.#remembered <= MOST_REMEMBERED || key === classKey) break
      this.#remembered -= oldest.peek().size
      this.#classes.delete(key)
      this.#times.delete(key)
      oldest.value = new Map()
    }
    for (const listener of [...this.#listeners]) listener()
  }

  #class(classKey: string): Source<ClassGenerations> {
    let known = this.#classes.get(classKey)
    if (!known) {
      known = source<ClassGenerations>(new Map())
      this.#classes.set(classKey, known)
    }
    return known
  }
}

/** Of clusters in order of their last change. */
function dropOldest(clusters: Map<string, number>): void {
  for (const cluster of clusters.keys()) {
    if (clusters.size <= MOST_CLUSTERS) return
    clusters.delete(cluster)
  }
}
