import { computed, effect, batch as inBatch, type ReadonlySignal, signal, untracked } from '@preact/signals-core'

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

/**
 * The sources that something was computed from, through any number of cells: few kinds of sources as bits, and the numbers of
 * those that are one of very many.
 */
export interface Reads {
  readonly mask: number
  readonly fine: readonly number[]
}

/** Sources written since some moment. */
export interface Writes {
  readonly mask: number
  readonly fine: ReadonlySet<number>
}

interface Reading {
  mask: number
  fine: readonly number[]
  /** Numbers the computation that reads; what it has read already is marked with it. */
  readonly id: number
  /** What is read directly, in the order of the first reads. Absent where nobody will ask. */
  readonly dependencies?: Dependency[]
}

/** A source or a cell, as those that read it know it. */
interface Dependency {
  /** Number of the last computation that read it. */
  readBy: number
  /** Whether it is at present what it is supposed to be. */
  stays(supposed: Supposed): boolean
}

/** What is supposed, and what was computed for it so far. */
interface Supposed {
  readonly values: ReadonlyMap<Dependency, unknown>
  readonly writes: Writes
  readonly outcomes: Map<object, Outcome<unknown>>
  readonly states: Map<object, unknown>
  /** The present that `outcomes` go with. */
  moment: number
}

const NONE: readonly number[] = []
const NOTHING: readonly Dependency[] = []
const MOST_BITS = 30
/** In place of the numbers of sources that something read: any of them. */
const MANY = 1
const MOST_FINE = 64
/** More writes than these are not told apart: whoever looks that late looks at everything. */
const MOST_WRITES = 1024

const bits = new Map<string, number>()
let lastFine = 0
let lastReading = 0
let reading: Reading | undefined
let supposed: Supposed | undefined
let written = 0
let writes: { readonly mask: number; readonly fine: number }[] = []

/**
 * A source of cells.
 * @param kind sources of the same kind are not told apart by `writesSince`; without it each is one by itself
 */
export function source<T>(initial: T, kind?: string): Source<T> {
  const inner = signal(initial)
  const mask = kind === undefined ? 0 : bitOf(kind)
  const fine = kind === undefined ? ++lastFine : 0
  const reads: Reads = { mask, fine: fine ? [fine] : NONE }
  const self: Source<T> & Dependency = {
    reads,
    readBy: 0,
    stays: ({ values }) => !values.has(self) || values.get(self) === inner.peek(),
    get value() {
      if (supposed) return supposed.values.has(self) ? (supposed.values.get(self) as T) : inner.peek()
      if (reading) {
        depend(reading, self)
        merge(reading, reads)
      }
      return inner.value
    },
    set value(next: T) {
      if (supposed) throw new Error('what is supposed cannot be written')
      if (next === inner.peek()) return
      written++
      if (writes.length >= 2 * MOST_WRITES) writes = writes.slice(-MOST_WRITES)
      writes.push({ mask, fine })
      inner.value = next
    },
    peek: () => inner.peek(),
  }
  return self
}

/** Makes several writes one change. */
export const batch = inBatch

/** Runs at once, and after each change of what it read; returns the way to end it. Not recorded by whoever is computing. */
export function watch(run: () => void): () => void {
  return unrecorded(() => effect(run))
}

/** Reads without being recorded. */
export function unrecorded<T>(read: () => T): T {
  const outer = reading
  reading = undefined
  try {
    return untracked(read)
  } finally {
    reading = outer
  }
}

/** What `read` read, and what came of it. */
export function recorded<T>(read: () => T): { readonly value: T; readonly reads: Reads } {
  const outer = reading
  const own: Reading = { mask: 0, fine: NONE, id: ++lastReading }
  reading = own
  try {
    return { value: read(), reads: own }
  } finally {
    reading = outer
    if (outer) merge(outer, own)
  }
}

/** A moment to ask `writesSince` about later. */
export function writesNow(): number {
  return written
}

