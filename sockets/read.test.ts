import { once } from 'node:events'
import { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { all, SocketPairs, turn } from '../test/helpers/socket-pair.ts'
import { handleOf } from './handle.ts'
import { PIECE_BYTES, piece, readFrom, takeOver } from './read.ts'

const pairs = new SocketPairs()
afterEach(() => pairs.end())

const long = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))

describe('what comes by the handle', () => {
  test('is read into the one piece, does not go through the stream, and is not written over by what comes next', async () => {
    const { accepted, connected } = await pairs.open({ paused: false })
    const chunks: Buffer[] = []
    readFrom(handleOf(accepted)!, (chunk) => chunks.push(chunk))
    for (const word of ['one ', 'two ', 'three']) {
      const before = chunks.length
      connected.write(word)
      await expect.poll(() => chunks.length).toBe(before + 1)
      expect(String(piece.subarray(0, word.length))).toBe(word)
    }
    expect(chunks.map(String)).toEqual(['one ', 'two ', 'three'])
    expect({ inStream: accepted.readableLength, listeners: accepted.listenerCount('data') }).toEqual({
      inStream: 0,
      listeners: 0,
    })
  })

  test('comes whole, at most a piece at a time; the end is the socket’s', async () => {
    const { accepted, connected } = await pairs.open({ paused: false })
    const chunks: Buffer[] = []
    readFrom(handleOf(accepted)!, (chunk) => chunks.push(chunk))
    connected.end(long)
    await once(accepted, 'end')
    expect(Buffer.concat(chunks).equals(long)).toBe(true)
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(PIECE_BYTES)
  })

  test('may be an error, which is the socket’s', async () => {
    const { accepted, connected } = await pairs.open({ paused: false })
    readFrom(handleOf(accepted)!, () => expect.unreachable())
    connected.resetAndDestroy()
    const [error] = (await once(accepted, 'error')) as [Error]
    expect(error.message).toBe('read ECONNRESET')
  })
})

describe('an accepted socket that is taken over', () => {
  test('is another one for the same connection, which reads into a buffer and can be paused; the first one’s end closes nothing', async () => {
    const { accepted, connected } = await pairs.open({ paused: false })
    let text = ''
    const buffer = Buffer.alloc(64)
    const callback = (bytes: number) => {
      text += buffer.toString('latin1', 0, bytes)
      return true
    }
    const socket = takeOver(accepted, { buffer, callback })!
    expect(socket).toBeInstanceOf(Socket)
    expect(handleOf(socket)).toBeDefined()
    await once(accepted, 'close')
    connected.write('one ')
    await expect.poll(() => text).toBe('one ')
    socket.pause()
    connected.write('two')
    for (let turns = 0; turns < 20; turns++) await turn()
    expect(text).toBe('one ')
    socket.resume()
    await expect.poll(() => text).toBe('one two')
    connected.end()
    await once(socket, 'end')
    socket.end('its reply')
    expect(String(await all(connected))).toBe('its reply')
  })

  test('stays as it is where it has no handle', () => {
    const socket = new Socket()
    expect(takeOver(socket, { buffer: Buffer.alloc(64), callback: () => true })).toBeUndefined()
    expect(socket.destroyed).toBe(false)
  })
})
