import { once } from 'node:events'
import { type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  ask,
  calls,
  data,
  hello,
  offline,
  onOpened,
  port,
  REQUEST,
  rawClient,
  setUp,
  tearDown,
  until,
} from './fixture.ts'
import { ERROR, FLAG, FRAME, frame, headerFrames, numberFrame, settingsFrame } from './frames.ts'
import { writeHeaders } from './hpack.ts'

beforeEach(setUp)
afterEach(tearDown)

describe('a call', () => {
  test('request and response of a client of Node: headers, bytes both ways, trailers', async () => {
    onOpened(({ call }) => {
      call.respond([
        [':status', '200'],
        ['x-long', 'v'.repeat(20_000)],
      ])
      call.write(Buffer.from('answer'))
      call.end([['grpc-status', '0']])
    })
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
    onOpened(({ call }) => {
      call.respond([[':status', '200']])
      for (const part of [sent.subarray(0, 10), sent.subarray(10, 200_000), sent.subarray(200_000)])
        call.write(part, () => left++)
      call.end([])
    })
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
        calls.length = 0
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
