/** Two clocks in ms: the wall's, and the CPU time of the thread. */
export interface Clocks {
  now(): number
  used(): number
}

/** Nodes before 22.19 tell it of the whole process only, with the threads of V8 in it (https://nodejs.org/api/process.html#processthreadcpuusagepreviousvalue). */
const cpuUsage = (process as { readonly threadCpuUsage?: () => NodeJS.CpuUsage }).threadCpuUsage ?? process.cpuUsage

const REAL: Clocks = {
  now: () => performance.now(),
  used() {
    const { user, system } = cpuUsage()
    return (user + system) / 1000
  },
}

/**
 * Does long work a slice at a time, one slice in each turn of the event loop. What a slice starts is often dearer than the slice:
 * what it writes is sent at the end of the turn, what it opens is read at the next. So the slice is as long as keeps the whole turn
 * short, and finds that out by itself: from the CPU time of the thread, because time spent waiting for a core says nothing.
 */
export class Slices {
  private readonly longestMs: number
  private readonly least: number
  private readonly clocks: Clocks
  private budgetMs: number
  private startedAt = 0
  private usedBefore = 0

  /**
   * @param longestMs of a slice; a turn may take twice as long
   * @param least steps of a slice, unless they take `longestMs`: a turn costs some 50 µs by itself
   */
  constructor(longestMs: number, least: number, clocks: Clocks = REAL) {
    this.clocks = clocks
    this.longestMs = longestMs
    this.least = least
    this.budgetMs = longestMs / 2
  }

  /**
   * Begins in the next turn: several wishes of one turn are then known.
   * @param step one piece of the work; whether there is more
   * @param ended called once, with what a step threw or undefined
   */
  run(step: () => boolean, ended: (error: unknown) => void): void {
    setImmediate(() => this.slice(step, ended))
  }

  private slice(step: () => boolean, ended: (error: unknown) => void): void {
    const startedAt = this.clocks.now()
    try {
      for (let steps = 1; ; steps++) {
        if (!step()) {
          ended(undefined)
          return
        }
        const spent = this.clocks.now() - startedAt
        if (spent >= this.longestMs || (spent >= this.budgetMs && steps >= this.least)) break
      }
    } catch (error) {
      ended(error)
      return
    }
    this.startedAt = startedAt
    this.usedBefore = this.clocks.used()
    setImmediate(() => {
      this.adapt()
      this.slice(step, ended)
    })
  }

  private adapt(): void {
    const after = this.clocks.used() - this.usedBefore
    const turn = this.clocks.now() - this.startedAt
    const own = Math.min(turn, this.budgetMs + after)
    const change = own > 0 ? Math.min(2, Math.max(0.5, (2 * this.longestMs) / own)) : 2
    this.budgetMs = Math.min(this.longestMs, Math.max(this.longestMs / 32, this.budgetMs * change))
  }
}
