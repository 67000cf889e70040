import { asError } from '../../../errors/thrown.ts'

export interface RecordingOptions {
  /** Makes a revision of what was edited by hand, if there is anything. */
  readonly sync: () => Promise<unknown>
  /** Told of what keeps it from being recorded, once for each reason. */
  readonly warn: (error: Error) => void
  /** Told when it was recorded after all. */
  readonly again?: () => void
}

/** Until the next attempt, ms. */
const RETRY_MS = 10_000

/**
 * Records edits by hand, and goes on trying while that is not possible (a full disk, a store that is away): otherwise the history would be without
 * them until somebody edits again.
 */
export class Recording {
  readonly #options: RecordingOptions
  /** What was in the way the last time. */
  #problem: string | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: RecordingOptions) {
    this.#options = options
  }

  /** Whether all that was edited is recorded. */
  async record(): Promise<boolean> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { sync, warn, again } = this.#options
    try {
      await sync()
    } catch (thrown) {
      const error = asError(thrown)
      if (this.#stopped) return false
      if (error.message !== this.#problem) warn(error)
      this.#problem = error.message
      this.#timer ??= setTimeout(() => void this.record(), RETRY_MS).unref()
      return false
    }
    if (this.#problem !== undefined) again?.()
    this.#problem = undefined
    return true
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }
}
