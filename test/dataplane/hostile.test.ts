import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { complainTo } from '../../dataplane/complain.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { Bed, byId, encode, endpoints, Kind, splitter, onlyTo as to } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

describe('clients that misbehave hurt themselves only', () => {
  it.each([
    ['0', 0],
    ['below the header', 23],
    ['cap + 1', 1024 * 1024 + 1],
    ['2^31', 2 ** 31],
    ['2^32 - 1', 2 ** 32 - 1],
  ])('a length of %s ends the connection', async (_, length) => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server))
    const [good, liar] = [bed.client(proxy), bed.client(proxy)]
    await good.ask({ msgid: 1, seq: 1 })
    const frame = encode({ msgid: 1 })
    frame.writeUInt32BE(length, 0)
    liar.socket.write(frame)
    await liar.ended()
    expect(liar.frames).toHaveLength(0)
    await good.ask({ msgid: 1, seq: 2 })
    expect(proxy.listeners[0]!.counters[L.downstream_cx_protocol_error]).toBe(1)
  })

  it('the log says who sent a frame of a kind that the protocol has not, and why it is none', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server, { name: 'kinds' }))
    const said: string[] = []
    complainTo((thing, text) => said.push(`${thing}: ${text}`))
    onTestFinished(() => complainTo())
    const stranger = bed.client(proxy, 'kinds')
    stranger.socket.write(encode({ msgid: 1, kind: 99 }))
    await stranger.ended()
    expect(said).toEqual([
      expect.stringMatching(
        /^listener kinds: 127\.0\.0\.1:\d+ sent what is no game frame \(unknownKind\); it is closed$/,
      ),
    ])
  })

  it('garbage after valid frames: those before it are answered, then the connection ends', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server))
    const [good, bad] = [bed.client(proxy), bed.client(proxy)]
    bad.socket.write(
      Buffer.concat([
        encode({ msgid: 1, seq: 1 }),
        encode({ msgid: 1, seq: 2 }),
        Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      ]),
    )
    await bad.ended()
    expect(bad.frames.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, Kind.response],
      [2, Kind.response],
    ])
    await good.ask({ msgid: 1, seq: 1 })
  })

  it('a frame of the longest size passes, whole or byte by byte', async () => {
    const server = await bed.server('a')
    server.keep = false
    server.handle = (frame, socket) => server.answer(frame, socket, { body: Buffer.from(String(frame.body.length)) })
    const proxy = await bed.proxy(to(server))
    const client = bed.client(proxy)
    const body = Buffer.alloc(1024 * 1024 - 24, 'x')
    expect(String((await client.ask({ msgid: 1, seq: 1, body })).body)).toBe(String(body.length))
    const small = encode({ msgid: 1, seq: 2, body: 'slowly' })
    for (const byte of small) {
      client.socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.receive(2)
    expect(String(client.frames[1]!.body)).toBe('6')
  })

  it('a frame that does not get whole is given up', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server, { frameTimeoutMs: 100 }))
    const [good, slow] = [bed.client(proxy), bed.client(proxy)]
    slow.socket.write(encode({ msgid: 1, body: 'never whole' }).subarray(0, 30))
    await slow.ended()
    expect(proxy.listeners[0]!.counters[L.downstream_cx_frame_timeout]).toBe(1)
    await good.ask({ msgid: 1, seq: 1 })
  })

  it('idle connections are closed, busy ones are not', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server, { idleTimeoutMs: 1500 }))
    const [idle, busy] = [bed.client(proxy), bed.client(proxy)]
    const held: (() => void)[] = []
    server.handle = (frame, socket) => held.push(() => server.answer(frame, socket))
    busy.send({ msgid: 1, seq: 1 })
    await idle.ended()
    // The look that found the idle one has passed this one over: it is read as before.
    server.handle = (frame, socket) => server.answer(frame, socket)
    expect((await busy.ask({ msgid: 1, seq: 2 })).seq).toBe(2)
    for (const answer of held) answer()
    await busy.receive(2)
  })

  it('connections above the limit are closed at once', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server, { maxConnections: 3 }))
    const clients = [bed.client(proxy), bed.client(proxy), bed.client(proxy)]
    for (const [seq, client] of clients.entries()) await client.ask({ msgid: 1, seq })
    const flood = Array.from({ length: 50 }, () => bed.client(proxy))
    await Promise.all(flood.map((client) => client.ended()))
    for (const [seq, client] of clients.entries()) await client.ask({ msgid: 1, seq: seq + 10 })
    clients[0]!.close()
    await comesTrue(() => proxy.listeners[0]!.clients.size === 2)
    await bed.client(proxy).ask({ msgid: 1, seq: 1 })
  })

  it('a client that does not read its replies is not read, and what waits for it stays bounded', async () => {
    const server = await bed.server('a')
    server.keep = false
    const bodies = Array.from({ length: 256 }, (_, i) => Buffer.alloc(20 * 1024, i))
    const bodyOf = (uid: bigint) => bodies[Number(uid & 255n)]!
    server.handle = (frame, socket) => server.answer(frame, socket, { body: bodyOf(frame.uid) })
    const proxy = await bed.proxy(to(server, { bufferLimitBytes: 256 * 1024, maxRequestsPerConnection: 16 }))
    const { port } = proxy.address('game') as { port: number }
    const slow = connect({ host: '127.0.0.1', port })
    bed.defer(() => slow.destroy())
    slow.on('error', () => undefined)
    slow.pause()
    for (let seq = 0; seq < 2000; seq++) slow.write(encode({ msgid: 1, seq, uid: BigInt(seq) }))
    const good = bed.client(proxy)
    for (let seq = 0; seq < 50; seq++) {
      const { body } = await good.ask({ msgid: 1, seq, uid: BigInt(seq) })
      expect(body.equals(bodyOf(BigInt(seq)))).toBe(true)
    }
    const [first] = [...proxy.listeners[0]!.clients]
    await comesTrue(() => first!.out.waiting > 256 * 1024, 'bytes that wait')
    expect(first!.out.waiting).toBeLessThan(256 * 1024 + 32 * 21 * 1024)
    // It is not lost either, nor overwritten by what others got meanwhile: once it reads, it gets everything.
    let right = 0
    const frames = splitter(({ seq, body }) => {
      if (body.equals(bodyOf(BigInt(seq)))) right++
    })
    slow.on('data', frames)
    slow.resume()
    await comesTrue(() => right === 2000, 'all replies')
  })

  it('an upstream that does not read stops nobody: requests above the limit of waiting bytes get error replies', async () => {
    const server = await bed.server('mute')
    server.keep = false
    const proxy = await bed.proxy({
      ...to(server),
      clusters: [
        {
          name: 'a',
          localities: endpoints(server.port),
          balancer: { kind: 'roundRobin' },
          connections: { perHost: 1 },
          circuitBreakers: { default: { maxPendingBytes: 2 * 1024 * 1024, maxRequests: 100_000 } },
        },
      ],
    })
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    for (const socket of server.sockets) socket.pause()
    const body = Buffer.alloc(100 * 1024)
    for (let seq = 10; seq < 300; seq++) client.send({ msgid: 1, seq, body })
    await client.until(() => client.frames.length > 1 || client.closed)
    expect(client.frames[1]!.body.readUInt32BE()).toBe(6)
    expect(proxy.clusters.get('a')!.counters[C.upstream_rq_pending_overflow]).toBeGreaterThan(0)
  })

  it('an upstream that breaks the protocol loses its connection, and its requests get error replies', async () => {
    const server = await bed.server('a')
    server.handle = (_, socket) => socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
    const proxy = await bed.proxy(to(server))
    const client = bed.client(proxy)
    expect((await client.ask({ msgid: 1, seq: 1 })).body.readUInt32BE()).toBe(4)
    expect(proxy.clusters.get('a')!.counters[C.upstream_cx_protocol_error]).toBe(1)
  })

  it('replies cut anywhere, and two in one read, reach the right requests', async () => {
    const server = await bed.server('a')
    const waiting: Buffer[] = []
    server.handle = (frame, socket) => {
      waiting.push(encode({ ...frame, kind: Kind.response }))
      if (waiting.length < 2) return
      const bytes = Buffer.concat(waiting.splice(0))
      const cut = 1 + (frame.uid === 0n ? 0 : Number(frame.uid) % (bytes.length - 1))
      socket.write(bytes.subarray(0, cut))
      setTimeout(() => socket.write(bytes.subarray(cut)), 2)
    }
    const proxy = await bed.proxy(to(server))
    const client = bed.client(proxy)
    for (let seq = 1; seq < 60; seq += 2) {
      client.send({ msgid: 1, seq, uid: BigInt(seq), body: 'one' })
      client.send({ msgid: 1, seq: seq + 1, uid: BigInt(seq), body: 'two' })
      await client.receive(seq + 1)
    }
    expect(client.frames.map(({ seq, body }) => [seq, String(body)])).toEqual(
      Array.from({ length: 60 }, (_, i) => [i + 1, i % 2 ? 'two' : 'one']),
    )
  })

  it('a thousand random streams leave it serving', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server))
    const { port } = proxy.address('game') as { port: number }
    let state = 7
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state
    }
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from(
          { length: 50 },
          () =>
            new Promise<void>((resolve) => {
              const socket = connect({ host: '127.0.0.1', port })
              socket.on('error', () => undefined)
              socket.on('close', () => resolve())
              socket.resume()
              const frame = encode({ msgid: next() % 3, kind: next() % 7, seq: next(), body: 'x'.repeat(next() % 50) })
              const bytes = next() % 2 ? frame : Buffer.from(Array.from({ length: 40 }, () => next() & 255))
              bytes[next() % bytes.length] = next() & 255
              socket.end(bytes)
              setTimeout(() => socket.destroy(), 200).unref()
            }),
        ),
      )
    }
    await bed.client(proxy).ask({ msgid: 1, seq: 1 })
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  })
})

