/** Which keys of a table still mean something. Names come and go for as long as a control plane runs: what is kept by name must go with them. */
export interface Lasting<Present = unknown> {
  /** What there is: another object when some of it came or went. It may read what computing an entry reads, and nothing that reads the table. */
  present(): Present
  /** Whether the key means something in it. */
  has(present: Present, key: string): boolean
}

/** `Lasting` whose keys are checked against the type of what is present. */
export function whilePresent<Present>(of: Lasting<Present>): Lasting {
  return of as Lasting
}

/** Keys last while they are in a list of names. @param names as `present` */
export function named(names: () => readonly string[]): Lasting {
  return whilePresent({ present: names, has: (all, key) => all.includes(key) })
}

/** A table by names, as sweeping sees it. */
export interface Swept {
  readonly size: number
  keys(): Iterable<string>
  delete(key: string): unknown
}

/** Looking through fewer than these costs some microseconds. */
const FEW = 1024

/**
 * Lets go of what means nothing any more. To be called with a key that was just added: a table that gets no new ones does not grow. It is looked
 * through when it has grown since the last time, a large one by a sixteenth, and something came or went: each new key pays for a few others.
 * Whoever calls it amid a computation does so `unrecorded`.
 */
export function sweeping<Present>({ present, has }: Lasting<Present>): (table: Swept, added: string) => void {
  let kept = 0
  let seen: unknown
  return (table, added) => {
    if (table.size <= (kept < FEW ? kept : kept + (kept >> 4))) return
    const now = present()
    if (now !== seen) {
      seen = now
      for (const key of table.keys()) if (key !== added && !has(now, key)) table.delete(key)
    }
    kept = table.size
  }
}
