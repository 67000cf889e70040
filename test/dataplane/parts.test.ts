import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import { AccessLog } from '../../dataplane/filters/access-log.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, codeOf, encode, endpoints, type GameFrame, type GameServer, Kind, splitter } from './game.ts'
import { MORE, partedConfiguration, partOf } from './parts.ts'

/** Replies of several frames: what is one outcome of one request, though it comes in parts. */

const bed = new Bed()
afterEach(() => bed.close())

/** Long enough for any machine, where a time must not run out. */
const PATIENT = { timeoutMs: 60_000 }
const codes = { upstreamClosed: 4, timeout: 5, overflow: 6 }

/** A request that is at the server, to be answered when the test wants. */
interface Asked {
  readonly frame: GameFrame
  readonly socket: Socket
  say(body: Buffer | string, more: boolean): void
}

async function holding(): Promise<{ readonly server: GameServer; readonly asked: Asked[] }> {
  const server = await bed.server('a')
  const asked: Asked[] = []
  server.handle = (frame, socket) => {
    asked.push({ frame, socket, say: (body, more) => void socket.write(partOf(frame, body, more)) })
  }
  return { server, asked }
}

const texts = (frames: readonly GameFrame[], seq: number) =>
  frames.filter((frame) => frame.seq === seq).map((frame) => codeOf(frame) ?? String(frame.body))

const kinds: readonly (readonly [string, ConnectionMode, 'u8' | 'u32' | 'none'])[] = [
  ['shared', 'shared', 'u32'],
  ['shared, ids of 8 bits', 'shared', 'u8'],
  ['bound', 'bound', 'u32'],
  ['exclusive', 'exclusive', 'u32'],
]

