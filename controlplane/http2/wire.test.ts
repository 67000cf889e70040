import { once } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { all, MUCH, SocketPairs, turn } from '../../test/helpers/socket-pair.ts'
import { Wire } from './wire.ts'

const pairs = new SocketPairs()
afterEach(() => pairs.end())

/** The server's end of a connection as a wire, what it read, and the client's end, which reads nothing before somebody asks for it. */
async function pair() {
  const { accepted: socket, connected: client } = await pairs.open({ paused: false })
  const chunks: Buffer[] = []
  return { client, socket, wire: new Wire(socket, (chunk) => chunks.push(chunk)), chunks }
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await turn()
}

describe('what comes', () => {
  test('does not go through the stream, and is not written over by what comes next', async () => {
    const ends = [await pair(), await pair()]
    for (const word of ['one ', 'two ', 'three'])
      for (const [index, { client, chunks }] of ends.entries()) {
        const before = chunks.length
        client.write(`${index}${word}`)
        await until(() => chunks.length > before)
      }
    expect(ends.map(({ chunks }) => String(Buffer.concat(chunks)))).toEqual(['0one 0two 0three', '1one 1two 1three'])
    expect(ends.map(({ socket }) => socket.listenerCount('data'))).toEqual([0, 0])
  })

  test('comes whole, however much it is, and then the end', async () => {
    const { client, socket, chunks } = await pair()
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
    client.end(bytes)
    await once(socket, 'end')
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
    client.resume()
    socket.end()
    await once(socket, 'close')
  })

  test('of a stream without a handle, as one of TLS, is what the stream says', async () => {
    const stream = new PassThrough()
    const chunks: string[] = []
    const wire = new Wire(stream as unknown as Socket, (chunk) => chunks.push(String(chunk)))
    let left = 0
    wire.write(Buffer.from('one '), () => left++)
    wire.writeAll([Buffer.from('two '), Buffer.from('three')], () => left++)
    expect(left).toBe(0)
    await until(() => left === 2)
    expect(chunks.join('')).toBe('one two three')
  })
})

describe('what goes', () => {
  test('is with the kernel at once where there is room; who wrote it is told later', async () => {
    const { client, socket, wire } = await pair()
    const told: string[] = []
    wire.write(Buffer.from('one '), () => told.push('one'))
    wire.writeAll([Buffer.from('two '), Buffer.alloc(0), Buffer.from('three')], () => told.push('three'))
    expect({ told, inStream: socket.writableLength, written: socket.bytesWritten }).toEqual({
      told: [],
      inStream: 0,
      written: 13,
    })
    await turn()
    expect(told).toEqual(['one', 'three'])
    socket.end()
    expect(String(await all(client))).toBe('one two three')
  })

  test('keeps its order while the client does not read, whoever writes it', async () => {
    const { client, socket, wire } = await pair()
    const told: number[] = []
    for (let part = 0; part < 4; part++) wire.write(part === 0 ? MUCH : Buffer.from(`|${part}`), () => told.push(part))
    wire.writeAll([Buffer.from('|4'), MUCH], () => told.push(4))
    socket.write('|5')
    wire.write(Buffer.from('|6'), () => told.push(6))
    await turn()
    expect(told).toEqual([])
    const came = all(client)
    await until(() => told.length === 6)
    wire.write(Buffer.from('|7'))
    socket.end()
    const bytes = await came
    expect(told).toEqual([0, 1, 2, 3, 4, 6])
    expect(String(bytes.subarray(MUCH.length, MUCH.length + 8))).toBe('|1|2|3|4')
    expect(String(bytes.subarray(2 * MUCH.length + 8))).toBe('|5|6|7')
  })

  test('is the error of the socket when the client is gone: at once, or while it waits', async () => {
    for (const bytes of [Buffer.from('x'), MUCH]) {
      const { client, socket, wire } = await pair()
      const errors: Error[] = []
      socket.on('error', (error) => errors.push(error))
      const closed = new Promise((resolve) => socket.once('close', resolve))
      let told = 0
      let written = 0
      const write = (what: Buffer) => {
        written++
        wire.write(what, () => told++)
      }
      if (bytes === MUCH) write(bytes)
      client.resetAndDestroy()
      // The first write after the reset may come before it; a later one fails.
      while (!socket.destroyed) {
        write(Buffer.from('x'))
        await turn()
      }
      await closed
      await turn()
      expect(told).toBe(written)
      expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/^(write|read) E(CONNRESET|PIPE)$/)])
    }
  })

  test('waits no longer when the socket is destroyed', async () => {
    const { socket, wire } = await pair()
    let told = 0
    wire.write(MUCH, () => told++)
    socket.destroy()
    await until(() => told > 0)
    expect(told).toBe(1)
  })
})
