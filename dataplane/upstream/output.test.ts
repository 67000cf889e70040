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

it.each([
  ['none', [], 'abcdefghij'],
  ['the first', [[0, 2]], 'cdefghij'],
  ['one in the middle', [[4, 6]], 'abcdghij'],
  ['the last', [[8, 10]], 'abcdefgh'],
  [
    'two beside one another',
    [
      [4, 6],
      [2, 4],
    ],
    'abghij',
  ],
  [
    'two that others lie between',
    [
      [2, 4],
      [6, 8],
    ],
    'abefij',
  ],
  [
    'two, the later first',
    [
      [6, 8],
      [2, 4],
    ],
    'abefij',
  ],
  [
    'all',
    [
      [2, 4],
      [0, 2],
      [8, 10],
      [4, 6],
      [6, 8],
    ],
    '',
  ],
] as const)(
  'what is taken back before a socket is connected is not written, the others are in order: %s',
  (_, taken, left) => {
    const sent: Buffer[] = []
    const socket = Object.assign(new Unread(), {
      write: (bytes: Uint8Array) => {
        sent.push(Buffer.from(bytes))
        return true
      },
    })
    const owner = { onBlocked: () => undefined, onUnblocked: () => undefined }
    const out = new Output(socket as unknown as Socket, owner, 1024, false)
    const [chunk, other] = [new Uint8Array(Buffer.from('abcdefghij')), new Uint8Array(Buffer.from('..XY'))]
    for (let at = 0; at < 10; at += 2) out.push(chunk, at, at + 2)
    out.push(other, 2, 4)
    for (const [start, end] of taken) expect(out.withdraw(chunk, start, end)).toBe(true)
    for (const [start, end] of taken) expect(out.withdraw(chunk, start, end)).toBe(false)
    expect(out.queued).toBe(left.length + 2)
    out.release()
    out.flush()
    expect(String(Buffer.concat(sent))).toBe(`${left}XY`)
    expect(out.withdraw(other, 2, 4)).toBe(false)
  },
)

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
