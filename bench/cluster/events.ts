import type { Loss } from './load.ts'

/** What was done to the cluster, and when: a loss is told with what came before it. */
export class Events {
  readonly #all: { readonly at: number; readonly what: string }[] = []
  readonly #counts = new Map<string, number>()
  readonly #values = new Map<string, number[]>()

  /** Something was done now. `quiet` things happen all the time and explain nothing. */
  note(what: string, { quiet = false } = {}): void {
    if (!quiet) this.#all.push({ at: Date.now(), what })
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** What was done within so long before a time, and how long before it: `kill control plane -1200 ms`. */
  before(at: number, ms: number): string {
    const near = this.#all.filter((event) => event.at <= at && event.at > at - ms)
    return near.map((event) => `${event.what} -${at - event.at} ms`).join(', ')
  }

  /** How long something took, ms. */
  took(what: string, ms: number): void {
    this.#values.set(what, [...(this.#values.get(what) ?? []), ms])
  }

  /** How often each thing was done. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  /** Times of each thing: the middle one and the longest, ms. */
  get times(): Readonly<Record<string, { readonly p50: number; readonly most: number; readonly times: number }>> {
    return Object.fromEntries(
      [...this.#values].map(([what, values]) => {
        const sorted = values.map(Math.round).sort((a, b) => a - b)
        return [what, { p50: sorted[sorted.length >> 1]!, most: sorted.at(-1)!, times: sorted.length }]
      }),
    )
  }

  /** Losses by what was done last before they were known, and by what the caller saw. */
  explain(losses: readonly Loss[]): {
    readonly lostAfter: Readonly<Record<string, number>>
    readonly losses: Readonly<Record<string, number>>
  } {
    const lostAfter: Record<string, number> = {}
    const seen: Record<string, number> = {}
    for (const { at, via, what } of losses) {
      const last = this.#all.findLast((event) => event.at <= at)
      const cause = last ? `${last.what}, ${Math.round((at - last.at) / 100) * 100} ms` : 'nothing'
      lostAfter[cause] = (lostAfter[cause] ?? 0) + 1
      seen[`${via} ${what}`] = (seen[`${via} ${what}`] ?? 0) + 1
    }
    return { lostAfter, losses: seen }
  }
}
