import type { Socket } from 'node:net'
import { MOST_PAYLOAD } from './frames.ts'

/**
 * What leaves on one connection. While something is read, or for a turn of the loop, frames are gathered, so that the answers to what one
 * read brought, or headers, a message and trailers, leave in one write.
 */
export class Outbox {
  private readonly socket: Socket
  private holding = false
  private gathering: NodeJS.Immediate | undefined
  private frames: Buffer[] = []
  private afterwards: (() => void)[] = []

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Frames as they are; `done` is called when they have left. */
  send(bytes: Buffer, done?: () => void): void {
    if (!this.holding && !this.gathering) this.socket.write(bytes, done)
    else {
      this.frames.push(bytes)
      if (done) this.afterwards.push(done)
    }
  }

  /** Until `release`, everything is gathered. */
  hold(): void {
    this.holding = true
  }

  release(): void {
    this.holding = false
    this.flush()
  }

  /** What is sent from now on in this turn of the loop leaves in one write. */
  gather(): void {
    this.gathering ??= setImmediate(this.gathered)
  }

  flush(): void {
    const { frames, afterwards, socket } = this
    if (frames.length === 0) return
    this.frames = []
    this.afterwards = []
    const done =
      afterwards.length > 0
        ? () => {
            for (const one of afterwards) one()
          }
        : undefined
    if (frames.length === 1) socket.write(frames[0]!, done)
    else if (frames.reduce((sum, { length }) => sum + length, 0) <= MOST_PAYLOAD)
      socket.write(Buffer.concat(frames), done)
    else {
      socket.cork()
      for (const [index, bytes] of frames.entries()) socket.write(bytes, index === frames.length - 1 ? done : undefined)
      socket.uncork()
    }
  }

  private readonly gathered = (): void => {
    this.gathering = undefined
    this.flush()
  }
}
