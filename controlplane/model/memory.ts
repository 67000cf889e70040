import { isSupposing, supposedState } from './supposition.ts'

/** A map in which computations keep something for their next run. What is only supposed reads it, and writes beside it. */
export class Memory<K, V> {
  readonly #present = new Map<K, V>()

  get(key: K): V | undefined {
    const beside = this.#beside()
    return beside?.has(key) ? beside.get(key) : this.#present.get(key)
  }

  set(key: K, value: V): void {
    const beside = this.#beside()
    if (beside) beside.set(key, value)
    else this.#present.set(key, value)
  }

  delete(key: K): void {
    const beside = this.#beside()
    if (beside) beside.set(key, undefined)
    else this.#present.delete(key)
  }

  /** Forgets the others. */
  keep(wanted: (key: K) => boolean): void {
    if (!isSupposing()) for (const key of this.#present.keys()) if (!wanted(key)) this.#present.delete(key)
  }

  entries(): ReadonlyMap<K, V> {
    const beside = this.#beside()
    if (!beside || beside.size === 0) return this.#present
    const all = new Map(this.#present)
    for (const [key, value] of beside)
      if (value === undefined) all.delete(key)
      else all.set(key, value)
    return all
  }

  #beside(): Map<K, V | undefined> | undefined {
    return isSupposing() ? supposedState(this, () => new Map<K, V | undefined>()) : undefined
  }
}
