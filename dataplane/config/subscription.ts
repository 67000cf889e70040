/** What a delta stream must be told about names. */
export interface NameChange {
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
}

/** Names of one type a stream is subscribed to, and those not answered yet. */
export class NameSubscription {
  #names = new Set<string>()
  readonly #open = new Set<string>()

  /** Changes the names; undefined when nothing is to be said. */
  set(wanted: readonly string[]): NameChange | undefined {
    const next = new Set(wanted)
    const subscribe = wanted.filter((name) => !this.#names.has(name))
    const unsubscribe = [...this.#names].filter((name) => !next.has(name))
    this.#names = next
    for (const name of subscribe) this.#open.add(name)
    for (const name of unsubscribe) this.#open.delete(name)
    return subscribe.length + unsubscribe.length > 0 ? { subscribe, unsubscribe } : undefined
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** These names were answered, if only by saying that there is nothing. */
  answered(names: Iterable<string>): void {
    for (const name of names) this.#open.delete(name)
  }

  /** A new stream knows nothing. */
  reset(): void {
    this.#names.clear()
    this.#open.clear()
  }

  get waiting(): boolean {
    return this.#open.size > 0
  }
}
