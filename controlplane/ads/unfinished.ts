/** Requests shorter than this are bounded by the number of streams, in bytes. */
const FREE_BYTES = 256 * 1024

/** What requests take that have not come whole, of all streams together. */
export class Unfinished {
  private readonly most: number
  private taken = 0

  /** @param most in bytes */
  constructor(most: number) {
    this.most = most
  }

  /** The share of one stream. */
  share(): UnfinishedShare {
    return new UnfinishedShare(this)
  }

  /** @returns whether there is room for it */
  add(bytes: number): boolean {
    this.taken += bytes
    return bytes <= 0 || this.taken <= this.most
  }
}

/** What one stream has of it. */
export class UnfinishedShare {
  private readonly all: Unfinished
  private counted = 0

  constructor(all: Unfinished) {
    this.all = all
  }

  /**
   * @param bytes that came of a request which is not whole; 0 when there is none, and in the end
   * @returns whether the stream may go on
   */
  holds(bytes: number): boolean {
    const counts = bytes > FREE_BYTES ? bytes : 0
    if (counts === this.counted) return true
    const more = counts - this.counted
    this.counted = counts
    return this.all.add(more)
  }
}

/** For the person at the client. */
export const TOO_MUCH_UNFINISHED = 'too many large requests are under way: try again in a moment'
