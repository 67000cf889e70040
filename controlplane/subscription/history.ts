import { remember } from './remember.ts'

/** Names that changed, each with whether the change matters to the wildcard. */
export type Changes = ReadonlyMap<string, boolean>

interface Step {
  readonly position: number
  readonly names: Changes
}

/** Changes older than the slowest client's position are kept in at most this many steps; more are folded together. */
const MOST_STEPS = 64

/** Which names of one type changed after which position, never what they were in between: a slow client costs one entry per name. */
export class History {
  /** Ascending positions. */
  private steps: Step[] = []
  private readonly memo = new Map<number, Changes>()

  /** @param position greater than all before */
  add(position: number, names: Changes): void {
    this.steps.push({ position, names })
    this.memo.clear()
  }

  /** What changed after a position. */
  after(position: number): Changes {
    const known = this.memo.get(position)
    if (known) return known
    const merged = new Map<string, boolean>()
    for (let index = this.steps.length - 1; index >= 0 && this.steps[index]!.position > position; index--)
      merge(merged, this.steps[index]!.names)
    remember(this.memo, position, merged)
    return merged
  }

  has(name: string): boolean {
    return this.steps.some((step) => step.names.has(name))
  }

  /**
   * Forgets what every client has heard, and folds what only slow ones have not.
   * @param heard position every client has reached
   * @returns the names of each forgotten change
   */
  trim(heard: number): readonly Iterable<string>[] {
    const first = this.steps.findIndex((step) => step.position > heard)
    const old = this.steps.splice(0, first === -1 ? this.steps.length : first)
    if (this.steps.length > MOST_STEPS) {
      const folded = this.steps.splice(0, this.steps.length / 2)
      const names = new Map<string, boolean>()
      for (const step of folded) merge(names, step.names)
      this.steps.unshift({ position: folded.at(-1)!.position, names })
    }
    this.memo.clear()
    return old.map(({ names }) => names.keys())
  }
}

function merge(into: Map<string, boolean>, names: Changes): void {
  for (const [name, wild] of names) into.set(name, wild || (into.get(name) ?? false))
}
