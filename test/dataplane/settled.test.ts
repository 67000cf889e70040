import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ClusterConfig, Configuration, RouteAction } from '../../dataplane/configuration.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import type { HostPool } from '../../dataplane/upstream/pool.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, codeOf, encode, endpoints, type GameServer, gameConfiguration, Kind } from './game.ts'

/** What every proxy of messages has to settle and some leave open: who waits how long, who has to go, and what becomes of those who are slow. */

const bed = new Bed()
afterEach(() => bed.close())

const goaway = 6
/** The game protocol, whose clients may say in the last four bytes of the header how long they wait, and whose peers may say that they leave. */
const layout = {
  frame: {
    length: { at: 0, type: 'u32', counts: 'all' },
    check: { at: 4, type: 'u16', equals: 0x4d47 },
    max: '1MiB',
  },
  message: {
    kind: { at: 6, type: 'u8', is: { 1: 'request', 2: 'response', 3: 'oneway', 5: 'push', 6: 'goaway' } },
    flags: { at: 7, type: 'u8' },
    id: { at: 12, type: 'u32' },
    timeout: { at: 20, type: 'u32' },
    error: { flags: { mask: 0x80 } },
  },
  fields: { msgid: { at: 8, type: 'u32' } },
  reply: {
    error: { from: 'request', bytes: 24, set: { kind: 'response', flags: 0x80 }, body: 'u32 code' },
    goaway: { from: 'hex 00000018 4d47 06 00 00000000 00000000 0000000000000000' },
  },
  connections: ['shared', 'bound', 'exclusive'],
}

function to(
  server: GameServer,
  action: Partial<RouteAction> = {},
  cluster: Partial<ClusterConfig> = {},
  listener: Partial<Configuration['listeners'][number]> = {},
): Configuration {
  return gameConfiguration({
    protocols: [{ name: 'game', layout }],
    listener,
    routes: [{ name: 'game', routes: [byId(1, 'a', action)] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' }, ...cluster }],
  })
}
const timedOut = 5

describe('how long a request may take', () => {
  it('the shorter of what the frame and what the route says', async () => {
    const server = await bed.server('a')
    server.handle = () => undefined
    const patient = bed.client(await bed.proxy(to(server, { timeoutMs: 60_000 })))
    expect(codeOf(await patient.ask({ msgid: 1, seq: 1, uid: 100n }))).toBe(timedOut)
    const strict = bed.client(await bed.proxy(to(server, { timeoutMs: 100 })))
    expect(codeOf(await strict.ask({ msgid: 1, seq: 1, uid: 60_000n }))).toBe(timedOut)
    // One that does not say has the route's time.
    expect(codeOf(await strict.ask({ msgid: 1, seq: 2, uid: 0n }))).toBe(timedOut)
  })
})

describe('who has to go', () => {
  it('a client is told at drain, may go on for a while, and is ended after its last reply', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server), { drainGraceMs: 4000 })
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    const drained = proxy.drain(30_000)
    await client.until(() => client.frames.some(({ kind }) => kind === goaway))
    expect(String((await client.ask({ msgid: 1, seq: 2, body: 'last' })).body)).toBe('a:last')
    await client.ended()
    client.close()
    await drained
  })

  it('an upstream that says so gets nothing new; what it was asked before is answered', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server, {}, { connections: { perHost: 1 } }))
    const client = bed.client(proxy)
    server.handle = (frame, socket) => {
      if (String(frame.body) === 'first') return
      socket.write(encode({ kind: goaway }))
      for (const waiting of server.frames) server.answer(waiting, socket)
      server.handle = (next, other) => server.answer(next, other)
    }
    client.send({ msgid: 1, seq: 1, body: 'first' })
    client.send({ msgid: 1, seq: 2, body: 'second' })
    await client.receive(2)
    expect(client.frames.map(({ body }) => String(body))).toEqual(['a:first', 'a:second'])
    expect(String((await client.ask({ msgid: 1, seq: 3, body: 'third' })).body)).toBe('a:third')
    expect(server.connections).toBe(2)
    await comesTrue(() => server.sockets.size === 1, 'the end of the first connection')
    expect(proxy.clusters.get('a')!.counters[C.upstream_cx_goaway]).toBe(1)
  })
})

