/** A peer that has all it was owed ends its side, too, or its connection is closed after so long. */
const endMs = 5000
/**
 * So long it may take nothing of what waits for it. The kernel tells of what a slow reader takes in steps of 1.4 MB (Linux, loopback: at 400 KB/s one in
 * 3 to 4 s), which is one in this time at 5 KB/s.
 */
const takeMs = 300_000
const lookMs = 1000

/** Waits for the end of a connection that we have ended: for as long as its peer goes on taking what it is owed. */
export class Linger {
  readonly #left: () => number
  readonly #cut: () => void
  readonly #timer: NodeJS.Timeout
  /** What was left at the last look, and for how long it has been so much. */
  #before = -1
  #sameMs = 0

  /** @param left changes with what the kernel takes, to 0 in the end. @param cut closes the connection */
  constructor(left: () => number, cut: () => void) {
    this.#left = left
    this.#cut = cut
    this.#timer = setInterval(() => this.#look(), lookMs).unref()
  }

  #look(): void {
    const left = this.#left()
    this.#sameMs = left === this.#before ? this.#sameMs + lookMs : 0
    this.#before = left
    if (this.#sameMs < (left === 0 ? endMs : takeMs)) return
    this.stop()
    this.#cut()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
