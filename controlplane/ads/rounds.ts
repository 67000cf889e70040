import { Slices } from './slices.ts'

/**
 * Runs a piece of work when asked, at once the first time, then with at least `gapMs` between two starts, and after the end
 * of a long one at least half the time it took: where a round takes longer than the gap, rounds without a pause would leave
 * the loop no time to hear of the changes that are to be merged. Requests in between are one. The work is a
 * generator that yields wherever it may be interrupted: it runs in slices, and sockets are served between them.
 */
export class Rounds {
  private readonly gapMs: number
  private readonly slices: Slices
  private readonly work: () => Generator<void>
  private readonly failed: (error: unknown) => void
  private wanted = false
  private running = false
  private notBefore = Number.NEGATIVE_INFINITY
  private startedAt = 0
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(options: {
    readonly gapMs: number
    readonly sliceMs: number
    readonly work: () => Generator<void>
    readonly failed: (error: unknown) => void
  }) {
    this.gapMs = options.gapMs
    this.slices = new Slices(options.sliceMs, LEAST_STEPS)
    this.work = options.work
    this.failed = options.failed
  }

  /** Asks for a round; several that ask before it begins get one. */
  request(): void {
    this.wanted = true
    this.schedule()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private schedule(): void {
    if (!this.wanted || this.running || this.timer || this.stopped) return
    const wait = this.notBefore - performance.now()
    if (wait > 0) {
      this.timer = setTimeout(() => {
        this.timer = undefined
        this.start()
      }, wait)
    } else this.start()
  }

  private start(): void {
    this.wanted = false
    this.running = true
    this.startedAt = performance.now()
    const work = this.work()
    this.slices.run(
      () => !this.stopped && !work.next().done,
      (error) => {
        if (error !== undefined) this.failed(error)
        this.running = false
        const endedAt = performance.now()
        this.notBefore = Math.max(this.startedAt + this.gapMs, endedAt + (endedAt - this.startedAt) * PAUSE)
        this.schedule()
      },
    )
  }
}

/** Streams told of a change in one turn, however dear: with fewer the turns themselves would cost more than telling. */
const LEAST_STEPS = 16
/** The pause after a round, as a part of the time it took. */
const PAUSE = 0.5