describe.each(['shared', 'bound', 'exclusive'] as const)(
  'an upstream that leaves while its route does (%s)',
  (mode) => {
    const by = (server: GameServer, clusters: readonly [string, GameServer][]) => {
      const base = to(server, {}, {}, { mode, upstreamGone: 'rebind' })
      return {
        ...base,
        routes: [{ name: 'game', routes: [byId(1, server.name)] }],
        clusters: clusters.map(([name, { port }]) => ({ ...base.clusters[0]!, name, localities: endpoints(port) })),
      }
    }

    it.each([
      ['its cluster stays', true],
      ['its cluster goes too', false],
    ])('answers what it was asked, then its connection ends; others have what comes: %s', async (_, stays) => {
      const [a, b] = [await bed.server('a'), await bed.server('b')]
      const proxy = await bed.proxy(by(a, [['a', a]]))
      const client = bed.client(proxy)
      const asked: (() => void)[] = []
      a.handle = (frame, socket) => asked.push(() => a.answer(frame, socket))
      client.send({ msgid: 1, seq: 1, body: 'old' })
      await comesTrue(() => asked.length === 1, 'a request in flight')
      const { counters, hosts } = proxy.clusters.get('a')!
      for (const socket of a.sockets) socket.write(encode({ kind: goaway }))
      await comesTrue(() => counters[C.upstream_cx_goaway] === 1, 'the goaway')
      const next: [string, GameServer][] = [['b', b]]
      await proxy.apply(by(b, stays ? [['a', a], ...next] : next))
      expect(String((await client.ask({ msgid: 1, seq: 2, body: 'new' })).body)).toBe('b:new')
      expect(a.sockets.size).toBe(1)
      asked[0]!()
      await client.until(() => client.frames.some(({ seq }) => seq === 1))
      await comesTrue(() => a.sockets.size === 0, 'the end of the connection')
      expect(String((await client.ask({ msgid: 1, seq: 3, body: 'more' })).body)).toBe('b:more')
      expect([a.connections, hosts[0]!.errors, proxy.engine.requests.used]).toEqual([1, 0, 0])
      expect(client.frames.filter(({ kind }) => kind === Kind.response).map(({ body }) => String(body))).toEqual([
        'b:new',
        'a:old',
        'b:more',
      ])
    })

    it('goes to itself again by a new connection when the route comes back meanwhile', async () => {
      const [a, b] = [await bed.server('a'), await bed.server('b')]
      const both: [string, GameServer][] = [
        ['a', a],
        ['b', b],
      ]
      const proxy = await bed.proxy(by(a, both))
      const client = bed.client(proxy)
      const asked: (() => void)[] = []
      a.handle = (frame, socket) => asked.push(() => a.answer(frame, socket))
      client.send({ msgid: 1, seq: 1, body: 'old' })
      await comesTrue(() => asked.length === 1, 'a request in flight')
      a.handle = (frame, socket) => a.answer(frame, socket)
      for (const socket of a.sockets) socket.write(encode({ kind: goaway }))
      const { counters } = proxy.clusters.get('a')!
      await comesTrue(() => counters[C.upstream_cx_goaway] === 1, 'the goaway')
      await proxy.apply(by(b, both))
      await proxy.apply(by(a, both))
      expect(String((await client.ask({ msgid: 1, seq: 2, body: 'new' })).body)).toBe('a:new')
      expect(a.connections).toBe(2)
      asked[0]!()
      await comesTrue(() => a.sockets.size === 1, 'the end of the first connection')
      expect(String((await client.ask({ msgid: 1, seq: 3, body: 'more' })).body)).toBe('a:more')
      expect([a.connections, b.connections]).toEqual([2, 0])
    })
  },
)

describe('who is slow', () => {
  it('a client that takes nothing, with more on its way than may wait, is closed; others are served', async () => {
    const server = await bed.server('a')
    server.keep = false
    const body = Buffer.alloc(20 * 1024)
    server.handle = (frame, socket) => server.answer(frame, socket, { body })
    const listener = { bufferLimitBytes: 64 * 1024, maxRequestsPerConnection: 4096 }
    const many = { default: { maxRequests: 100_000, maxPendingRequests: 100_000 } }
    const proxy = await bed.proxy(to(server, {}, { circuitBreakers: many }, listener))
    const { port } = proxy.address('game') as { port: number }
    const slow = connect({ host: '127.0.0.1', port })
    bed.defer(() => slow.destroy())
    slow.on('error', () => undefined)
    slow.pause()
    for (let seq = 0; seq < 4000; seq++) slow.write(encode({ msgid: 1, seq }))
    const good = bed.client(proxy)
    await comesTrue(async () => {
      expect((await good.ask({ msgid: 1, seq: 1 })).body.equals(body)).toBe(true)
      return proxy.listeners[0]!.counters[L.downstream_cx_slow_reader] === 1
    }, 'the end of the slow one')
  })

  it('a shared connection whose peer does not read is passed over for one whose peer does', async () => {
    const server = await bed.server('a')
    server.keep = false
    const unlimited = { default: { maxPendingBytes: 1024 ** 3, maxRequests: 100_000 } }
    const proxy = await bed.proxy(
      to(server, { timeoutMs: 60_000 }, { connections: { perHost: 2 }, circuitBreakers: unlimited }),
    )
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    for (const socket of server.sockets) socket.pause()
    const [first] = [...proxy.clusters.get('a')!.hosts[0]!.pools.values()].flatMap((pool) => [
      ...(pool as HostPool).all,
    ])
    const body = Buffer.alloc(200 * 1024)
    for (let seq = 10; !first!.out.blocked; seq++) {
      client.send({ msgid: 1, seq, body })
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (let seq = 1000; seq < 1010; seq++) await client.ask({ msgid: 1, seq })
    expect(server.connections).toBe(2)
  })
})

describe('who is tried again', () => {
  it('as many at a time as the budget of the service allows', async () => {
    const server = await bed.server('a')
    const error = { flags: 0x80, body: Buffer.alloc(4) }
    server.handle = (_, socket) => {
      if (server.frames.length < 20) return
      // In one write, so that the proxy reads them at once.
      socket.cork()
      for (const frame of server.frames) server.answer(frame, socket, error)
      socket.uncork()
      server.handle = (frame, other) => server.answer(frame, other, error)
    }
    const retry = { attempts: 3, on: ['error'], idempotent: true, baseIntervalMs: 200 } as const
    const proxy = await bed.proxy(
      to(
        server,
        { retry, timeoutMs: 60_000 },
        { connections: { perHost: 1 }, circuitBreakers: { default: { maxRetries: 2 } } },
      ),
    )
    const client = bed.client(proxy)
    for (let seq = 1; seq <= 20; seq++) client.send({ msgid: 1, seq })
    await client.receive(20)
    const { counters } = proxy.clusters.get('a')!
    expect([counters[C.upstream_rq_retry], counters[C.upstream_rq_retry_overflow]]).toEqual([2 * 3, 18])
    expect(proxy.engine.requests.used).toBe(0)
  })
})
