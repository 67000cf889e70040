import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import { protocolFile, shippedCodec } from '../../codecs/load.ts'
import { parseHex } from '../../codecs/tools/decode.ts'
import { parseVectors } from '../../codecs/tools/vectors.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, encode, endpoints, type GameFrame, Kind, onlyTo as to } from './game.ts'

/** What has broken other proxies, and is not a matter of one of our parts (README.md has the whole list). */

const bed = new Bed()
afterEach(() => bed.close())

/** A proxy of a shipped protocol that sends everything to an upstream, which answers each chunk of bytes. */
async function between(protocol: string, mode: ConnectionMode, answer: (chunk: Buffer) => Uint8Array) {
  const upstream = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => socket.write(answer(chunk)))
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  bed.defer(() => upstream.close())
  const local = (upstream.address() as { port: number }).port
  const proxy = await bed.proxy({
    version: '1',
    protocols: [{ name: protocol, shipped: protocol }],
    listeners: [{ name: 'l', address: { host: '127.0.0.1', port: 0 }, protocol, routes: 'r', mode }],
    routes: [
      { name: 'r', routes: [{ name: 'all', match: [], action: { destinations: [{ cluster: 'a', weight: 1 }] } }] },
    ],
    clusters: [{ name: 'a', localities: endpoints(local), balancer: { kind: 'roundRobin' } }],
  })
  return { proxy, port: (proxy.address('l') as { port: number }).port }
}

/** Where the message begins in a THeader frame, and where its own seqid stands. */
const messageAt = (frame: Buffer) => 14 + 4 * frame.readUInt16BE(12)
const seqidAt = (frame: Buffer) => messageAt(frame) + 8 + frame.readUInt32BE(messageAt(frame) + 4)
const idsOf = (frame: Buffer): [number, number] => [frame.readUInt32BE(8), frame.readUInt32BE(seqidAt(frame))]

