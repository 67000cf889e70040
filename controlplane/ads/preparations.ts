import { Slices } from './slices.ts'

interface Job {
  readonly work: Generator<void>
  readonly waiting: (() => void)[]
}

/**
 * Long work that somebody waits for, such as compiling all clusters for the first proxy of a class: one after the other, in
 * slices, so that other clients are answered meanwhile. Who wants the same thing waits for the same work.
 */
export class Preparations<Thing> {
  private readonly jobs = new Map<Thing | Generator<void>, Job>()
  private readonly slices: Slices
  private readonly failed: (error: unknown) => void
  private running = false

  /** @param sliceMs longest slice @param failed told what work threw; those who wait for it go on without */
  constructor(sliceMs: number, failed: (error: unknown) => void) {
    this.slices = new Slices(sliceMs, 1)
    this.failed = failed
  }

  /**
   * @param begin the work, unless it is under way; undefined: there is nothing to do
   * @param done called when the work is done, in a later turn
   * @returns whether there is something to wait for; if not, `done` is not called
   */
  wait(thing: Thing, begin: () => Generator<void> | undefined, done: () => void): boolean {
    const known = this.jobs.get(thing)
    if (known) {
      known.waiting.push(done)
      return true
    }
    const work = begin()
    if (!work) return false
    this.jobs.set(thing, { work, waiting: [done] })
    this.start()
    return true
  }

  /** Work that is done in slices, too, and nobody waits for. */
  add(work: Generator<void>): void {
    this.jobs.set(work, { work, waiting: [] })
    this.start()
  }

  private start(): void {
    if (this.running || this.jobs.size === 0) return
    this.running = true
    this.slices.run(
      () => this.step(),
      (error) => {
        this.running = false
        if (error !== undefined) this.failed(error)
        this.start()
      },
    )
  }

  /** One step of the oldest job, or of telling those who waited for it. @returns whether there is more */
  private step(): boolean {
    const [first] = this.jobs
    if (!first) return false
    const [thing, { work, waiting }] = first
    let over = false
    try {
      over = work.next().done === true
    } catch (error) {
      this.failed(error)
      over = true
    }
    if (!over) return true
    const told = waiting.shift()
    if (waiting.length === 0) this.jobs.delete(thing)
    told?.()
    return this.jobs.size > 0
  }
}
