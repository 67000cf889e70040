import { once } from 'node:events'
import { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { all, MUCH, SocketPairs, turn } from '../../test/helpers/socket-pair.ts'
import { DirectWriter } from './direct-write.ts'

const pairs = new SocketPairs()
afterEach(() => pairs.end())

/** Two ends of a connection; nothing is read at `far` before somebody asks for it, and nothing at `near`. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const { connected, accepted } = await pairs.open()
  return { near: connected, far: accepted }
}

describe('what is written past the stream', () => {
  it('is with the kernel at once where there is room, one piece or several', async () => {
    const { near, far } = await pair()
    let done = 0
    const writer = new DirectWriter(near, () => done++)
    expect(writer.write(Buffer.from('one '))).toBe(true)
    expect(writer.writeAll([Buffer.from('two '), Buffer.alloc(0), Buffer.from('three')], 9)).toBe(true)
    expect({ pending: writer.pending, done, inStream: near.writableLength }).toEqual({
      pending: 0,
      done: 0,
      inStream: 0,
    })
    near.end()
    expect(String(await all(far))).toBe('one two three')
  })

  it('keeps its order with what the stream writes while the peer does not read, and says when it is gone', async () => {
    const { near, far } = await pair()
    let done = 0
    const writer = new DirectWriter(near, () => done++)
    expect(writer.writeAll([MUCH, Buffer.from('!')], MUCH.length + 1)).toBe(true)
    expect(writer.pending).toBe(MUCH.length + 1)
    expect(writer.write(Buffer.from('x'))).toBe(false)
    near.end('then the stream')
    expect(done).toBe(0)
    const came = await all(far)
    expect(came.length).toBe(MUCH.length + 16)
    expect(came.subarray(0, MUCH.length).equals(MUCH)).toBe(true)
    expect(String(came.subarray(MUCH.length))).toBe('!then the stream')
    expect({ pending: writer.pending, done }).toEqual({ pending: 0, done: 1 })
  })

  it('tells the socket of an error: at once, or of a write that was pending', async () => {
    for (const bytes of [Buffer.from('x'), MUCH]) {
      const { near, far } = await pair()
      const errors: Error[] = []
      near.on('error', (error) => errors.push(error))
      const writer = new DirectWriter(near, () => expect.unreachable())
      const closed = new Promise((resolve) => near.once('close', resolve))
      if (bytes === MUCH) writer.write(bytes)
      far.resetAndDestroy()
      // The first write after the reset may come before it; a later one fails.
      while (!near.destroyed && writer.write(Buffer.from('x'))) await turn()
      await closed
      expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/^write E(CONNRESET|PIPE)$/)])
    }
  })

  it('is dropped with the socket, and nobody is told that it is gone', async () => {
    const { near } = await pair()
    const writer = new DirectWriter(near, () => expect.unreachable())
    writer.write(MUCH)
    near.destroy()
    await once(near, 'close')
    await turn()
    expect(writer.pending).toBe(0)
    expect(writer.write(Buffer.from('x'))).toBe(false)
  })

  it('is nothing for a socket without a handle', () => {
    expect(new DirectWriter(new Socket(), () => undefined).write(Buffer.from('x'))).toBe(false)
  })
})
