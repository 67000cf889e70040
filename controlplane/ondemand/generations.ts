import { cells, type Source, source } from '../model/cells.ts'

/** Generations of one class: cluster (without generation) → how far it has come. Clusters never let go of are absent. */
export type ClassGenerations = ReadonlyMap<string, number>

/** Highest number a cluster's generation may have when it comes from a client: what a client says may be wrong. */
const MOST_BELIEVED = 1_000_000
/** Clusters remembered in all: names come from clients too. */
const MOST_CLUSTERS = 200_000

/** Clusters remembered as asked about; proxies may ask for any name. */
const MOST_ASKED = 100_000

/**
 * How often each class of proxies has let go of each cluster. A number is given to a cluster once, whatever the class: a
 * proxy asks for a name only once in its life, and it may change class. Reads are tracked by the cells that name clusters.
 */
export class GenerationBook {
  readonly #classes = new Map<string, Source<ClassGenerations>>()
  /** Highest number given so far, by cluster. */
  readonly #highest = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  readonly #of = cells<number>(
    (key) => {
      const [classKey, cluster] = key.split('\n') as [string, string]
      return this.#class(classKey).value.get(cluster) ?? 0
    },
    undefined,
    { most: MOST_ASKED },
  )

  of(classKey: string, cluster: string): number {
    return this.#of(`${classKey}\n${cluster}`)
  }

  /** Of all clusters of a class that were let go of, for who names thousands: one read, which each change of the class concerns. */
  all(classKey: string): ClassGenerations {
    return this.#class(classKey).value
  }

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
    this.#set(classKey, new Map(clusters.map((cluster) => [cluster, (this.#highest.get(cluster) ?? 0) + 1])))
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

  #set(classKey: string, changes: ClassGenerations): void {
    if (changes.size === 0) return
    for (const [cluster, generation] of changes)
      this.#highest.set(cluster, Math.max(generation, this.#highest.get(cluster) ?? 0))
    const present = this.#class(classKey)
    present.value = new Map([...present.peek(), ...changes])
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