describe.each(kinds)('replies of several frames, %s', (_, mode, id) => {
  it('each frame goes to the client as it comes, the last is the outcome, and other replies come between', async () => {
    const { server, asked } = await holding()
    const proxy = await bed.proxy(partedConfiguration(server.port, mode, PATIENT, { id }))
    const [listener] = proxy.listeners
    const lines: Record<string, unknown>[] = []
    const write = (text: string) => {
      for (const line of text.trim().split('\n')) lines.push(JSON.parse(line))
    }
    listener!.accessLog = new AccessLog(listener!.codec, { sampling: 100, fields: ['uid'] }, { write })
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 7, uid: 70n })
    client.send({ msgid: 1, seq: 8, uid: 80n })
    await comesTrue(() => asked.length === 2, 'both requests are at the server')
    const [first, second] = asked as [Asked, Asked]
    const cluster = proxy.clusters.get('a')!
    first.say('one', true)
    second.say('eins', true)
    first.say('two', true)
    await client.receive(3)
    // It is one request in flight, whatever came of its reply.
    expect(cluster.breakers[0].requests).toBe(2)
    expect(cluster.counters[C.upstream_rq_completed]).toBe(0)
    first.say('three', false)
    second.say('zwei', false)
    await client.receive(5)
    expect(texts(client.frames, 7)).toEqual(['one', 'two', 'three'])
    expect(texts(client.frames, 8)).toEqual(['eins', 'zwei'])
    expect(cluster.breakers[0].requests).toBe(0)
    expect(proxy.engine.requests.used).toBe(0)
    expect(
      [C.upstream_rq_total, C.upstream_rq_completed, C.upstream_rq_part_total].map((at) => cluster.counters[at]),
    ).toEqual([2, 2, 3])
    expect(listener!.counters[L.downstream_rq_replied]).toBe(2)
    await listener!.accessLog.close()
    expect(
      lines.map(({ uid, outcome, reply_bytes, reply_frames }) => [uid, outcome, reply_bytes, reply_frames]).sort(),
    ).toEqual([
      ['70', 'ok', 3 * 24 + 'onetwothree'.length, 3],
      ['80', 'ok', 2 * 24 + 'einszwei'.length, 2],
    ])
  })

  it('its time is for the whole reply: an error reply ends it, and what comes late is dropped and counted', async () => {
    const { server, asked } = await holding()
    const proxy = await bed.proxy(partedConfiguration(server.port, mode, { timeoutMs: 400 }, { id }))
    const client = bed.client(proxy)
    await open(client, asked)
    client.send({ msgid: 1, seq: 7 })
    await comesTrue(() => asked.length === 1)
    asked[0]!.say('one', true)
    await client.until(() => texts(client.frames, 7).length === 2 || client.closed)
    expect(texts(client.frames, 7)).toEqual(['one', codes.timeout])
    const cluster = proxy.clusters.get('a')!
    expect(cluster.breakers[0].requests).toBe(0)
    if (mode === 'exclusive') {
      await comesTrue(() => !server.sockets.has(asked[0]!.socket), 'the connection is closed')
      return
    }
    asked[0]!.say('two', true)
    asked[0]!.say('three', false)
    await comesTrue(() => cluster.counters[C.upstream_rq_late_reply] === 1, 'the late end')
    expect(cluster.counters[C.upstream_rq_part_dropped]).toBe(1)
    expect(proxy.engine.requests.used).toBe(0)
    expect(texts(client.frames, 7)).toHaveLength(2)
  })

  it('a request is tried again before the first frame went to the client, and never after it', async () => {
    const { server, asked } = await holding()
    const retry = { attempts: 3, on: ['reset' as const], idempotent: true, baseIntervalMs: 1 }
    const proxy = await bed.proxy(partedConfiguration(server.port, mode, { ...PATIENT, retry }, { id }))
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 7 })
    await comesTrue(() => asked.length === 1)
    server.cut()
    await comesTrue(() => asked.length === 2, 'a second try')
    asked[1]!.say('one', true)
    await client.receive(1)
    server.cut()
    await client.until(() => texts(client.frames, 7).length === 2 || client.closed)
    expect(texts(client.frames, 7)).toEqual(['one', codes.upstreamClosed])
    expect(proxy.clusters.get('a')!.counters[C.upstream_rq_retry]).toBe(1)
    expect(asked).toHaveLength(2)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('a client that leaves in the middle frees its place at once, and others go on', async () => {
    const { server, asked } = await holding()
    const proxy = await bed.proxy(partedConfiguration(server.port, mode, { timeoutMs: 0 }, { id }))
    const [leaver, other] = [bed.client(proxy), bed.client(proxy)]
    leaver.send({ msgid: 1, seq: 7 })
    await comesTrue(() => asked.length === 1)
    other.send({ msgid: 1, seq: 7 })
    await comesTrue(() => asked.length === 2)
    for (const each of asked) each.say('one', true)
    await Promise.all([leaver.receive(1), other.receive(1)])
    leaver.socket.resetAndDestroy()
    const cluster = proxy.clusters.get('a')!
    await comesTrue(() => cluster.breakers[0].requests === 1, 'one request is in flight')
    expect(cluster.counters[C.upstream_rq_cancelled]).toBe(1)
    if (mode === 'shared') {
      asked[0]!.say('two', true)
      asked[0]!.say('three', false)
      await comesTrue(() => cluster.counters[C.upstream_rq_late_reply] === 1)
      expect(cluster.counters[C.upstream_rq_part_dropped]).toBe(1)
    } else await comesTrue(() => server.sockets.size === 1, 'its connection is closed')
    asked[1]!.say('end', false)
    await other.receive(2)
    expect(texts(other.frames, 7)).toEqual(['one', 'end'])
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('a drain, and a configuration that has neither route nor cluster any more, wait for the last frame', async () => {
    const { server, asked } = await holding()
    const action = { ...PATIENT, responseMutation: [{ field: 'uid', value: '9' }] }
    const base = partedConfiguration(server.port, mode, action, { id })
    const proxy = await bed.proxy(base)
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 7, uid: 1n })
    await comesTrue(() => asked.length === 1)
    asked[0]!.say('one', true)
    await client.receive(1)
    await proxy.apply({ ...base, version: '2', routes: [{ name: 'game', routes: [] }], clusters: [] })
    const drained = proxy.drain(30_000)
    asked[0]!.say('two', true)
    asked[0]!.say('three', false)
    await client.receive(3)
    // Each frame is changed as the route wanted that took the request.
    expect(client.frames.map(({ uid, body }) => [uid, String(body)])).toEqual([
      [9n, 'one'],
      [9n, 'two'],
      [9n, 'three'],
    ])
    await Promise.all([client.ended(), drained])
    expect(proxy.engine.requests.used).toBe(0)
  })
})

