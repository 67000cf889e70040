import { MOST_PAYLOAD } from './frames.ts'
import { callAll, type Wire } from './wire.ts'

/**
 * What leaves on one connection. While something is read, or for a turn of the loop, frames are gathered, so that the answers to what one
 * read brought, or headers, a message and trailers, leave in one write.
 */
export class Outbox {
  private readonly wire: Wire
  /** How many hold it: what a read brought may be answered by what holds it, too. */
  private holders = 0
  private gathering: NodeJS.Immediate | undefined
  private frames: Buffer[] | undefined
  private afterwards: (() => void)[] | undefined

  constructor(wire: Wire) {
    this.wire = wire
  }

  /** Frames as they are; `done` is called when they have left. */
  send(bytes: Buffer, done?: () => void): void {
    if (this.holders === 0 && !this.gathering) this.wire.write(bytes, done)
    else {
      this.frames ??= []
      this.frames.push(bytes)
      if (!done) return
      this.afterwards ??= []
      this.afterwards.push(done)
    }
  }

  /** Everything is gathered until all who hold it have released it. */
  hold(): void {
    this.holders++
  }

  /** Ends a `hold`; with the last one what was gathered is written. */
  release(): void {
    if (--this.holders === 0) this.flush()
  }

  /** What is sent from now on in this turn of the loop leaves in one write. */
  gather(): void {
    this.gathering ??= setImmediate(() => {
      this.gathering = undefined
      this.flush()
    })
  }

  /** Writes what was gathered, in one piece where that fits into a frame, and calls who wants to know when it has left. */
  flush(): void {
    const { frames, afterwards, wire } = this
    if (!frames) return
    this.frames = undefined
    this.afterwards = undefined
    const done = afterwards && afterwards.length > 1 ? () => callAll(afterwards) : afterwards?.[0]
    if (frames.length === 1) {
      wire.write(frames[0]!, done)
      return
    }
    let length = 0
    for (const frame of frames) length += frame.length
    if (length <= MOST_PAYLOAD) wire.write(Buffer.concat(frames, length), done)
    else wire.writeAll(frames, done)
  }
}
