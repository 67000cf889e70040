import { once } from 'node:events'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { testFolder } from '../test/helpers/folders.ts'
import { SocketPairs } from '../test/helpers/socket-pair.ts'
import { binding, findBinding, handleOf, hasHandle } from './handle.ts'

const pairs = new SocketPairs()
afterEach(() => pairs.end())

describe('this Node', () => {
  test('gives away what its own sockets read and write with', () => {
    expect(binding).toEqual({
      WriteWrap: expect.any(Function),
      streamBaseState: expect.any(Int32Array),
      kReadBytesOrError: expect.any(Number),
      kLastWriteWasAsync: expect.any(Number),
    })
  })

  test.each([undefined, join(testFolder('sockets'), 'socket')])(
    'reads and writes both ends of a connection by handles that take a buffer and whole writes (%s)',
    async (path) => {
      const { accepted, connected } = await pairs.open(path === undefined ? {} : { path })
      for (const socket of [accepted, connected]) {
        expect(handleOf(socket)).toMatchObject({
          onread: expect.any(Function),
          useUserBuffer: expect.any(Function),
          writeBuffer: expect.any(Function),
          writev: expect.any(Function),
        })
      }
    },
  )

  test('says of a socket that it is one of TLS, and that has no handle for us', async () => {
    const { connected } = await pairs.open()
    const secure = new TLSSocket(connected)
    expect(secure.encrypted).toBe(true)
    expect(handleOf(secure)).toBeUndefined()
    secure.destroy()
  })

  test('takes the handle from a socket that is closed, and has none for one that was never connected', async () => {
    const { connected } = await pairs.open()
    const handle = handleOf(connected)!
    expect(hasHandle(connected, handle)).toBe(true)
    connected.destroy()
    expect(handleOf(connected)).toBeUndefined()
    expect(hasHandle(connected, handle)).toBe(false)
    await once(connected, 'close')
    expect(handleOf(new Socket())).toBeUndefined()
  })
})

test('a Node that gives away less, or throws, gives no handle', () => {
  const { WriteWrap, streamBaseState, kReadBytesOrError } = binding!
  const incomplete = { WriteWrap, streamBaseState, kReadBytesOrError }
  const throws = () => {
    throw new Error('no such thing')
  }
  for (const from of [{}, { binding: () => ({}) }, { binding: () => incomplete }, { binding: throws }])
    expect(findBinding(from)).toBeUndefined()
  const whole = { ...incomplete, kLastWriteWasAsync: 3 }
  expect(findBinding({ binding: () => whole })).toEqual(whole)
  expect(findBinding({ binding: () => ({ ...whole, streamBaseState: [0, 0, 0, 0] }) })).toBeUndefined()
})
