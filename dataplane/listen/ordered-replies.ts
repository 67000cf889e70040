type Send = (b: Uint8Array, start: number, end: number) => void

/**
 * Replies of a client whose protocol has no ids: they must leave in the order of the requests, whoever answers first. A reply that is not
 * the next one is kept until it is.
 */
export class OrderedReplies {
  /** Places from `#first` on; null: not answered yet. */
  readonly #places: (Uint8Array | null)[] = []
  #head = 0
  #first = 0
  #opened = 0
  /** Bytes kept. */
  bytes = 0
  /** By place: what came of replies of several frames that are not next and not whole. */
  #parts: Map<number, Uint8Array[]> | null = null

  /** The place whose reply is next. */
  get next(): number {
    return this.#first
  }

  /** A place for one more request, in order. */
  open(): number {
    this.#places.push(null)
    return this.#opened++
  }

  /** A reply for a place; what can leave now goes to `send`, in order. Copies what it has to keep. */
  fill(place: number, b: Uint8Array, start: number, end: number, send: Send): void {
    const index = place - this.#first + this.#head
    if (index !== this.#head) {
      this.#places[index] = b.slice(start, end)
      this.bytes += end - start
      return
    }
    send(b, start, end)
    this.#step(send)
    for (let next = this.#places[this.#head]; next; next = this.#places[this.#head]) {
      this.bytes -= next.length
      send(next, 0, next.length)
      this.#step(send)
    }
  }

  /** A frame of the reply for a place, behind which more follows. @returns whether a copy of it is kept, since another reply is next */
  part(place: number, b: Uint8Array, start: number, end: number): boolean {
    if (place === this.#first) return false
    this.#parts ??= new Map()
    const kept = this.#parts.get(place)
    const bytes = b.slice(start, end)
    if (kept) kept.push(bytes)
    else this.#parts.set(place, [bytes])
    this.bytes += bytes.length
    return true
  }

  /** What came of the reply that is next now. */
  #sendParts(send: Send): void {
    const kept = this.#parts?.get(this.#first)
    if (!kept) return
    this.#parts!.delete(this.#first)
    for (const bytes of kept) {
      this.bytes -= bytes.length
      send(bytes, 0, bytes.length)
    }
  }

  /** The next place is next now, and what came for it leaves. */
  #step(send: Send): void {
    this.#places[this.#head] = null
    this.#head++
    this.#first++
    if (this.#head === this.#places.length) {
      this.#places.length = 0
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#places.length) {
      this.#places.splice(0, this.#head)
      this.#head = 0
    }
    if (this.#parts !== null) this.#sendParts(send)
  }
}