describe('ids', () => {
  it('of a client at the limits of their width come back as they were', async () => {
    const proxy = await bed.proxy(to(await bed.server('a')))
    const client = bed.client(proxy)
    const ids = [0, 1, 2 ** 17, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
    for (const seq of ids) client.send({ msgid: 1, seq, body: `${seq}` })
    await client.receive(ids.length)
    expect(client.frames.map(({ seq, body }) => [seq, String(body)])).toEqual(ids.map((seq) => [seq, `a:${seq}`]))
  })

  it('of our own wrap around without crossing replies', async () => {
    const proxy = await bed.proxy(to(await bed.server('a')))
    const client = bed.client(proxy)
    const { requests } = proxy.engine
    // Just before the generation no longer fits beside the slot, and just before it is negative.
    for (const generation of [2 ** 15 - 2, 2 ** 31 - 2]) {
      for (const request of requests.all) request.generation = generation
      const before = client.frames.length
      const count = requests.capacity * 4
      for (let seq = 0; seq < count; seq++) client.send({ msgid: 1, seq, body: `${seq}` })
      await client.receive(before + count)
      const replies = client.frames.slice(before)
      expect(replies.every(({ seq, body, flags }) => flags === 0 && String(body) === `a:${seq}`)).toBe(true)
      expect(new Set(replies.map(({ seq }) => seq)).size).toBe(count)
    }
  })

  it('of our own: a second reply meets nobody, though what it was for has its place taken by another request', async () => {
    const server = await bed.server('a')
    let old: { readonly frame: GameFrame; readonly socket: Socket } | undefined
    server.handle = (frame, socket) => {
      old = { frame, socket }
      server.answer(frame, socket)
    }
    const proxy = await bed.proxy({
      ...to(server, { maxRequestsPerConnection: 10_000 }),
      clusters: [
        {
          name: 'a',
          localities: endpoints(server.port),
          balancer: { kind: 'roundRobin' },
          connections: { perHost: 1 },
          circuitBreakers: { default: { maxRequests: 10_000 } },
        },
      ],
    })
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1_000_000, body: 'old' })
    const { capacity } = proxy.engine.requests
    const held: GameFrame[] = []
    server.handle = (frame) => held.push(frame)
    for (let seq = 0; seq < capacity; seq++) client.send({ msgid: 1, seq, body: `${seq}` })
    await comesTrue(() => held.length === capacity && proxy.engine.requests.used === capacity, 'every place taken')
    const { frame, socket } = old!
    server.answer(frame, socket)
    for (const one of held) server.answer(one, socket)
    await client.receive(1 + capacity)
    const replies = client.frames.slice(1)
    expect(replies.filter(({ seq, body }) => String(body) !== `a:${seq}`)).toEqual([])
    expect(proxy.clusters.get('a')!.counters[C.upstream_rq_unmatched_reply]).toBe(1)
  })

  it('of 64 bits are kept whole (Dubbo)', async () => {
    const codec = await shippedCodec('dubbo')
    const { vectors } = parseVectors(readFileSync(protocolFile('dubbo', 'vectors.yaml'), 'utf8'))
    const question = Buffer.from(parseHex(vectors.find(({ name }) => name === 'request')!.hex))
    const { proxy, port } = await between('dubbo', 'shared', (chunk) => {
      return codec.reply!('error', chunk, 0, chunk.length, 20, 'fine')!
    })
    for (const id of [0n, 2n ** 32n, 0x0123_4567_89ab_cdefn, 2n ** 63n, 2n ** 64n - 1n]) {
      const socket = connect({ host: '127.0.0.1', port })
      bed.defer(() => socket.destroy())
      question.writeBigUInt64BE(id, 4)
      socket.write(question)
      const reply = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
      expect([reply[3], reply.readBigUInt64BE(4)]).toEqual([20, id])
      socket.destroy()
    }
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  })

  it.each(['shared', 'bound', 'exclusive'] as const)(
    'that stand twice in a frame, and differ, come back as both were (THeader, %s)',
    async (mode) => {
      const { vectors } = parseVectors(readFileSync(protocolFile('thrift', 'vectors.yaml'), 'utf8'))
      const hex = vectors.find(({ name }) => name === 'header-binary-call')!.hex
      const seen: [number, number][] = []
      const { port } = await between('thrift', mode, (chunk) => {
        const reply = Buffer.from(chunk)
        for (let at = 0; at < reply.length; at += 4 + reply.readUInt32BE(at)) {
          const frame = reply.subarray(at)
          seen.push(idsOf(frame))
          frame[messageAt(frame) + 3] = 2
        }
        return reply
      })
      const socket = connect({ host: '127.0.0.1', port })
      bed.defer(() => socket.destroy())
      const replies: [number, number][] = []
      socket.on('data', (chunk) => {
        for (let at = 0; at < chunk.length; at += 4 + chunk.readUInt32BE(at)) replies.push(idsOf(chunk.subarray(at)))
      })
      // Envelopes count, messages do not, or the other way round.
      const ids: [number, number][] = [
        [5, 0],
        [6, 0],
        [0, 1],
        [0, 2],
        [2 ** 32 - 1, 2 ** 31],
        [7, 7],
      ]
      for (const [envelope, message] of ids) {
        const request = Buffer.from(parseHex(hex))
        request.writeUInt32BE(envelope, 8)
        request.writeUInt32BE(message, seqidAt(request))
        socket.write(request)
      }
      await comesTrue(() => replies.length === ids.length, 'all replies')
      const byText = (a: unknown, b: unknown) => (String(a) < String(b) ? -1 : 1)
      expect([...replies].sort(byText)).toEqual([...ids].sort(byText))
      // Ids of ours are the same in both places, whichever of them a server goes by.
      if (mode !== 'bound') expect(seen.every(([envelope, message]) => envelope === message)).toBe(true)
    },
  )

  it.each(['shared', 'bound', 'exclusive'] as const)(
    'that a client uses twice at a time give each request one reply (%s)',
    async (mode) => {
      const server = await bed.server('a')
      server.handle = (frame, socket) => setTimeout(() => server.answer(frame, socket), 20)
      const proxy = await bed.proxy(to(server, { mode }))
      const client = bed.client(proxy)
      for (const body of ['one', 'two', 'three']) client.send({ msgid: 1, seq: 7, body })
      await client.receive(3)
      expect(client.frames.map(({ seq, body }) => `${seq} ${body}`).sort()).toEqual(['7 a:one', '7 a:three', '7 a:two'])
      await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    },
  )
})

