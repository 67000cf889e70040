import type { Configuration } from '../configuration.ts'
import type { ConfigLog } from './control-plane.ts'

/** Something of a configuration that could be read and not be put in force, such as a listener whose port is taken. */
export interface NotUsed {
  readonly kind: 'protocol' | 'listener' | 'route' | 'cluster'
  readonly name: string
  readonly message: string
  /** It may work at another time, with nothing changed: it is tried again, and the control plane told that it is accepted. */
  readonly transient?: true
}

export interface AgainOptions {
  /** Puts a configuration in force; resolves with what could not be used. */
  apply(configuration: Configuration): Promise<readonly NotUsed[]>
  /** Told when what waits is not what it was. */
  changed(): void
  readonly log: Pick<ConfigLog, 'warn'>
}

/**
 * Waits before what was not ready is tried again: doubling from the first to the last, in ms. A proxy that is to take the place of another waits
 * for its port: for so long nobody may listen. A configuration that takes long to put in force waits longer, so that trying is little work.
 */
const FIRST_AGAIN_MS = 100
const LAST_AGAIN_MS = 250
const IDLE_TO_BUSY = 20

interface Turn {
  readonly configuration: Configuration
  readonly waitMs: number
}

/**
 * Puts configurations in force, and tries again what the machine was not ready for, until it is or another configuration comes: of an
 * older one nothing is tried again once a newer one was handed over.
 */
export class Again {
  readonly #options: AgainOptions
  #waiting: readonly NotUsed[] = []
  /** Counts configurations handed over. */
  #handed = 0
  #next: Turn | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: AgainOptions) {
    this.#options = options
  }

  /** What is accepted and not in force yet, with the reason. */
  get waiting(): readonly NotUsed[] {
    return this.#waiting
  }

  /** @returns what could not be used. @throws what `apply` throws: then the last configuration stays, and what waits of it */
  async apply(configuration: Configuration): Promise<readonly NotUsed[]> {
    const handed = ++this.#handed
    clearTimeout(this.#timer)
    try {
      const notUsed = await this.#options.apply(configuration)
      if (handed === this.#handed) this.#wait({ configuration, waitMs: FIRST_AGAIN_MS }, notUsed)
      return notUsed
    } catch (error) {
      if (handed === this.#handed) this.#schedule()
      throw error
    }
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #wait(turn: Turn, notUsed: readonly NotUsed[]): void {
    const waiting = notUsed.filter(({ transient }) => transient)
    const changed = JSON.stringify(waiting) !== JSON.stringify(this.#waiting)
    this.#waiting = waiting
    this.#next = waiting.length > 0 ? turn : undefined
    this.#schedule()
    if (changed) this.#options.changed()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const next = this.#next
    if (!next || this.#stopped) return
    this.#timer = setTimeout(() => void this.#try(next), next.waitMs)
  }

  async #try({ configuration, waitMs }: Turn): Promise<void> {
    const handed = this.#handed
    const began = performance.now()
    const notUsed = await this.#options.apply(configuration).catch((error: Error) => {
      this.#options.log.warn({}, `what waits could not be tried again, and is later: ${error.message}`)
      return this.#waiting
    })
    const tookMs = performance.now() - began
    const next = Math.max(Math.min(waitMs * 2, LAST_AGAIN_MS), tookMs * IDLE_TO_BUSY)
    if (handed === this.#handed && !this.#stopped) this.#wait({ configuration, waitMs: next }, notUsed)
  }
}
