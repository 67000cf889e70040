/**
 * From the value of one field to the routes that may take the message, without allocating: open addressing over typed arrays, so that ten
 * thousand ids cost what sixty-four do.
 */

const golden = 0x9e3779b1 | 0

/** What `IntegerIndex.find` gives for a value that is not there. */
export const missing = -1

/** Values this close together on average are looked up by place: 4 bytes a value, and ids in use lie beside one another. */
const spread = 8

/** A table of 64-bit integers given as int32 halves. An entry lies in one piece, so that a look-up touches one line of the cache. */
export class IntegerIndex {
  /** What is found for `#first`, `#first` + 1 and so on; empty where the values are too far apart. */
  readonly #places: Int32Array
  readonly #first: number
  /** Low half, high half, what is found, nothing. */
  readonly #cells: Int32Array
  readonly #shift: number
  readonly #mask: number

  /** `entries`: low half, high half, what is found (any int32 but `missing`). */
  constructor(entries: readonly (readonly [lo: number, hi: number, value: number])[]) {
    const values = entries.map(([lo]) => lo)
    const first = values.reduce((a, b) => Math.min(a, b), 0x7fffffff)
    const span = values.reduce((a, b) => Math.max(a, b), first) - first + 1
    const near = entries.length > 0 && span <= entries.length * spread && entries.every(([, hi]) => hi === 0)
    this.#first = first
    this.#places = new Int32Array(near ? span : 0).fill(missing)
    if (near) {
      for (const [lo, , value] of entries) this.#places[lo - first] = value
      this.#cells = new Int32Array(4).fill(missing)
      this.#shift = 31
      this.#mask = 0
      return
    }
    let bits = 3
    while (1 << bits < entries.length * 2) bits++
    this.#shift = 32 - bits
    this.#mask = ((1 << bits) - 1) << 2
    this.#cells = new Int32Array(4 << bits)
    for (let i = 2; i < this.#cells.length; i += 4) this.#cells[i] = missing
    for (const [lo, hi, value] of entries) {
      const cells = this.#cells
      let at = this.#start(lo, hi)
      while (cells[at + 2] !== missing && (cells[at] !== lo || cells[at + 1] !== hi)) at = (at + 4) & this.#mask
      cells[at] = lo
      cells[at + 1] = hi
      cells[at + 2] = value
    }
  }

  #start(lo: number, hi: number): number {
    return (Math.imul(lo ^ Math.imul(hi, 0x85ebca6b | 0), golden) >>> this.#shift) << 2
  }

  /** @returns `missing` when it is not there. */
  find(lo: number, hi: number): number {
    const places = this.#places
    if (places.length > 0) {
      // As unsigned: what is below the first is far above the last.
      const place = (lo - this.#first) >>> 0
      return hi === 0 && place < places.length ? places[place]! : missing
    }
    const cells = this.#cells
    let at = this.#start(lo, hi)
    for (;;) {
      const value = cells[at + 2]!
      if (value === missing || (cells[at] === lo && cells[at + 1] === hi)) return value
      at = (at + 4) & this.#mask
    }
  }
}

/** A table of byte strings. */
export class BytesIndex {
  readonly #keys: readonly Uint8Array[]
  readonly #entry: Int32Array
  readonly #hash: Int32Array
  readonly #mask: number

  /** What is found is the index in `keys`, which are all different. */
  constructor(keys: readonly Uint8Array[]) {
    let size = 8
    while (size < keys.length * 2) size *= 2
    this.#mask = size - 1
    this.#keys = keys
    this.#entry = new Int32Array(size).fill(-1)
    this.#hash = new Int32Array(size)
    keys.forEach((key, index) => {
      const hash = hashOf(key, 0, key.length)
      let at = hash & this.#mask
      while (this.#entry[at]! >= 0) at = (at + 1) & this.#mask
      this.#entry[at] = index
      this.#hash[at] = hash
    })
  }

  /** @returns -1 when it is not there. */
  find(b: Uint8Array, start: number, end: number): number {
    const hash = hashOf(b, start, end)
    let at = hash & this.#mask
    for (;;) {
      const entry = this.#entry[at]!
      if (entry < 0) return -1
      if (this.#hash[at] === hash && same(this.#keys[entry]!, b, start, end)) return entry
      at = (at + 1) & this.#mask
    }
  }
}

function hashOf(b: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let p = start; p < end; p++) hash = Math.imul(hash ^ b[p]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

function same(key: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false
  for (let i = 0; i < key.length; i++) if (key[i] !== b[start + i]) return false
  return true
}

/** Lists of numbers by ranges that may overlap: the line is cut at every bound, each piece knows its list. */
export class RangeIndex {
  readonly #starts: Float64Array
  readonly #lists: readonly (readonly number[])[]

  private constructor(starts: Float64Array, lists: readonly (readonly number[])[]) {
    this.#starts = starts
    this.#lists = lists
  }

  /** Both ends included; `item` ascending. @returns undefined when so many overlap that the pieces would take too much memory. */
  static build(
    ranges: readonly { readonly first: number; readonly last: number; readonly item: number }[],
  ): RangeIndex | undefined {
    const cuts = [...new Set(ranges.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b)
    const place = new Map(cuts.map((cut, i) => [cut, i]))
    const lists: number[][] = cuts.map(() => [])
    let entries = 0
    for (const { first, last, item } of ranges) {
      const end = place.get(last + 1)!
      for (let i = place.get(first)!; i < end; i++) {
        if (++entries > 1_000_000) return undefined
        const list = lists[i]!
        if (list.at(-1) !== item) list.push(item)
      }
    }
    return new RangeIndex(Float64Array.from(cuts), lists)
  }

  find(value: number): readonly number[] | undefined {
    const starts = this.#starts
    let from = 0
    let to = starts.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (starts[middle]! <= value) from = middle + 1
      else to = middle
    }
    return from === 0 ? undefined : this.#lists[from - 1]
  }
}
