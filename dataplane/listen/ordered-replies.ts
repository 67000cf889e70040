/**
 * Replies of a client whose protocol has no ids: they must leave in the order of the requests, whoever answers first. A reply that is not
 * the next one is kept until it is.
 */
export class OrderedReplies {
  /** Places from `#first` on; null: not answered yet. */
  readonly #places: (Uint8Array | null)[] = []
  #head = 0
  #first = 0
  #next = 0
  /** Bytes kept. */
  bytes = 0

  /** A place for one more request, in order. */
  open(): number {
    this.#places.push(null)
    return this.#next++
  }

  /** A reply for a place; what can leave now goes to `send`, in order. Copies what it has to keep. */
  fill(
    place: number,
    b: Uint8Array,
    start: number,
    end: number,
    send: (b: Uint8Array, start: number, end: number) => void,
  ): void {
    const index = place - this.#first + this.#head
    if (index !== this.#head) {
      this.#places[index] = b.slice(start, end)
      this.bytes += end - start
      return
    }
    send(b, start, end)
    this.#step()
    for (let next = this.#places[this.#head]; next; next = this.#places[this.#head]) {
      this.bytes -= next.length
      send(next, 0, next.length)
      this.#step()
    }
  }

  #step(): void {
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
  }
}
