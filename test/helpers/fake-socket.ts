import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Intake } from '../../dataplane/framing/intake.ts'

/** As much of a socket as the proxy touches; what is written goes to `taken`. */
export class FakeSocket extends EventEmitter {
  writable = true
  writableEnded = false
  readonly writableLength = 0
  readonly writableHighWaterMark = 16_384
  taken: (bytes: Uint8Array) => void = () => undefined

  write(bytes: Uint8Array): boolean {
    if (this.writable) this.taken(bytes)
    return true
  }
  cork(): void {}
  uncork(): void {}
  pause(): this {
    return this
  }
  resume(): this {
    return this
  }
  end(): void {
    this.writableEnded = true
    this.destroy()
  }
  destroy(): void {
    if (!this.writable) return
    this.writable = false
    setImmediate(() => this.emit('close'))
  }
}

export const asSocket = (fake: FakeSocket) => fake as unknown as Socket

/** Bytes come in on the connection of an intake. */
export function arrive(intake: Intake, bytes: Uint8Array): void {
  intake.buffer.set(bytes)
  intake.callback(bytes.length)
}