/** What was written after a moment; undefined when that is too long ago to tell. */
export function writesSince(moment: number): Writes | undefined {
  const count = written - moment
  if (count > writes.length) return undefined
  let mask = 0
  const fine = new Set<number>()
  for (const write of count === 0 ? [] : writes.slice(-count)) {
    mask |= write.mask
    if (write.fine) fine.add(write.fine)
  }
  return { mask: fine.size > 0 ? mask | MANY : mask, fine }
}

/** Whether something that was read has been written. */
export function touches(reads: Reads, writes: Writes): boolean {
  return (reads.mask & writes.mask) !== 0 || reads.fine.some((id) => writes.fine.has(id))
}

/** What writing these sources would be, without writing them. */
export function writesOf(sources: Iterable<Pick<Source<unknown>, 'reads'>>): Writes {
  let mask = 0
  const fine = new Set<number>()
  for (const { reads } of sources) {
    mask |= reads.mask
    for (const id of reads.fine) fine.add(id)
  }
  return { mask: fine.size > 0 ? mask | MANY : mask, fine }
}

/** What became of a computation. A new object when the value, the error or what was read is another one. */
interface Outcome<T> extends Reads {
  readonly value?: T
  readonly error?: { readonly thrown: unknown }
}

/**
 * A cell whose value keeps its identity while `equal` says that nothing changed, so that cells reading it are not computed
 * again. Nobody has to dispose a cell: unwatched cells hold what they read, not the other way round.
 */
export function cell<T>(compute: () => T, equal: (a: T, b: T) => boolean = Object.is): Cell<T> {
  let last: Outcome<T> | undefined
  let dependencies: readonly Dependency[] = NOTHING
  /** Up to which write `last` is known to be what it is at present. */
  let checked = -1
  const inner: ReadonlySignal<Outcome<T>> = computed(() => {
    const outer = reading
    const own = { mask: 0, fine: NONE, id: ++lastReading, dependencies: [] as Dependency[] }
    reading = own
    let outcome: Outcome<T>
    try {
      const value = compute()
      const same = last && !last.error && equal(last.value as T, value)
      if (same && sameReads(last!, own)) return last!
      outcome = { value: same ? (last!.value as T) : value, mask: own.mask, fine: own.fine }
    } catch (thrown) {
      outcome = { error: { thrown }, mask: own.mask, fine: own.fine }
    } finally {
      reading = outer
      dependencies = own.dependencies
    }
    last = outcome
    return outcome
  })

  const self: Dependency = {
    readBy: 0,
    stays(as) {
      if (last && !touches(last, as.writes)) return true
      const next = supposedly(as)
      return next === last || (!next.error && last?.error === undefined && Object.is(next.value, last?.value))
    },
  }

  /** What it would be. What it is at present comes first: that is what it stays where nothing it read is another. */
  const supposedly = (as: Supposed): Outcome<T> => {
    // Most of what is asked for has nothing to do with what is supposed.
    if (last && checked === written && !touches(last, as.writes)) return last
    const known = as.outcomes.get(self) as Outcome<T> | undefined
    if (known) return known
    if (last && checked !== written) {
      presently(() => inner.peek())
      checked = written
    }
    const now = last
    const outcome =
      now && (!touches(now, as.writes) || dependencies.every((one) => one.stays(as))) ? now : computeFor(now)
    as.outcomes.set(self, outcome)
    return outcome
  }
  const computeFor = (now: Outcome<T> | undefined): Outcome<T> => {
    try {
      const value = compute()
      return now && !now.error && equal(now.value as T, value) ? now : { value, mask: 0, fine: NONE }
    } catch (thrown) {
      return { error: { thrown }, mask: 0, fine: NONE }
    }
  }

  return () => {
    const outcome = supposed ? supposedly(supposed) : inner.value
    if (reading && !supposed) {
      depend(reading, self)
      merge(reading, outcome)
    }
    if (outcome.error) throw outcome.error.thrown
    return outcome.value as T
  }
}

/** A family of cells, one per key, made at first use. */
export interface Cells<T> {
  (key: string): T
  /** Nobody needs the cell of a key any more; asked again, it is made again. */
  forget(key: string): void
}

