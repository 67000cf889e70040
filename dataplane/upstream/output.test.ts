import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Output } from './output.ts'

/** A socket of whose bytes the kernel takes none; it tells of its emptiness as Node does: only after it was full. */
class Unread extends EventEmitter {
  readonly writable = true
  readonly writableHighWaterMark = 16_384
  writableLength = 0

  write(bytes: Uint8Array): boolean {
    this.writableLength += bytes.length
    return this.writableLength < this.writableHighWaterMark
  }
}

it('holds a peer only while its socket will tell that it is empty again, however small the limit', () => {
  const socket = new Unread()
  const heard: string[] = []
  const owner = {
    onBlocked: (waiting: number) => heard.push(`${waiting} wait`),
    onUnblocked: () => heard.push('empty'),
  }
  const out = new Output(socket as unknown as Socket, owner, 1024, true)
  const send = (bytes: number) => {
    out.push(new Uint8Array(bytes), 0, bytes)
    out.flush()
  }
  send(5000)
  expect({ heard, blocked: out.blocked }).toEqual({ heard: [], blocked: false })
  send(12_000)
  expect({ heard, blocked: out.blocked }).toEqual({ heard: ['17000 wait'], blocked: true })
  socket.writableLength = 0
  socket.emit('drain')
  expect({ heard, blocked: out.blocked }).toEqual({ heard: ['17000 wait', 'empty'], blocked: false })
})
