import { once } from 'node:events'
import { type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Call } from './call.ts'
import { Connection } from './connection.ts'
import { ERROR, FLAG, FRAME, frame, headerFrames, numberFrame, PREFACE, settingsFrame } from './frames.ts'
import type { RequestHeaders } from './header-rules.ts'
import { writeHeaders } from './hpack.ts'

/** What the server saw of a call. */
interface Seen {
  readonly call: Call
  readonly headers: RequestHeaders
  readonly chunks: string[]
  ended: boolean
  closed: number | undefined
}

let server: Server
let port: number
let connections: Connection[]
let calls: Seen[]
let opened: (seen: Seen) => void

beforeEach(async () => {
  connections = []
  calls = []
  opened = () => {}
  server = createServer((socket) => {
    connections.push(serve(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(() => {
  for (const { socket } of connections) socket.destroy()
  server.close()
})

function serve(socket: Socket): Connection {
  socket.on('error', () => {})
  const limits = { calls: 10, prefaceMs: 1000, keepaliveMs: 1000, keepaliveTimeoutMs: 1000 }
  const open = (call: Call, headers: RequestHeaders) => {
    const seen: Seen = { call, headers, chunks: [], ended: false, closed: undefined }
    calls.push(seen)
    opened(seen)
    return {
      data: (chunk: Buffer) => {
        seen.chunks.push(chunk.toString('latin1'))
      },
      end: () => {
        seen.ended = true
      },
      closed: (code: number) => {
        seen.closed = code
      },
    }
  }
  return new Connection(socket, { ...limits, open, closed: () => {} }, 0)
}

/** A connection without a network: the test says what arrives, and sees each write. */
function offline() {
  const writes: Buffer[] = []
  const stream = new Duplex({
    read() {},
    write(bytes: Buffer, _, done) {
      writes.push(bytes)
      done()
    },
  })
  const socket = Object.assign(stream, {
    setNoDelay: () => {},
    destroySoon: () => stream.destroy(),
  }) as unknown as Socket
  connections.push(serve(socket))
  return { socket, writes, arrive: (...parts: Buffer[]) => socket.emit('data', Buffer.concat(parts)) }
}

/** The same of a client that reads nothing: what is written waits. */
function silentReader() {
  const stream = new Duplex({ read() {}, write() {} })
  const socket = Object.assign(stream, {
    setNoDelay: () => {},
    destroySoon: () => stream.destroy(),
  }) as unknown as Socket
  connections.push(serve(socket))
  return { socket, arrive: (...parts: Buffer[]) => socket.emit('data', Buffer.concat(parts)) }
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve))
}

const REQUEST = writeHeaders([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/service/method'],
])
const data = (text: string, flags = 0, stream = 1) => frame(FRAME.data, flags, stream, Buffer.from(text))
const hello = (initialWindow = 65_535) => Buffer.concat([PREFACE, settingsFrame([[4, initialWindow]])])
const ask = (stream = 1) => headerFrames(stream, REQUEST, 0)

interface Came {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** A client of bytes: what it sends is what a test says, and it acknowledges nothing by itself. */
async function rawClient() {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let bytes = Buffer.alloc(0)
  const came: Came[] = []
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3)
      came.push({ type: bytes[3]!, flags: bytes[4]!, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) })
      bytes = bytes.subarray(end)
    }
  })
  await once(socket, 'connect')
  return {
    socket,
    came,
    of: (type: number) => came.filter((one) => one.type === type),
    get closed() {
      return closed
    },
    /** Sends, and waits until the server has read it all. */
    async say(...parts: Buffer[]): Promise<void> {
      const before = came.filter(({ type }) => type === FRAME.ping).length
      socket.write(Buffer.concat([...parts, frame(FRAME.ping, 0, 0, Buffer.from('answered'))]))
      await until(() => closed || came.filter(({ type }) => type === FRAME.ping).length > before)
    },
  }
}