/**
 * A family of cells, one per key, made at first use.
 * @param most for keys that others choose: beyond so many the oldest are forgotten; those in use are then computed twice
 */
export function cells<T>(
  compute: (key: string) => T,
  equal?: (a: T, b: T) => boolean,
  most = Number.POSITIVE_INFINITY,
): Cells<T> {
  const family = new Map<string, Cell<T>>()
  const read = (key: string) => {
    let member = family.get(key)
    if (!member && supposed) {
      const others = supposedState(family, () => new Map<string, Cell<T>>())
      member = others.get(key) ?? cell(() => compute(key), equal)
      others.set(key, member)
    } else if (!member) {
      member = cell(() => compute(key), equal)
      family.set(key, member)
      if (family.size > most) for (const oldest of family.keys()) if (family.delete(oldest)) break
    }
    return member()
  }
  return Object.assign(read, { forget: (key: string) => void family.delete(key) })
}

/** Sources that have other values than at present, for those who want to know what would follow. */
export interface Supposition {
  /** What setting these values would write. */
  readonly writes: Writes
}

/** Supposes that sources have these values. Nothing is written, and nobody is told. */
export function suppose(values: ReadonlyMap<Source<unknown>, unknown>): Supposition {
  const made: Supposed = {
    values: values as ReadonlyMap<object, unknown> as Supposed['values'],
    writes: writesOf(values.keys()),
    outcomes: new Map(),
    states: new Map(),
    moment: written,
  }
  return made
}

/**
 * Reads cells as they would be. What does not follow from the values supposed is what it is at present, the same object; all else is
 * computed beside it, once for each supposition, and the present stays as it is. `read` must not wait for anything.
 */
export function supposing<T>(supposition: Supposition, read: () => T): T {
  const [outer, outerReading] = [supposed, reading]
  const next = supposition as Supposed
  if (next.moment !== written) {
    next.outcomes.clear()
    next.states.clear()
    next.moment = written
  }
  supposed = next
  reading = undefined
  try {
    return read()
  } finally {
    supposed = outer
    reading = outerReading
  }
}

/** Whether what is computed is only supposed: it must leave no trace in what is kept outside of cells. */
export function isSupposing(): boolean {
  return supposed !== undefined
}

/** Something of somebody that lasts as long as what is supposed. @throws Error when nothing is */
export function supposedState<T>(owner: object, make: () => T): T {
  if (!supposed) throw new Error('nothing is supposed')
  let state = supposed.states.get(owner) as T | undefined
  if (state === undefined) {
    state = make()
    supposed.states.set(owner, state)
  }
  return state
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

function depend(on: Reading, what: Dependency): void {
  if (what.readBy === on.id) return
  what.readBy = on.id
  on.dependencies?.push(what)
}

/** Computes what is, whatever is supposed. */
function presently<T>(compute: () => T): T {
  const [outer, outerReading] = [supposed, reading]
  supposed = undefined
  reading = undefined
  try {
    return compute()
  } finally {
    supposed = outer
    reading = outerReading
  }
}

function bitOf(kind: string): number {
  let bit = bits.get(kind)
  if (bit === undefined) {
    bit = 2 << Math.min(bits.size, MOST_BITS - 1)
    bits.set(kind, bit)
  }
  return bit
}

function merge(into: Reading, from: Reads): void {
  into.mask |= from.mask
  if (from.fine.length === 0 || from.fine === into.fine || into.mask & MANY) return
  if (into.fine.length === 0) {
    into.fine = from.fine
    return
  }
  const more = from.fine.filter((id) => !into.fine.includes(id))
  if (into.fine.length + more.length > MOST_FINE) {
    into.mask |= MANY
    return
  }
  if (more.length > 0) into.fine = [...into.fine, ...more]
}

function sameReads(a: Reads, b: Reads): boolean {
  return (
    a.mask === b.mask &&
    (a.fine === b.fine || (a.fine.length === b.fine.length && a.fine.every((id) => b.fine.includes(id))))
  )
}
