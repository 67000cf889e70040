import { gcra, type Store, type Take, type Taken } from './store.ts'

/** Counters remembered; the one unused for longest makes room, and starts full when it comes back. */
const MOST = 200_000

/** Counts in this process alone: right for one instance, too generous by their number for several. */
export class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly healthy = true
  private readonly fullAt = new Map<string, number>()
  private readonly now: () => number

  /** @param now ms; must not go back */
  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  async take(takes: readonly Take[]): Promise<readonly Taken[]> {
    const now = this.now() * 1000
    return takes.map((take) => {
      const { fullAt, ...taken } = gcra(this.fullAt.get(take.key) ?? 0, now, take)
      this.fullAt.delete(take.key)
      this.fullAt.set(take.key, fullAt)
      if (this.fullAt.size > MOST) this.fullAt.delete(this.fullAt.keys().next().value!)
      return taken
    })
  }

  async stop(): Promise<void> {}
}