describe('a codec that throws', () => {
  /** A module with the game's codec, some of it replaced. */
  const moduleWith = async (replaced: string): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'meshgate-'))
    bed.defer(() => rm(folder, { recursive: true }))
    const file = join(folder, 'codec.mjs')
    const game = new URL('../../codecs/game/codec.ts', import.meta.url).href
    await writeFile(file, `import { codec as game } from '${game}'\nexport const codec = { ...game, ${replaced} }`)
    return file
  }

  it('in a timer, at the error reply of a request whose time is up, costs the connection of the client', async () => {
    const file = await moduleWith(`reply: () => { throw new Error('a fault of the codec') }`)
    const server = await bed.server('a')
    server.mute = true
    const proxy = await bed.proxy({
      ...to(server),
      routes: [{ name: 'game', routes: [byId(1, 'a', { timeoutMs: 50 })] }],
      protocols: [{ name: 'game', file }],
    })
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 1 })
    await client.ended()
    server.mute = false
    await bed.client(proxy).ask({ msgid: 1, seq: 2 })
  })

  it('at the key of a request that is tried again, costs that request; at a line of the log, its fields', async () => {
    // Fields are read once, for the first try; values are never had.
    const file = await moduleWith(`
      read: (slot, b, at, length, out) => {
        if (slot === game.slot('uid') && b[at + 7]++ === 1) throw new Error('a fault of the codec')
        return game.read(slot, b, at, length, out)
      },
      field: () => { throw new Error('a fault of the codec') },`)
    const server = await bed.server('a')
    server.handle = (_, socket) => socket.destroy()
    const retry = { attempts: 1, on: ['reset'], idempotent: true, baseIntervalMs: 1 } as const
    const log = join(testFolder('hostile'), 'access.log')
    const proxy = await bed.proxy({
      ...to(server, { accessLog: { path: log, sampling: 100, fields: ['uid'] } }),
      routes: [{ name: 'game', routes: [byId(1, 'a', { retry, hashKeys: [{ field: 'uid' }] })] }],
      protocols: [{ name: 'game', file }],
    })
    const client = bed.client(proxy)
    for (const seq of [1, 2]) expect((await client.ask({ msgid: 1, seq })).body.readUInt32BE()).toBe(10)
    expect(server.frames).toHaveLength(2)
    expect(proxy.engine.requests.used).toBe(0)
    await proxy.close()
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [2, 2].map((tries) => expect.objectContaining({ outcome: 'badRequest', tries })),
    )
  })

  it.each(['request', 'reply'])('costs the connection of the %s, not the process', async (which) => {
    // Throws on the flag 0x40 of frames of one direction.
    const file = await moduleWith(
      `inspect: (b, at, length, out) => {
         if (b[at + 7] === 0x40 && b[at + 6] === ${which === 'request' ? 1 : 2}) throw new Error('a fault of the codec')
         return game.inspect(b, at, length, out)
       }`,
    )
    const server = await bed.server('a')
    const proxy = await bed.proxy({ ...to(server), protocols: [{ name: 'game', file }] })
    const [good, bad] = [bed.client(proxy), bed.client(proxy)]
    if (which === 'request') {
      bad.send({ msgid: 1, seq: 1, flags: 0x40 })
      await bad.ended()
    } else expect((await bad.ask({ msgid: 1, seq: 1, flags: 0x40 })).body.readUInt32BE()).toBe(4)
    await good.ask({ msgid: 1, seq: 2 })
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  })
})