describe('a frame that cannot be read (compressed THeader)', () => {
  const compressed = () => {
    const { vectors } = parseVectors(readFileSync(protocolFile('thrift', 'vectors.yaml'), 'utf8'))
    return Buffer.from(parseHex(vectors.find(({ name }) => name === 'header-binary-call-zlib')!.hex))
  }

  it('passes on a bound connection as it is, and so does its answer', async () => {
    const { port } = await between('thrift', 'bound', (chunk) => chunk)
    const socket = connect({ host: '127.0.0.1', port })
    bed.defer(() => socket.destroy())
    socket.write(compressed())
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    expect(answer).toEqual(compressed())
  })

  it.each(['shared', 'exclusive'] as const)('ends the connection where nobody could answer it (%s)', async (mode) => {
    const { proxy, port } = await between('thrift', mode, (chunk) => chunk)
    const socket = connect({ host: '127.0.0.1', port })
    bed.defer(() => socket.destroy())
    socket.write(compressed())
    await new Promise((resolve) => socket.resume().once('end', resolve))
    expect(proxy.listeners[0]!.counters[L.downstream_cx_protocol_error]).toBe(1)
  })
})

describe('frames between a request and its reply', () => {
  it.each(['shared', 'bound', 'exclusive'] as const)(
    'heartbeats of either side, and replies nobody asked for, disturb nothing (%s)',
    async (mode) => {
      const server = await bed.server('a')
      server.handle = (frame, socket) => {
        socket.write(encode({ kind: Kind.heartbeat, seq: frame.seq }))
        socket.write(encode({ kind: Kind.response, msgid: 1, seq: frame.seq ^ 0x5555_5555, body: 'of nobody' }))
        setTimeout(() => server.answer(frame, socket), 20)
      }
      const proxy = await bed.proxy(to(server, { mode }))
      const client = bed.client(proxy)
      client.send({ msgid: 1, seq: 1, body: 'x' })
      client.send({ kind: Kind.heartbeat, seq: 99 })
      client.send({ msgid: 1, seq: 2, body: 'y' })
      await client.until(() => client.frames.filter(({ kind }) => kind === Kind.response).length === 2)
      const seen = client.frames.map(({ kind, seq, body }) => `${kind} ${seq} ${body}`).sort()
      expect(seen).toEqual([`${Kind.response} 1 a:x`, `${Kind.response} 2 a:y`, `${Kind.heartbeat} 99 `].sort())
      expect(proxy.clusters.get('a')!.counters[C.upstream_rq_unmatched_reply]).toBe(2)
    },
  )
})

describe('a flood of connections', () => {
  it('that say nothing, half a frame or garbage leaves others served, and is counted and closed', async () => {
    const proxy = await bed.proxy(to(await bed.server('a'), { frameTimeoutMs: 500, maxConnections: 150 }))
    const { port } = proxy.address('game') as { port: number }
    const good = bed.client(proxy)
    await good.ask({ msgid: 1, seq: 1 })
    const half = encode({ msgid: 1 }).subarray(0, 10)
    const flood: Socket[] = Array.from({ length: 600 }, (_, n) => {
      const socket = connect({ host: '127.0.0.1', port })
      bed.defer(() => socket.destroy())
      socket.on('error', () => undefined)
      socket.resume()
      if (n % 3 === 1) socket.write(half)
      if (n % 3 === 2) socket.write('garbage of some length, more than a header')
      return socket
    })
    for (let seq = 2; seq < 200; seq++) await good.ask({ msgid: 1, seq })
    const [listener] = proxy.listeners
    await comesTrue(() => listener!.counters[L.downstream_cx_overflow]! > 0, 'connections above the limit')
    await comesTrue(() => flood.every((socket, n) => n % 3 === 0 || socket.destroyed), 'the end of the offenders')
    expect(good.closed).toBe(false)
    await good.ask({ msgid: 1, seq: 200 })
  })
})
