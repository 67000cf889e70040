import {
  computed,
  effect,
  batch as inBatch,
  type ReadonlySignal,
  type Signal,
  signal,
  untracked,
} from '@preact/signals-core'
import { type Lasting, sweeping } from './lasting.ts'
import {
  beginReading,
  depend,
  merge,
  NONE,
  newReads,
  noteWrite,
  type Readable,
  type Reads,
  reading,
  sameReads,
  setReading,
  touches,
  writesNow,
} from './reads.ts'
import { presently, type Supposed, supposed, supposedState } from './supposition.ts'

/** A memoised pure function that records what it reads. Computed when asked, again only after something it read has changed. */
export type Cell<T> = () => T

/** What cells are computed from: a value that somebody sets. */
export interface Source<T> {
  /** Reading it is recorded; writing it makes those who read it out of date. */
  value: T
  /** What reading it records. */
  readonly reads: Reads
  /** Reads without being recorded. */
  peek(): T
}

/** A source or a cell, as those that read it know it. */
interface Dependency extends Readable {
  /** Whether it is at present what it is supposed to be. */
  stays(supposed: Supposed): boolean
}

/**
 * A source of cells.
 * @param kind sources of the same kind are not told apart by `writesSince`; without it each is one by itself
 */
export function source<T>(initial: T, kind?: string): Source<T> {
  return new SourceNode(initial, kind)
}

/** There are very many: one object each. */
class SourceNode<T> implements Source<T>, Dependency {
  readonly reads: Reads
  readBy = 0
  private readonly inner: Signal<T>

  constructor(initial: T, kind: string | undefined) {
    this.reads = newReads(kind)
    this.inner = signal(initial)
  }

  stays({ values }: Supposed): boolean {
    return !values.has(this) || values.get(this) === this.inner.peek()
  }

  get value(): T {
    if (supposed) return supposed.values.has(this) ? (supposed.values.get(this) as T) : this.inner.peek()
    if (reading) {
      depend(reading, this)
      merge(reading, this.reads)
    }
    return this.inner.value
  }

  set value(next: T) {
    if (supposed) throw new Error('what is supposed cannot be written')
    if (next === this.inner.peek()) return
    noteWrite(this.reads)
    this.inner.value = next
  }

  peek(): T {
    return this.inner.peek()
  }
}

/** Makes several writes one change. */
export const batch = inBatch

/** Runs at once, and after each change of what it read; returns the way to end it. Not recorded by whoever is computing. */
export function watch(run: () => void): () => void {
  return unrecorded(() => effect(run))
}

/** Reads without being recorded. */
export function unrecorded<T>(read: () => T): T {
  const outer = setReading(undefined)
  try {
    return untracked(read)
  } finally {
    setReading(outer)
  }
}

/** What `read` read, and what came of it. */
export function recorded<T>(read: () => T): { readonly value: T; readonly reads: Reads } {
  // A cell that reads this way depends on what is read.
  const own = beginReading(reading?.dependencies && [])
  const outer = setReading(own)
  try {
    return { value: read(), reads: own }
  } finally {
    setReading(outer)
    if (outer) {
      merge(outer, own)
      for (const one of own.dependencies ?? []) depend(outer, one)
    }
  }
}

const NOTHING: readonly Readable[] = []

/** What became of a computation. A new object when the value, the error or what was read is another one. */
interface Outcome<T> extends Reads {
  readonly value?: T
  readonly error?: { readonly thrown: unknown }
}

/** How a cell, or each of a family, is computed and kept. */
interface Formula<T> {
  readonly compute: (key: string) => T
  readonly equal: (a: T, b: T) => boolean
  readonly again: ((kept: T, computed: T) => void) | undefined
}

/**
 * A cell whose value keeps its identity while `equal` says that nothing changed, so that cells reading it are not computed
 * again. Nobody has to dispose a cell: unwatched cells hold what they read, not the other way round.
 * @param again told what is kept and the equal value that was computed, for what `equal` does not look at and no computation reads
 */
export function cell<T>(
  compute: () => T,
  equal: (a: T, b: T) => boolean = Object.is,
  again?: (kept: T, computed: T) => void,
): Cell<T> {
  const node = new CellNode({ compute, equal, again }, '')
  return () => node.read()
}

