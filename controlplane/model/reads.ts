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

/** A computation under way. */
export interface Reading {
  mask: number
  fine: readonly number[]
  /** Numbers the computation that reads; what it has read already is marked with it. */
  readonly id: number
  /** What is read directly, in the order of the first reads. Undefined where nobody will ask. */
  readonly dependencies: Readable[] | undefined
}

/** What can be read, as the computation that reads it knows it. */
export interface Readable {
  /** Number of the last computation that read it. */
  readBy: number
}

export const NONE: readonly number[] = []
const MOST_BITS = 30
/** In place of the numbers of sources that something read: any of them. */
const MANY = 1
const MOST_FINE = 64
/** More writes than these are not told apart: whoever looks that late looks at everything. */
const MOST_WRITES = 1024

const bits = new Map<string, number>()
let lastFine = 0
let lastReading = 0
let written = 0
let writes: { readonly mask: number; readonly fine: number }[] = []

/** The computation that reads are recorded for at present. */
export let reading: Reading | undefined

/** Records reads for another computation from now on, or for none; returns the one so far, which whoever calls must put back. */
export function setReading(next: Reading | undefined): Reading | undefined {
  const outer = reading
  reading = next
  return outer
}

/** A computation that begins. @param dependencies where what it reads directly is to be kept */
export function beginReading(dependencies?: Readable[]): Reading {
  return { mask: 0, fine: NONE, id: ++lastReading, dependencies }
}

/** What reading a new source records: the bit of its kind, or without one a number of its own. */
export function newReads(kind: string | undefined): Reads {
  return kind === undefined ? { mask: 0, fine: [++lastFine] } : { mask: bitOf(kind), fine: NONE }
}

/** Notes that a source with these reads was written. */
export function noteWrite({ mask, fine: [fine = 0] }: Reads): void {
  written++
  if (writes.length >= 2 * MOST_WRITES) writes = writes.slice(-MOST_WRITES)
  writes.push({ mask, fine })
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
export function writesOf(sources: Iterable<{ readonly reads: Reads }>): Writes {
  let mask = 0
  const fine = new Set<number>()
  for (const { reads } of sources) {
    mask |= reads.mask
    for (const id of reads.fine) fine.add(id)
  }
  return { mask: fine.size > 0 ? mask | MANY : mask, fine }
}

/** Records that the present computation reads something directly. */
export function depend(on: Reading, what: Readable): void {
  if (what.readBy === on.id) return
  what.readBy = on.id
  on.dependencies?.push(what)
}

/** Records that a computation has read all that another one read. */
export function merge(into: Reading, from: Reads): void {
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

/** Whether two computations read the same. */
export function sameReads(a: Reads, b: Reads): boolean {
  return (
    a.mask === b.mask &&
    (a.fine === b.fine || (a.fine.length === b.fine.length && a.fine.every((id) => b.fine.includes(id))))
  )
}

function bitOf(kind: string): number {
  let bit = bits.get(kind)
  if (bit === undefined) {
    bit = 2 << Math.min(bits.size, MOST_BITS - 1)
    bits.set(kind, bit)
  }
  return bit
}
