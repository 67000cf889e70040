import { Slices } from './slices.ts'

/** Answers of a slice, unless they take too long: a turn costs some 50 µs by itself. */
const LEAST_ANSWERS = 4

/**
 * Keeps turns of the event loop short while very many clients ask at once, as after a start: all sockets that have something to read are
 * read in one turn, and each answer may be hundreds of kilobytes. What a turn has no time for is done in slices in later ones, in its order.
 */
export class Turns {
  private readonly longestMs: number
  private readonly slices: Slices
  private readonly now: () => number
  private queue: (() => void)[] = []
  private running = false
  private startedAt: number | undefined

  /** @param longestMs of answers in one turn; slices are as long */
  constructor(longestMs: number, now: () => number = () => performance.now()) {
    this.longestMs = longestMs
    this.slices = new Slices(longestMs, LEAST_ANSWERS)
    this.now = now
  }

  /** Whether this turn has time for another answer. */
  hasTime(): boolean {
    const now = this.now()
    if (this.startedAt === undefined) {
      this.startedAt = now
      setImmediate(() => {
        this.startedAt = undefined
      })
    }
    return now - this.startedAt < this.longestMs
  }

  /** @param work what is to be done in a later turn; it throws nothing */
  later(work: () => void): void {
    this.queue.push(work)
    if (this.running) return
    this.running = true
    let at = 0
    this.slices.run(
      () => {
        const work = this.queue[at++]
        work?.()
        if (at < this.queue.length) return true
        this.queue = []
        return false
      },
      () => {
        this.running = false
      },
    )
  }
}