/** There are some for each resource and service that somebody asked for: one object each, and no function but what the signal calls. */
class CellNode<T> implements Dependency {
  readBy = 0
  private readonly formula: Formula<T>
  private readonly key: string
  private readonly inner: ReadonlySignal<Outcome<T>>
  private last: Outcome<T> | undefined = undefined
  private dependencies: readonly Readable[] = NOTHING
  /** Up to which write `last` is known to be what it is at present. */
  private checked = -1

  constructor(formula: Formula<T>, key: string) {
    this.formula = formula
    this.key = key
    this.inner = computed(() => this.compute())
  }

  read(): T {
    const outcome = supposed ? this.supposedly(supposed) : this.inner.value
    if (reading && !supposed) {
      depend(reading, this)
      merge(reading, outcome)
    }
    if (outcome.error) throw outcome.error.thrown
    return outcome.value as T
  }

  stays(as: Supposed): boolean {
    const { last } = this
    if (last && !touches(last, as.writes)) return true
    const next = this.supposedly(as)
    return next === last || (!next.error && last?.error === undefined && Object.is(next.value, last?.value))
  }

  private compute(): Outcome<T> {
    const { formula, last } = this
    const read: Readable[] = []
    const own = beginReading(read)
    const outer = setReading(own)
    let outcome: Outcome<T>
    try {
      const value = formula.compute(this.key)
      const same = last && !last.error && formula.equal(last.value as T, value)
      if (same && last.value !== value) formula.again?.(last.value as T, value)
      if (same && sameReads(last, own)) return last
      outcome = { value: same ? (last.value as T) : value, mask: own.mask, fine: own.fine }
    } catch (thrown) {
      outcome = { error: { thrown }, mask: own.mask, fine: own.fine }
    } finally {
      setReading(outer)
      // A list that grew holds room for more than most cells read.
      this.dependencies = read.slice()
    }
    this.last = outcome
    return outcome
  }

  /** What it would be. What it is at present comes first: that is what it stays where nothing it read is another. */
  private supposedly(as: Supposed): Outcome<T> {
    // Most of what is asked for has nothing to do with what is supposed.
    if (this.last && this.checked === writesNow() && !touches(this.last, as.writes)) return this.last
    const known = as.outcomes.get(this) as Outcome<T> | undefined
    if (known) return known
    if (this.last && this.checked !== writesNow()) {
      presently(() => this.inner.peek())
      this.checked = writesNow()
    }
    const now = this.last
    const outcome =
      now && (!touches(now, as.writes) || this.dependencies.every((one) => (one as Dependency).stays(as)))
        ? now
        : this.computeFor(now)
    as.outcomes.set(this, outcome)
    return outcome
  }

  private computeFor(now: Outcome<T> | undefined): Outcome<T> {
    try {
      const value = this.formula.compute(this.key)
      return now && !now.error && this.formula.equal(now.value as T, value) ? now : { value, mask: 0, fine: NONE }
    } catch (thrown) {
      return { error: { thrown }, mask: 0, fine: NONE }
    }
  }
}

/** A family of cells, one per key, made at first use. */
export interface Cells<T> {
  (key: string): T
  /** Nobody needs the cell of a key any more; asked again, it is made again. */
  forget(key: string): void
}

/** How a family of cells treats its keys. */
export interface CellsOptions<T> {
  /** As for a cell. */
  readonly again?: (kept: T, computed: T) => void
  /** For keys that come and go: what means nothing any more is forgotten. Without it only `forget` does that. */
  readonly lasting?: Lasting
}

/** A family of cells, one per key, made at first use. */
export function cells<T>(
  compute: (key: string) => T,
  equal: (a: T, b: T) => boolean = Object.is,
  { again, lasting }: CellsOptions<T> = {},
): Cells<T> {
  const formula: Formula<T> = { compute, equal, again }
  const family = new Map<string, CellNode<T>>()
  const sweep = lasting && sweeping(lasting)
  const read = (key: string) => {
    let member = family.get(key)
    if (!member && supposed) {
      const others = supposedState(family, () => new Map<string, CellNode<T>>())
      member = others.get(key) ?? new CellNode(formula, key)
      others.set(key, member)
    } else if (!member) {
      member = new CellNode(formula, key)
      family.set(key, member)
      if (sweep) unrecorded(() => sweep(family, key))
    }
    return member.read()
  }
  return Object.assign(read, { forget: (key: string) => void family.delete(key) })
}

/** Whether two lists hold the same items in the same order. */
export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => Object.is(item, b[index]))
}

/** Whether two maps hold the same values under the same keys. */
export function sameEntries<K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (!b.has(key) || !Object.is(b.get(key), value)) return false
  return true
}
