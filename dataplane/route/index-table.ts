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

/** A table of byte strings: an entry lies in one piece, and all keys behind one another. */
export class BytesIndex {
  readonly #keys: Uint8Array
  /** Hash, start in `#keys`, length, what is found. */
  readonly #cells: Int32Array
  readonly #shift: number
  readonly #mask: number

  /** `values[i]` is what is found for `keys[i]` (any int32 but `missing`). The keys are all different. */
  constructor(keys: readonly Uint8Array[], values: readonly number[]) {
    let bits = 3
    while (1 << bits < keys.length * 2) bits++
    this.#shift = 32 - bits
    this.#mask = ((1 << bits) - 1) << 2
    this.#cells = new Int32Array(4 << bits).fill(missing)
    this.#keys = new Uint8Array(keys.reduce((sum, { length }) => sum + length, 0))
    let start = 0
    keys.forEach((key, index) => {
      const hash = BytesIndex.hash(key, 0, key.length)
      let at = (hash >>> this.#shift) << 2
      while (this.#cells[at + 3] !== missing) at = (at + 4) & this.#mask
      this.#cells.set([hash, start, key.length, values[index]!], at)
      this.#keys.set(key, start)
      start += key.length
    })
  }

  /**
   * Four bytes a step. A product knows of the bytes in its upper bits, which `#shift` takes; turned round, they go on into the next one.
   */
  static hash(b: Uint8Array, start: number, end: number): number {
    let hash = (end - start) | 0
    let p = start
    for (; p + 4 <= end; p += 4) {
      const four = b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24)
      hash = Math.imul(((hash << 13) | (hash >>> 19)) ^ four, golden)
    }
    for (; p < end; p++) hash = Math.imul(((hash << 13) | (hash >>> 19)) ^ b[p]!, golden)
    return hash
  }

  /** @returns `missing` when it is not there. */
  find(b: Uint8Array, start: number, end: number): number {
    const cells = this.#cells
    const hash = BytesIndex.hash(b, start, end)
    let at = (hash >>> this.#shift) << 2
    for (;;) {
      const value = cells[at + 3]!
      if (value === missing) return value
      if (cells[at] === hash && cells[at + 2] === end - start && same(this.#keys, cells[at + 1]!, b, start, end))
        return value
      at = (at + 4) & this.#mask
    }
  }
}

function same(keys: Uint8Array, at: number, b: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) if (keys[at++] !== b[p]) return false
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

  /** The list of the range that a value lies in; undefined below all of them. */
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
