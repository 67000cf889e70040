import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import fc from 'fast-check'
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

/** A socket that takes some writes at once; of others it reads the bytes when it is empty again, as the kernel does. */
class Sometimes extends EventEmitter {
  writable = true
  writableEnded = false
  readonly writableHighWaterMark = 16_384
  writableLength = 0
  readonly sent: Uint8Array[] = []
  takes = true

  write(bytes: Uint8Array): boolean {
    this.sent.push(this.takes ? Buffer.from(bytes) : bytes)
    if (!this.takes) this.writableLength += bytes.length
    return this.takes
  }
  empty(): void {
    this.sent.forEach((bytes, i) => {
      this.sent[i] = Buffer.from(bytes)
    })
    this.writableLength = 0
    this.emit('drain')
  }
  cork(): void {}
  uncork(): void {}
  end(): void {
    this.writableEnded = true
  }
}
const nobody = { onBlocked: () => undefined, onUnblocked: () => undefined }

it('whatever is pushed, in pieces of any size, to whom, and however much the kernel takes: all bytes go out, in order', () => {
  const piece = fc.record({
    bytes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2000, max: 5000 })),
    /** It lies behind the last piece in one chunk. */
    behind: fc.boolean(),
    flush: fc.boolean(),
    takes: fc.boolean(),
    to: fc.constantFrom(0, 1),
  })
  const memory = Uint8Array.from({ length: 1 << 18 }, (_, i) => (i * 31) >> 3)
  const other = memory.slice()
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.boolean(), (pieces, open) => {
      const both = [0, 1].map(() => {
        const socket = new Sometimes()
        return {
          socket,
          out: new Output(socket as unknown as Socket, nobody, 1024, open),
          wanted: [] as Uint8Array[],
          total: 0,
          flushed: 0,
        }
      })
      let at = 0
      pieces.forEach(({ bytes, behind, flush, takes, to }, i) => {
        const one = both[to]!
        const { socket, out } = one
        socket.takes = takes
        if (!behind) at += 7
        out.push(behind || i % 4 > 0 ? memory : other, at, at + bytes)
        one.wanted.push(memory.slice(at, at + bytes))
        at += bytes
        one.total += bytes
        expect(out.queued).toBe(one.total - one.flushed)
        expect(out.waiting).toBe(out.queued + socket.writableLength)
        if (!flush || !open) return
        out.flush()
        one.flushed = one.total
        expect([out.queued, out.written]).toEqual([0, one.total])
        if (takes) socket.empty()
      })
      for (const { socket, out, wanted, total } of both) {
        if (!open) {
          expect(socket.sent).toEqual([])
          out.release()
        }
        out.flush()
        expect(Buffer.concat(socket.sent).equals(Buffer.concat(wanted))).toBe(true)
        expect(out.written).toBe(total)
      }
    }),
    { numRuns: 60 },
  )
})

it('what is pushed goes out by itself with the end of the turn, in one write, and again in later turns', async () => {
  const socket = new Sometimes()
  const out = new Output(socket as unknown as Socket, nobody, 1024, false)
  const bytes = new Uint8Array(Buffer.from('abcdef'))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  out.push(bytes, 0, 1)
  await turn()
  expect(socket.sent).toEqual([])
  out.release()
  await turn()
  out.push(bytes, 1, 2)
  out.push(bytes, 3, 4)
  expect(socket.sent).toHaveLength(1)
  await turn()
  out.push(bytes, 4, 6)
  await turn()
  expect(socket.sent.map(String)).toEqual(['a', 'bd', 'ef'])
  out.end()
  await turn()
  expect(socket.writableEnded).toBe(true)
})

it('an end goes out behind what is queued: once, and not before there is a connection', () => {
  for (const open of [true, false]) {
    const socket = new Sometimes()
    const out = new Output(socket as unknown as Socket, nobody, 1024, open)
    out.push(new Uint8Array(Buffer.from('bye')), 0, 3)
    out.end()
    out.end()
    expect([socket.sent, socket.writableEnded]).toEqual([[], false])
    if (!open) out.release()
    out.flush()
    expect([String(Buffer.concat(socket.sent)), socket.writableEnded]).toEqual(['bye', true])
  }
})

it('a socket that is gone gets nothing, and what it did not get is not kept', () => {
  const socket = new Sometimes()
  const out = new Output(socket as unknown as Socket, nobody, 1024, true)
  socket.writable = false
  out.push(new Uint8Array(9), 0, 9)
  out.flush()
  expect([socket.sent, out.queued, out.blocked]).toEqual([[], 0, false])
})
