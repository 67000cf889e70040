import type { Unready } from './store.ts'

interface Wait {
  readonly version: string
  readonly timer: NodeJS.Timeout | undefined
}

const keyOf = ({ type, name }: Unready) => `${type} ${name}`

/** Gives what waits for its secrets its time, from the moment it came. */
export class Waits {
  readonly #waits = new Map<string, Wait>()
  readonly #over: (one: Unready) => void

  /** @param over told once of what has waited long enough */
  constructor(over: (one: Unready) => void) {
    this.#over = over
  }

  /** @param unready all that waits now; what is not among it has what it waited for, or is gone */
  follow(unready: readonly Unready[]): void {
    const waiting = unready.filter(({ waitMs }) => waitMs !== undefined)
    const keys = new Set(waiting.map(keyOf))
    for (const key of [...this.#waits.keys()]) if (!keys.has(key)) this.#end(key)
    for (const one of waiting) {
      const key = keyOf(one)
      if (this.#waits.get(key)?.version === one.version) continue
      this.#end(key)
      const ms = one.waitMs!
      const timer = Number.isFinite(ms) ? setTimeout(() => this.#over(one), ms) : undefined
      this.#waits.set(key, { version: one.version, timer })
    }
  }

  stop(): void {
    for (const key of [...this.#waits.keys()]) this.#end(key)
  }

  #end(key: string): void {
    clearTimeout(this.#waits.get(key)?.timer)
    this.#waits.delete(key)
  }
}
