import type { Resource } from './resource.ts'

/** A cluster that went, as it was. */
export interface LeftCluster {
  readonly cluster: Resource
  readonly endpoints: Resource | undefined
}

/** How long what went is kept, ms: longer than a proxy takes to get its new routes. */
export const LEFT_FOR_MS = 15_000
/** Clusters kept at most, some 2 kB each; the oldest make room. Ninety changes a second leave a thousand behind in the time. */
const MOST = 5_000

/** Clusters of a class that went a moment ago, for proxies whose requests are still routed to them. */
export class LeftClusters {
  /** In the order they went. */
  readonly #left = new Map<string, LeftCluster & { readonly until: number }>()
  #sweep: NodeJS.Timeout | undefined

  get isEmpty(): boolean {
    return this.#left.size === 0
  }

  /** What a cluster was that went; undefined when it never was, or went too long ago. */
  get(name: string): LeftCluster | undefined {
    const left = this.#left.get(name)
    return left && left.until >= performance.now() ? left : undefined
  }

  /** Remembers a cluster that goes, for a while, among so many at most. */
  keep(name: string, left: LeftCluster): void {
    this.#left.delete(name)
    this.#left.set(name, { ...left, until: performance.now() + LEFT_FOR_MS })
    if (this.#left.size > MOST) this.#left.delete(this.#left.keys().next().value!)
    this.#sweep ??= setTimeout(() => this.#forget(), LEFT_FOR_MS).unref()
  }

  #forget(): void {
    const now = performance.now()
    for (const [name, { until }] of this.#left) {
      if (until >= now) break
      this.#left.delete(name)
    }
    this.#sweep = this.isEmpty ? undefined : setTimeout(() => this.#forget(), LEFT_FOR_MS / 3).unref()
  }
}
