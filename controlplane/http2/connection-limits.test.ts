import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  ask,
  calls,
  connections,
  data,
  hello,
  offline,
  onOpened,
  REQUEST,
  rawClient,
  setUp,
  silentReader,
  tearDown,
  until,
} from './fixture.ts'
import { ERROR, FLAG, FRAME, frame, numberFrame, settingsFrame } from './frames.ts'

beforeEach(setUp)
afterEach(tearDown)

describe('a client that does not end its half', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  const resets = (client: Awaited<ReturnType<typeof rawClient>>) =>
    client.of(FRAME.rstStream).map(({ payload }) => payload.readUInt32BE(0))

  test('is cut 5 s after it was sent everything, in peace', async () => {
    const client = await rawClient()
    await client.say(hello(), ask())
    calls[0]!.call.respondOnly([[':status', '200']])
    await client.say(data('unheard'))
    vi.advanceTimersByTime(4999)
    await client.say()
    expect(resets(client)).toEqual([])
    vi.advanceTimersByTime(1)
    await client.say()
    expect(resets(client)).toEqual([ERROR.none])
    expect(calls[0]).toMatchObject({ chunks: [], closed: ERROR.none })
  })

  test('is not cut before it has what came before the end, if it reads at all', async () => {
    const client = await rawClient()
    await client.say(hello(3), ask(), ask(3))
    for (const { call } of calls) {
      call.respond([[':status', '200']])
      call.write(Buffer.from('abcdef'))
      call.end([['grpc-status', '8']])
    }
    vi.advanceTimersByTime(20_000)
    await client.say(numberFrame(FRAME.windowUpdate, 1, 100))
    vi.advanceTimersByTime(4999)
    await client.say()
    expect(resets(client)).toEqual([])
    vi.advanceTimersByTime(1)
    await client.say()
    expect(resets(client)).toEqual([ERROR.none])
    vi.advanceTimersByTime(5000)
    await client.say()
    expect(resets(client)).toEqual([ERROR.none, ERROR.cancel])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('limits', () => {
  test('calls above the limit are refused, and others go on', async () => {
    const client = await rawClient()
    await client.say(hello(), ...Array.from({ length: 12 }, (_, index) => ask(index * 2 + 1)))
    expect(calls).toHaveLength(10)
    expect(client.of(FRAME.rstStream).map(({ stream, payload }) => [stream, payload.readUInt32BE(0)])).toEqual([
      [21, ERROR.refusedStream],
      [23, ERROR.refusedStream],
    ])
  })

  test.each([
    ['calls that are opened and reset', () => [ask(), numberFrame(FRAME.rstStream, 1, 8)], true],
    ['pings', () => [frame(FRAME.ping, 0, 0, Buffer.alloc(8))], false],
    ['settings', () => [settingsFrame([])], false],
    ['empty frames', () => [data('')], false],
    ['priorities', () => [frame(FRAME.priority, 0, 1, Buffer.alloc(5))], false],
    ['frames of no known type', () => [frame(99, 0, 0, Buffer.alloc(0))], false],
  ])('%s without end are stopped', async (_what, one, counting) => {
    const client = await rawClient()
    client.socket.write(hello())
    client.socket.write(ask())
    for (let stream = 3; !client.closed && stream < 100_000; stream += 2) {
      const parts = one()
      for (const part of parts) {
        if (counting) part.writeUInt32BE(stream, 5)
        client.socket.write(part)
      }
      if (stream % 1001 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => client.closed)
    const goaway = client.of(FRAME.goaway)[0]
    if (goaway) expect(goaway.payload.readUInt32BE(4)).toBe(ERROR.enhanceYourCalm)
  })

  test.each([
    ['calls that are too many', (stream: number) => frame(FRAME.headers, FLAG.endHeaders, stream, REQUEST)],
    ['calls that are none', (stream: number) => frame(FRAME.headers, FLAG.endHeaders, stream, Buffer.of(0x83))],
    ['calls that are answered at once', (stream: number) => frame(FRAME.headers, 5, stream, REQUEST), true],
  ])('a client that goes on with %s and reads no answer is cut', async (_what, one, answers = false) => {
    if (answers) onOpened(({ call }) => call.respondOnly([[':status', '404']]))
    const { arrive, socket } = silentReader()
    arrive(hello())
    for (let stream = 1; stream < 10_000 && !socket.destroyed; stream += 2) arrive(one(stream))
    expect(socket.destroyed).toBe(true)
  })

  test('a client that opens its window by a byte at a time gets each byte, unless it does not read them', async () => {
    const drop = (arrive: (...parts: Buffer[]) => void) => arrive(numberFrame(FRAME.windowUpdate, 1, 1))
    for (const [reads, { arrive, socket }] of [[true, offline()] as const, [false, silentReader()] as const]) {
      arrive(hello(0), ask())
      calls.at(-1)!.call.respond([[':status', '200']])
      calls.at(-1)!.call.write(Buffer.alloc(5000))
      for (let index = 0; index < 3000 && !socket.destroyed; index++) {
        drop(arrive)
        if (reads) await new Promise((resolve) => setImmediate(resolve))
      }
      expect(socket.destroyed).toBe(!reads)
    }
  })

  test('a window that one frame sets a thousand times counts as the last of them', () => {
    const { writes, arrive } = offline()
    arrive(hello(0), ask())
    calls[0]!.call.write(Buffer.alloc(3000))
    writes.length = 0
    arrive(settingsFrame(Array.from({ length: 2000 }, (_, index) => [4, index + 1] as const)))
    expect(Buffer.concat(writes).readUIntBE(0, 3)).toBe(2000)
  })

  test('a header block that goes on without end is stopped', async () => {
    const client = await rawClient()
    const start = frame(FRAME.headers, 0, 1, REQUEST)
    const more = Array.from({ length: 6 }, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(16_000)))
    await client.say(hello(), start, ...more)
    expect(client.of(FRAME.goaway)[0]!.payload.readUInt32BE(4)).toBe(ERROR.enhanceYourCalm)
  })

  test('a connection that says nothing is cut, and one that answers no ping', async () => {
    const silent = await rawClient()
    const talking = await rawClient()
    await talking.say(hello())
    for (const connection of connections) connection.tick(1000)
    await until(() => silent.closed)
    await until(() => talking.of(FRAME.ping).length === 2)
    talking.socket.write(frame(FRAME.ping, FLAG.ack, 0, talking.of(FRAME.ping)[1]!.payload))
    await talking.say()
    for (const now of [2000, 3000]) for (const connection of connections) connection.tick(now)
    expect(talking.closed).toBe(false)
    // Time in which this process stood still is not the client's: its answer may be there, unread.
    for (const connection of connections) connection.tick(9000, 5750)
    await talking.say()
    expect(talking.closed).toBe(false)
    for (const connection of connections) connection.tick(10_000)
    await until(() => talking.closed)
  })
})

test('a client that is told to go and does not read that is cut all the same', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const client = await rawClient()
    await client.say(hello(1_000_000), numberFrame(FRAME.windowUpdate, 0, 100_000_000), ask())
    client.socket.pause()
    const { call } = calls[0]!
    const { socket } = call.connection
    call.respond([[':status', '200']])
    for (let index = 0; index < 100; index++) {
      client.socket.write(numberFrame(FRAME.windowUpdate, 1, 1_000_000))
      call.write(Buffer.alloc(1_000_000))
    }
    // Handed over to the last byte, which is more than the kernel takes for a client that does not read.
    await until(() => call.connection.window < 1_000_000)
    call.connection.end(ERROR.protocol, 'go')
    expect(call.closed).toBe(true)
    vi.advanceTimersByTime(1999)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(socket.destroyed).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})