describe('a call', () => {
  test('request and response of a client of Node: headers, bytes both ways, trailers', async () => {
    opened = ({ call }) => {
      call.respond([
        [':status', '200'],
        ['x-long', 'v'.repeat(20_000)],
      ])
      call.write(Buffer.from('answer'))
      call.end([['grpc-status', '0']])
    }
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = client.request({ ':method': 'POST', ':path': '/service/method', 'x-own': ['a', 'b'] })
    const text: string[] = []
    stream.on('data', (chunk) => text.push(String(chunk)))
    const trailers = once(stream, 'trailers')
    const [headers] = await once(stream, 'response')
    stream.end('request')
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' })
    await until(() => calls[0]!.closed !== undefined)
    expect(headers).toMatchObject({ ':status': 200, 'x-long': 'v'.repeat(20_000) })
    expect(text.join('')).toBe('answer')
    expect(calls[0]!.headers).toMatchObject({ ':path': '/service/method', 'x-own': 'a, b' })
    expect(calls[0]!.closed).toBe(ERROR.none)
    client.destroy()
  })

  test('bytes larger than all windows arrive whole and in order, and are told when they have left', async () => {
    const sent = Buffer.from(Array.from({ length: 60_000 }, (_, index) => `${index},`).join(''))
    let left = 0
    opened = ({ call }) => {
      call.respond([[':status', '200']])
      for (const part of [sent.subarray(0, 10), sent.subarray(10, 200_000), sent.subarray(200_000)])
        call.write(part, () => left++)
      call.end([])
    }
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = client.request({ ':method': 'POST', ':path': '/' }) as ClientHttp2Stream
    stream.end()
    const parts: Buffer[] = []
    for await (const chunk of stream) parts.push(chunk as Buffer)
    expect(Buffer.concat(parts).equals(sent)).toBe(true)
    expect(left).toBe(3)
    client.destroy()
  })

  test('the same bytes to several connections are framed once', () => {
    const payload = Buffer.from('the same')
    const clients = [offline(), offline()]
    for (const client of clients) client.arrive(hello(), ask())
    for (const { call } of calls) call.write(payload)
    const [first, second] = clients.map(({ writes }) => writes.at(-1)!)
    expect(first).toBe(second)
    expect(first).toEqual(data('the same'))
  })

  test('an answer that is gathered leaves in one write', async () => {
    const { writes, arrive } = offline()
    arrive(hello(), ask())
    const { call } = calls[0]!
    writes.length = 0
    call.connection.gather()
    call.respond([[':status', '200']])
    call.write(Buffer.from('message'))
    call.end([['grpc-status', '0']])
    expect(writes).toEqual([])
    await until(() => writes.length > 0)
    const last = headerFrames(1, writeHeaders([['grpc-status', '0']]), FLAG.endStream)
    expect(writes).toEqual([
      Buffer.concat([headerFrames(1, writeHeaders([[':status', '200']]), 0), data('message'), last]),
    ])
  })

  test('while it is paused its client can send one window, no other call is held up, and then nothing is lost', async () => {
    const client = await rawClient()
    await client.say(hello(), ask(1), ask(3))
    calls[0]!.call.pause()
    const piece = 'x'.repeat(16_000)
    await client.say(...Array.from({ length: 4 }, () => data(piece)), data('other', FLAG.endStream, 3))
    expect(calls[0]!.chunks).toEqual([])
    expect(calls[1]).toMatchObject({ chunks: ['other'], ended: true })
    expect(client.of(FRAME.windowUpdate).filter(({ stream }) => stream === 1)).toEqual([])
    calls[0]!.call.resume()
    expect(calls[0]!.chunks.join('')).toBe(piece.repeat(4))
    await client.say(data('end', FLAG.endStream))
    expect(calls[0]).toMatchObject({ ended: true })
    expect(client.of(FRAME.windowUpdate).filter(({ stream }) => stream === 1)).not.toEqual([])
  })

  test('more than its window is an error of its own', async () => {
    const client = await rawClient()
    await client.say(hello(), ask(1), ask(3))
    calls[0]!.call.pause()
    await client.say(...Array.from({ length: 5 }, () => data('x'.repeat(16_000))), data('fine', 0, 3))
    expect(calls[0]!.closed).toBe(ERROR.flowControl)
    expect(calls[1]).toMatchObject({ chunks: ['fine'], closed: undefined })
  })

  test('a window that opens later lets the rest go', async () => {
    const client = await rawClient()
    await client.say(hello(0), ask())
    const { call } = calls[0]!
    call.respond([[':status', '200']])
    call.write(Buffer.from('abcdef'))
    call.end([])
    await client.say()
    expect(client.of(FRAME.data)).toEqual([])
    await client.say(numberFrame(FRAME.windowUpdate, 1, 2))
    await client.say(settingsFrame([[4, 3]]))
    expect(client.of(FRAME.data).map(({ payload }) => payload.toString())).toEqual(['ab', 'cde'])
    await client.say(numberFrame(FRAME.windowUpdate, 1, 100))
    expect(client.of(FRAME.data).map(({ payload }) => payload.toString())).toEqual(['ab', 'cde', 'f'])
    expect(client.of(FRAME.headers).at(-1)!.flags & FLAG.endStream).toBe(FLAG.endStream)
  })

  test('one that its client resets is closed with the reason, once; what comes late of one that we reset is passed over', async () => {
    const client = await rawClient()
    await client.say(hello(), ask(1), ask(3))
    await client.say(numberFrame(FRAME.rstStream, 1, constants.NGHTTP2_CANCEL))
    expect(calls[0]!.closed).toBe(ERROR.cancel)
    calls[1]!.call.reset(ERROR.internal)
    await client.say(data('late', 0, 3), headerFrames(3, writeHeaders([['x', 'y']]), FLAG.endStream), ask(5))
    expect(calls[1]).toMatchObject({ chunks: [], closed: ERROR.internal })
    expect(calls).toHaveLength(3)
    expect(client.closed).toBe(false)
  })

  test('all are closed when the connection goes', async () => {
    const client = await rawClient()
    await client.say(hello(), ask(1), ask(3))
    client.socket.destroy()
    await until(() => calls.every(({ closed }) => closed === ERROR.cancel))
  })
})

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
    if (answers) opened = ({ call }) => call.respondOnly([[':status', '404']])
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

