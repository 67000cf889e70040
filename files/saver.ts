import { asError } from '../errors/thrown.ts'

export interface SaverOptions {
  /** Makes a copy of what is held at that moment. Rejects when it cannot. */
  write(): Promise<void>
  /** Told that it could not, once until it can again. */
  failed(error: Error): void
  /** Told when it could after all. */
  recovered(): void
  /** What is asked for within so long is one copy, and none follows another sooner, ms. Default: 0, at once. */
  readonly afterMs?: number
  /** Between tries while it cannot be saved, ms. Default: 5000. */
  readonly againMs?: number
}

/**
 * Saves what is held, one time after the other: what changes while a copy is being written is in the next one. What could not be saved is
 * tried again until it is, although nothing changes: a disk that was full for a minute must not cost what was learned before it.
 */
export class Saver {
  readonly #options: SaverOptions
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<void> | undefined
  /** Something is held that no copy has. */
  #due = false
  #failing = false
  #stopped = false

  constructor(options: SaverOptions) {
    this.#options = options
  }

  /** Resolves when all that was being saved by now is, or could not be. */
  get saved(): Promise<void> {
    return this.#saving ?? Promise.resolve()
  }

  /** Something else is held now. */
  save(): void {
    this.#due = true
    const { afterMs = 0 } = this.#options
    if (afterMs === 0) this.#begin()
    else this.#later(afterMs)
  }

  /** What is held is what is saved: nothing is to be done. */
  upToDate(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#due = false
  }

  /** Makes a last try where something is not saved, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#due) this.#begin()
    await this.saved
    clearTimeout(this.#timer)
  }

  #later(ms: number): void {
    if (this.#timer || this.#stopped) return
    this.#timer = setTimeout(() => this.#begin(), ms)
    this.#timer.unref()
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#saving ??= this.#work()
  }

  async #work(): Promise<void> {
    const { write, failed, recovered, againMs = 5_000 } = this.#options
    const { afterMs = 0 } = this.#options
    let tryAgain = false
    let rests = false
    while (this.#due && !tryAgain && !rests) {
      this.#due = false
      try {
        await write()
        if (this.#failing) recovered()
        this.#failing = false
        rests = afterMs > 0 && !this.#stopped
      } catch (error) {
        // What changed meanwhile is another try at once; the same again is one later.
        tryAgain = !this.#due
        this.#due = true
        if (!this.#failing) failed(asError(error))
        this.#failing = true
      }
    }
    this.#saving = undefined
    if (tryAgain) this.#later(againMs)
    else if (this.#due) this.#later(afterMs)
  }
}
