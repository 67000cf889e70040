import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { protocolFile, shippedCodec } from '../../codecs/load.ts'
import { parseHex } from '../../codecs/tools/decode.ts'
import { parseVectors } from '../../codecs/tools/vectors.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, encode, endpoints, type GameServer, gameConfiguration, Kind } from './game.ts'

/** What has broken other proxies, and is not a matter of one of our parts (README.md has the whole list). */

const bed = new Bed()
afterEach(() => bed.close())

const to = (server: GameServer, listener: object = {}) =>
  gameConfiguration({
    listener,
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
  })

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

  it('of 64 bits are kept whole (Dubbo)', async () => {
    const codec = await shippedCodec('dubbo')
    const { vectors } = parseVectors(readFileSync(protocolFile('dubbo', 'vectors.yaml'), 'utf8'))
    const question = Buffer.from(parseHex(vectors.find(({ name }) => name === 'request')!.hex))
    const upstream = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => socket.write(codec.reply!('error', chunk, 0, chunk.length, 20, 'fine')!))
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    bed.defer(() => upstream.close())
    const proxy = await bed.proxy({
      version: '1',
      protocols: [{ name: 'dubbo', shipped: 'dubbo' }],
      listeners: [
        { name: 'l', address: { host: '127.0.0.1', port: 0 }, protocol: 'dubbo', routes: 'r', mode: 'shared' },
      ],
      routes: [
        { name: 'r', routes: [{ name: 'all', match: [], action: { destinations: [{ cluster: 'a', weight: 1 }] } }] },
      ],
      clusters: [
        {
          name: 'a',
          localities: endpoints((upstream.address() as { port: number }).port),
          balancer: { kind: 'roundRobin' },
        },
      ],
    })
    const { port } = proxy.address('l') as { port: number }
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
