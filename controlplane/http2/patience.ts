import { ConnectionError, ERROR } from './frames.ts'

/**
 * Frames in one tick that cost us something and the client nothing: an honest client sends some hundred. Also what is known of
 * CVE-2019-9512 to -9518 and CVE-2023-44487 (endless pings, settings, resets, empty frames).
 */
const MOST_CHEAP = 20_000
/** A reset ends work that was begun: that many other cheap frames. */
const RESET_COSTS = 20
/**
 * What the client brought about and does not read: acknowledgements, resets, ends of calls, windows, crumbs. An honest one reads, and has
 * a hundred calls that end at the same time. The bytes are few, but each costs some hundred in what keeps it.
 */
const MOST_UNREAD_ANSWERS = 1000

/** How much a client may have done for it that serves no call. */
export class Patience {
  private cheap = 0
  private answers = 0

  /** A frame without a purpose. @throws ConnectionError when there were too many since the last tick */
  frame(): void {
    this.count(1)
  }

  /** A stream that ends early, by the client's will or its fault. @throws ConnectionError as `frame` */
  reset(): void {
    this.count(RESET_COSTS)
  }

  /** Something is to be sent because the client sent something. */
  answer(): void {
    this.answers++
  }

  /** To be asked where a frame was read. @throws ConnectionError when the client does not read what it asked for */
  check(): void {
    if (this.answers > MOST_UNREAD_ANSWERS)
      throw new ConnectionError(ERROR.enhanceYourCalm, 'answers that nobody reads')
  }

  /** An answer has left. */
  readonly answered = (): void => {
    this.answers--
  }

  /** A tick of the connection's clock: frames are counted anew. */
  tick(): void {
    this.cheap = 0
  }

  private count(cost: number): void {
    this.cheap += cost
    if (this.cheap > MOST_CHEAP) throw new ConnectionError(ERROR.enhanceYourCalm, 'too many frames without a purpose')
  }
}
