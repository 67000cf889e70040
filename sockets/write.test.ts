import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { all, MUCH, SocketPairs, turn } from '../test/helpers/socket-pair.ts'
import { binding, handleOf } from './handle.ts'
import { TAKEN, WAITS, type Writer, write, writeAll, writeError } from './write.ts'

const pairs = new SocketPairs()
afterEach(() => pairs.end())

class Told implements Writer {
  readonly statuses: number[] = []

  taken(status: number): void {
    this.statuses.push(status)
  }
}

const nobody: Writer = { taken: () => expect.unreachable() }

describe('this Node', () => {
  test('says whether the kernel took a write at once, and the request of one it took serves again', async () => {
    const { connected, accepted } = await pairs.open()
    const handle = handleOf(connected)!
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = binding!
    const request = new WriteWrap()
    for (const word of ['one ', 'two ', 'three ']) {
      streamBaseState[kLastWriteWasAsync] = 1
      expect(handle.writeBuffer(request, Buffer.from(word))).toBe(0)
      expect(streamBaseState[kLastWriteWasAsync]).toBe(0)
    }
    const complete = new Promise((resolve) => {
      request.oncomplete = resolve
    })
    expect(handle.writev(request, [MUCH, Buffer.from(' last')], true)).toBe(0)
    expect(streamBaseState[kLastWriteWasAsync]).toBe(1)
    const came = all(accepted)
    expect(await complete).toBe(0)
    connected.end()
    const bytes = await came
    expect(String(bytes.subarray(0, 14))).toBe('one two three ')
    expect(bytes.subarray(14, 14 + MUCH.length).equals(MUCH)).toBe(true)
    expect(String(bytes.subarray(14 + MUCH.length))).toBe(' last')
  })

  test('has names for the errors of the kernel', () => {
    expect(writeError(-32).message).toBe('write EPIPE')
  })
})

describe('a write', () => {
  test('is with the kernel at once where there is room, one piece or several, and none waits in the socket', async () => {
    const { connected, accepted } = await pairs.open()
    const handle = handleOf(connected)!
    expect(write(handle, Buffer.from('one '), nobody)).toBe(TAKEN)
    expect(writeAll(handle, [Buffer.from('two '), Buffer.alloc(0), Buffer.from('three')], nobody)).toBe(TAKEN)
    expect({ inStream: connected.writableLength, written: connected.bytesWritten }).toEqual({
      inStream: 0,
      written: 13,
    })
    connected.end()
    expect(String(await all(accepted))).toBe('one two three')
  })

  test.each([1, 2])(
    'of %d pieces waits while the peer does not read; then its writer is told, and what the socket wrote follows',
    async (count) => {
      const { connected, accepted } = await pairs.open()
      const handle = handleOf(connected)!
      const told = new Told()
      expect(count === 1 ? write(handle, MUCH, told) : writeAll(handle, [MUCH, MUCH], told)).toBe(WAITS)
      connected.end('then the stream')
      await turn()
      expect(told.statuses).toEqual([])
      const came = await all(accepted)
      expect(told.statuses).toEqual([0])
      expect(came.subarray(0, MUCH.length).equals(MUCH)).toBe(true)
      expect(String(came.subarray(count * MUCH.length))).toBe('then the stream')
    },
  )

  test('whose peer is gone fails with a negative errno: at once, or while it waits', async () => {
    for (const first of [Buffer.from('x'), MUCH]) {
      const { connected, accepted } = await pairs.open()
      const handle = handleOf(connected)!
      const told = new Told()
      let status = write(handle, first, told)
      expect(status).toBe(first === MUCH ? WAITS : TAKEN)
      accepted.resetAndDestroy()
      // The first write after the reset may come before it; a later one fails.
      while (status === TAKEN) {
        await turn()
        status = write(handle, Buffer.from('x'), told)
      }
      if (status === WAITS) {
        await expect.poll(() => told.statuses.length).toBe(1)
        status = told.statuses[0]!
      }
      expect(writeError(status).message).toMatch(/^write E(CONNRESET|PIPE)$/)
    }
  })

  test('that waits is told to have failed when its socket is destroyed', async () => {
    const { connected } = await pairs.open()
    const told = new Told()
    expect(write(handleOf(connected)!, MUCH, told)).toBe(WAITS)
    connected.destroy()
    await once(connected, 'close')
    expect(told.statuses).toEqual([expect.any(Number)])
    expect(told.statuses[0]).toBeLessThan(0)
  })
})
