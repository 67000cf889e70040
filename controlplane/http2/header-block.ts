import { ConnectionError, dependsOn, ERROR, FLAG, type Frame, unpadded } from './frames.ts'
import { MOST_HEADERS } from './hpack.ts'

/** What a frame counts for that carries less, in bytes: empty ones would go on for ever. */
const LEAST_COST = 64

/**
 * The headers of a request, or its trailers, as they come: one HEADERS frame, and CONTINUATION frames behind it until one says that it
 * was the last (https://www.rfc-editor.org/rfc/rfc9113#section-6.2, https://www.rfc-editor.org/rfc/rfc9113#section-6.10).
 */
export class HeaderBlock {
  readonly stream: number
  /** Nothing follows it on its stream. */
  readonly end: boolean
  /** The stream says that it depends on itself. */
  readonly itself: boolean
  /** All of it is there. */
  whole: boolean
  private readonly first: Buffer
  private more: Buffer[] | undefined
  private length: number

  /**
   * @param frame HEADERS
   * @throws ConnectionError when it is of no stream a client opens, or has more padding than bytes
   */
  constructor({ stream, flags, payload }: Frame) {
    if (stream % 2 === 0) throw new ConnectionError(ERROR.protocol, `HEADERS of stream ${stream}`)
    const priority = flags & FLAG.priority ? 5 : 0
    const rest = unpadded(flags, payload, priority)
    this.stream = stream
    this.end = (flags & FLAG.endStream) !== 0
    this.itself = priority > 0 && dependsOn(rest) === stream
    this.whole = (flags & FLAG.endHeaders) !== 0
    this.first = rest.subarray(priority)
    this.length = this.first.length
  }

  /**
   * @param frame CONTINUATION of the same stream
   * @throws ConnectionError when the block is longer than anybody's headers
   */
  add({ flags, payload }: Frame): void {
    this.length += Math.max(payload.length, LEAST_COST)
    if (this.length > MOST_HEADERS) throw new ConnectionError(ERROR.enhanceYourCalm, 'headers without end')
    this.more ??= []
    this.more.push(payload)
    this.whole = (flags & FLAG.endHeaders) !== 0
  }

  /** What the frames that came carry, in one. */
  get bytes(): Buffer {
    return this.more ? Buffer.concat([this.first, ...this.more]) : this.first
  }
}