/** A connection to the server is there: what is asked first on it does not wait. */
async function open(client: { ask(frame: Parameters<typeof encode>[0]): Promise<GameFrame> }, asked: Asked[]) {
  const reply = client.ask({ msgid: 2, seq: 1 })
  await comesTrue(() => asked.length === 1)
  asked.shift()!.say('', false)
  await reply
}

it('what a mirror says in parts is nobody’s', async () => {
  const { server, asked } = await holding()
  const shadow = await holding()
  const base = partedConfiguration(server.port, 'shared')
  const proxy = await bed.proxy({
    ...base,
    routes: [{ name: 'game', routes: [byId(1, 'a', { ...PATIENT, mirrors: [{ cluster: 'shadow', percent: 100 }] })] }],
    clusters: [
      ...base.clusters,
      { name: 'shadow', localities: endpoints(shadow.server.port), balancer: { kind: 'roundRobin' } },
    ],
  })
  const client = bed.client(proxy)
  client.send({ msgid: 1, seq: 7 })
  await comesTrue(() => asked.length === 1 && shadow.asked.length === 1)
  for (const more of [true, true, false]) shadow.asked[0]!.say('shadow', more)
  const { counters } = proxy.clusters.get('shadow')!
  await comesTrue(() => counters[C.upstream_rq_completed] === 1, 'the end of the mirror’s reply')
  expect(counters[C.upstream_rq_part_total]).toBe(2)
  for (const more of [true, false]) asked[0]!.say('a', more)
  await client.receive(2)
  expect(texts(client.frames, 7)).toEqual(['a', 'a'])
  expect(proxy.engine.requests.used).toBe(0)
})