test('a browser is told what the port is for', async () => {
  const client = connect(port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
  let text = ''
  for await (const chunk of client) text += String(chunk)
  expect(text).toContain('HTTP/1.1 400 Bad Request')
  expect(text).toContain('This port speaks gRPC')
})

describe('any bytes', () => {
  const conversation = Buffer.concat([
    hello(),
    ask(1),
    data('first'),
    ask(3),
    data('second', FLAG.endStream, 3),
    frame(FRAME.data, FLAG.padded, 1, Buffer.concat([Buffer.of(3), Buffer.from('padded'), Buffer.alloc(3)])),
    frame(FRAME.headers, 0, 5, REQUEST.subarray(0, 7)),
    frame(FRAME.continuation, FLAG.endHeaders, 5, REQUEST.subarray(7)),
    data('end', FLAG.endStream),
  ])
  const chunksOf = () => calls.map(({ chunks, ended }) => [chunks.join(''), ended])

  test('mean the same however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (cuts) => {
        calls = []
        const { socket, arrive } = offline()
        for (let at = 0, index = 0; at < conversation.length; index++) {
          const length = cuts[index % cuts.length]!
          arrive(conversation.subarray(at, at + length))
          at += length
        }
        socket.destroy()
        expect(chunksOf()).toEqual([
          ['firstpaddedend', true],
          ['second', true],
          ['', false],
        ])
      }),
      { numRuns: 60 },
    )
  })

  test('that are wrong end the connection or the call, nothing else', () => {
    const change = fc.record({ at: fc.nat(conversation.length - 1), byte: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.uint8Array(), (changes, rest) => {
        const bytes = Buffer.concat([conversation, rest])
        for (const { at, byte } of changes) bytes[at] = byte
        const { socket, arrive } = offline()
        arrive(bytes)
        socket.destroy()
      }),
      { numRuns: 300 },
    )
  })
})