describe('a client that does not read', () => {
  const limits = { bufferLimitBytes: 128 * 1024 }
  const piece = Buffer.alloc(32 * 1024, 7)
  const pieces = 1500

  /** Writes pieces as fast as they are taken; `written` counts those that left the server's memory. */
  function pour({ frame, socket }: Asked) {
    const state = { written: 0 }
    const run = async () => {
      while (state.written < pieces && !socket.destroyed) {
        const last = state.written === pieces - 1
        state.written++
        if (!socket.write(partOf(frame, piece, !last)))
          await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
      }
    }
    void run()
    return state
  }

  function slowClient(port: number) {
    const socket = connect({ host: '127.0.0.1', port })
    bed.defer(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.pause()
    return socket
  }

  it.each(['bound', 'exclusive'] as const)(
    'on a connection of its own (%s) holds its upstream up, and gets everything once it reads',
    async (mode) => {
      const { server, asked } = await holding()
      const proxy = await bed.proxy(
        partedConfiguration(
          server.port,
          mode,
          { timeoutMs: 0 },
          {
            listener: limits,
          },
        ),
      )
      const slow = slowClient((proxy.address('game') as { port: number }).port)
      slow.write(encode({ msgid: 1, seq: 7 }))
      await comesTrue(() => asked.length === 1)
      const poured = pour(asked[0]!)
      const [client] = [...proxy.listeners[0]!.clients]
      await comesTrue(() => client!.out.blocked, 'the client takes no more')
      const other = bed.client(proxy)
      const answer = other.ask({ msgid: 2, seq: 1 })
      await comesTrue(() => asked.length === 2)
      asked[1]!.say('', false)
      await answer
      expect(client!.out.waiting).toBeLessThan(384 * 1024)
      // 48 MB are more than the kernel holds of both connections.
      expect(poured.written).toBeLessThan(pieces)
      let got = 0
      slow.on(
        'data',
        splitter(({ body }) => {
          if (body.equals(piece)) got++
        }),
      )
      slow.resume()
      await comesTrue(() => got === pieces, 'every piece')
      await comesTrue(() => proxy.engine.requests.used === 0)
      expect(proxy.listeners[0]!.counters[L.downstream_cx_slow_reader]).toBe(0)
    },
  )

  it('on a connection that others share is cut when too much waits for it; others get what is theirs', async () => {
    const { server, asked } = await holding()
    const proxy = await bed.proxy(partedConfiguration(server.port, 'shared', { timeoutMs: 0 }, { listener: limits }))
    const other = bed.client(proxy)
    const slow = slowClient((proxy.address('game') as { port: number }).port)
    slow.write(encode({ msgid: 1, seq: 7 }))
    await comesTrue(() => asked.length === 1)
    const stream = pour(asked[0]!)
    for (let seq = 1; seq <= 20; seq++) {
      const answer = other.ask({ msgid: 2, seq })
      await comesTrue(() => asked.length === seq + 1)
      asked[seq]!.say(String(seq), false)
      expect(String((await answer).body)).toBe(String(seq))
    }
    const { counters } = proxy.listeners[0]!
    await comesTrue(() => counters[L.downstream_cx_slow_reader] === 1, 'the slow client is cut')
    // Nobody waits for the rest, and nobody is held up by it.
    await comesTrue(() => stream.written === pieces && proxy.engine.requests.used === 0, 'the reply has ended')
    expect(proxy.clusters.get('a')!.counters[C.upstream_rq_part_dropped]).toBeGreaterThan(0)
  })
})

describe('replies in order, of several frames', () => {
  /** Two servers, asked by `msgid`, of a protocol without ids. */
  async function ordered(mode: 'exclusive' | 'bound', listener: object = {}) {
    const [one, two] = [await holding(), await holding()]
    const base = partedConfiguration(one.server.port, mode, PATIENT, { id: 'none', listener })
    const proxy = await bed.proxy({
      ...base,
      routes: [{ name: 'game', routes: [byId(1, 'a', PATIENT), byId(2, 'b', PATIENT)] }],
      clusters: [
        ...base.clusters,
        { name: 'b', localities: endpoints(two.server.port), balancer: { kind: 'roundRobin' } },
      ],
    })
    return { one, two, proxy, client: bed.client(proxy) }
  }

  it.each(['exclusive', 'bound'] as const)('leave one after another, whoever answers first (%s)', async (mode) => {
    const { one, two, proxy, client } = await ordered(mode)
    client.send({ msgid: 1, seq: 1 })
    client.send({ msgid: 2, seq: 2 })
    client.send({ msgid: 1, seq: 3 })
    await comesTrue(() => one.asked.length >= 1 && two.asked.length === 1)
    two.asked[0]!.say('2a', true)
    const { counters } = proxy.clusters.get('b')!
    await comesTrue(() => counters[C.upstream_rq_part_total] === 1)
    one.asked[0]!.say('1a', true)
    await client.receive(1)
    one.asked[0]!.say('1b', false)
    await client.receive(3)
    two.asked[0]!.say('2b', true)
    await client.receive(4)
    await comesTrue(() => one.asked.length === 2)
    one.asked[1]!.say('3a', true)
    one.asked[1]!.say('3b', false)
    await comesTrue(() => proxy.clusters.get('a')!.counters[C.upstream_rq_completed] === 2)
    two.asked[0]!.say('2c', false)
    await client.receive(7)
    expect(client.frames.map(({ body }) => String(body))).toEqual(['1a', '1b', '2a', '2b', '2c', '3a', '3b'])
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('one that waits for those before it is not read further than the buffer’s limit, and comes whole when it is next', async () => {
    const { one, two, proxy, client } = await ordered('exclusive', { bufferLimitBytes: 64 * 1024 })
    client.send({ msgid: 1, seq: 1 })
    client.send({ msgid: 2, seq: 2 })
    await comesTrue(() => one.asked.length === 1 && two.asked.length === 1)
    const piece = Buffer.alloc(16 * 1024, 3)
    for (let n = 0; n < 400; n++) two.asked[0]!.say(piece, n < 399)
    const [inside] = [...proxy.listeners[0]!.clients]
    await comesTrue(() => inside!.replies!.bytes > 64 * 1024)
    // Another round trip on the proxy: what is read is read.
    const other = bed.client(proxy)
    other.send({ kind: Kind.heartbeat, seq: 9 })
    await other.receive(1)
    expect(inside!.replies!.bytes).toBeLessThan(256 * 1024)
    one.asked[0]!.say('first', false)
    await client.receive(401)
    expect(String(client.frames[0]!.body)).toBe('first')
    expect(client.frames.slice(1).every(({ body }) => body.equals(piece))).toBe(true)
    expect(client.frames.slice(1).map(({ flags }) => flags & MORE)).toEqual([...Array(399).fill(MORE), 0])
    expect(proxy.engine.requests.used).toBe(0)
  })
})
