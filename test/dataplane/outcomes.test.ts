import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { ClusterConfig, RouteAction } from '../../dataplane/configuration.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { dial } from '../../dataplane/upstream/dial.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, codeOf, encode, endpoints, gameConfiguration, Kind } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

const codes = { connectFailed: 3, upstreamClosed: 4, timeout: 5, overflow: 6, rateLimited: 7, fault: 8 }

/** Messages 1 have this action; messages 2 have none, for what must be answered however slow the machine is. */
function one(
  port: number,
  mode: ConnectionMode,
  action: Partial<RouteAction> = {},
  cluster: Partial<ClusterConfig> = {},
  listener: object = {},
) {
  return gameConfiguration({
    listener: { mode, ...listener },
    routes: [{ name: 'game', routes: [byId(1, 'a', action), byId(2, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(port), balancer: { kind: 'roundRobin' }, ...cluster }],
  })
}

const modes = ['shared', 'bound', 'exclusive'] as const
/** Of a thousand connections at once many wait for the kernel to ask again, and all for a machine that is busy. */
const PATIENCE_MS = 60_000

describe.each(modes)('outcomes of requests, %s', (mode) => {
  it('every reply goes to the request it is for', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(one(server.port, mode, { timeoutMs: PATIENCE_MS }, { connectTimeoutMs: PATIENCE_MS }))
    const clients = Array.from({ length: 5 }, () => bed.client(proxy))
    for (const [i, client] of clients.entries())
      for (let seq = 0; seq < 200; seq++) client.send({ msgid: 1, seq, body: `${i}-${seq}` })
    for (const [i, client] of clients.entries()) {
      await client.receive(200)
      expect(client.frames.map(codeOf).filter((code) => code !== undefined)).toEqual([])
      expect(new Set(client.frames.map(({ body }) => String(body)))).toEqual(
        new Set(Array.from({ length: 200 }, (_, seq) => `a:${i}-${seq}`)),
      )
    }
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('requests whose time runs out before their connection is there are never sent; those around them are', async () => {
    const server = await bed.server('a')
    let ready: (() => void) | undefined
    const proxy = await bed.proxy(one(server.port, mode, { timeoutMs: 150 }), {
      dial: (address, intake, options, then) =>
        dial(address, intake, options, () => {
          ready = then
        }),
    })
    const client = bed.client(proxy)
    for (let seq = 1; seq <= 3; seq++) client.send({ msgid: 1, seq, body: `early ${seq}` })
    await client.receive(3)
    expect(client.frames.map(codeOf)).toEqual([codes.timeout, codes.timeout, codes.timeout])
    client.send({ msgid: 2, seq: 4, body: 'in time' })
    await comesTrue(() => proxy.engine.requests.used === 1 && ready !== undefined)
    ready!()
    expect(String((await client.ask({ msgid: 2, seq: 5, body: 'after' })).body)).toBe('a:after')
    await client.receive(5)
    expect(server.frames.map(({ body }) => String(body)).sort()).toEqual(['after', 'in time'])
    expect(proxy.engine.requests.used).toBe(0)
    expect(proxy.clusters.get('a')!.breakers[0]).toMatchObject({ requests: 0, pending: 0 })
  })

  it('no reply in time: an error reply; the late reply is dropped and counted, and crosses nobody', async () => {
    const server = await bed.server('a')
    const late: (() => void)[] = []
    server.handle = (frame, socket) => {
      if (frame.uid === 1n) late.push(() => server.answer(frame, socket))
      else server.answer(frame, socket)
    }
    const proxy = await bed.proxy(one(server.port, mode, { timeoutMs: 50 }))
    const client = bed.client(proxy)
    // A request whose time runs out before its connection is there is never sent.
    await client.ask({ msgid: 2, seq: 0 })
    expect(codeOf(await client.ask({ msgid: 1, seq: 1, uid: 1n }))).toBe(codes.timeout)
    await comesTrue(() => late.length === 1, 'the request is at the server')
    late[0]!()
    for (let seq = 2; seq < 20; seq++)
      expect(String((await client.ask({ msgid: 2, seq, body: `${seq}` })).body)).toBe(`a:${seq}`)
    expect(client.frames).toHaveLength(20)
    const { counters } = proxy.clusters.get('a')!
    if (mode !== 'exclusive') {
      await comesTrue(() => counters[C.upstream_rq_late_reply] === 1, 'a late reply')
      expect(proxy.engine.requests.used).toBe(0)
    }
    expect(counters[C.upstream_rq_timeout]).toBe(1)
  })

  it('a second reply to the same request is dropped and counted', async () => {
    const server = await bed.server('a')
    server.handle = (frame, socket) => {
      server.answer(frame, socket)
      server.answer(frame, socket)
    }
    const proxy = await bed.proxy(one(server.port, mode))
    const client = bed.client(proxy)
    for (let seq = 1; seq <= 10; seq++) expect(codeOf(await client.ask({ msgid: 1, seq }))).toBeUndefined()
    const { counters } = proxy.clusters.get('a')!
    await comesTrue(() => counters[C.upstream_rq_unmatched_reply] === 10, 'ten unmatched replies')
    expect(client.frames.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('the upstream closes: an error reply, and the next request gets a new connection', async () => {
    const server = await bed.server('a')
    server.handle = (frame, socket) => (frame.uid === 1n ? socket.destroy() : server.answer(frame, socket))
    const proxy = await bed.proxy(one(server.port, mode))
    const client = bed.client(proxy)
    expect(codeOf(await client.ask({ msgid: 1, seq: 1, uid: 1n }))).toBe(codes.upstreamClosed)
    expect(codeOf(await client.ask({ msgid: 1, seq: 2 }))).toBeUndefined()
    expect(server.connections).toBe(2)
  })

  it('the upstream closes in the middle of a frame: an error reply, not half a reply', async () => {
    const server = await bed.server('a')
    server.handle = (frame, socket) => {
      socket.write(encode({ ...frame, kind: Kind.response, body: 'x'.repeat(100) }).subarray(0, 60))
      socket.end()
    }
    const proxy = await bed.proxy(one(server.port, mode))
    const client = bed.client(proxy)
    expect(codeOf(await client.ask({ msgid: 1, seq: 1 }))).toBe(codes.upstreamClosed)
    expect(client.frames).toHaveLength(1)
  })

  it('nobody listens: an error reply', async () => {
    const server = await bed.server('gone')
    const { port } = server
    await server.close()
    const proxy = await bed.proxy(one(port, mode))
    const client = bed.client(proxy)
    expect(codeOf(await client.ask({ msgid: 1, seq: 1 }))).toBe(codes.connectFailed)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('nobody listens: many requests at once get their error replies at once, without one connection after the other', async () => {
    const server = await bed.server('gone')
    const { port } = server
    await server.close()
    const proxy = await bed.proxy(one(port, mode))
    const client = bed.client(proxy)
    for (let seq = 0; seq < 20; seq++) client.send({ msgid: 1, seq })
    const frames = await client.receive(20)
    expect(new Set(frames.map(codeOf))).toEqual(new Set([codes.connectFailed]))
    expect(proxy.clusters.get('a')!.counters[C.upstream_cx_total]).toBeLessThanOrEqual(20)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('a connection that fails is tried again where the route says so, and a reset only where requests are idempotent', async () => {
    const server = await bed.server('a')
    let first = true
    server.handle = (frame, socket) => {
      if (first) {
        first = false
        socket.destroy()
      } else server.answer(frame, socket)
    }
    const retry = { attempts: 2, on: ['reset', 'connectFailure'] as const, baseIntervalMs: 1 }
    const careful = await bed.proxy(one(server.port, mode, { retry }))
    expect(codeOf(await bed.client(careful).ask({ msgid: 1, seq: 1 }))).toBe(codes.upstreamClosed)
    first = true
    const bold = await bed.proxy(one(server.port, mode, { retry: { ...retry, idempotent: true } }))
    const client = bed.client(bold)
    expect(String((await client.ask({ msgid: 1, seq: 1, body: 'again' })).body)).toBe('a:again')
    expect(bold.clusters.get('a')!.counters[C.upstream_rq_retry_success]).toBe(1)
    expect(bold.clusters.get('a')!.breakers[0]).toMatchObject({ retries: 0, requests: 0, pending: 0 })
  })

  it('an error reply is tried again at another host', async () => {
    const [bad, good] = [await bed.server('bad'), await bed.server('good')]
    bad.handle = (frame, socket) => bad.answer(frame, socket, { flags: 0x80 })
    const proxy = await bed.proxy(
      one(
        bad.port,
        mode,
        { retry: { attempts: 3, on: ['error'], idempotent: true, baseIntervalMs: 1 } },
        {
          localities: endpoints(bad.port, good.port),
        },
      ),
    )
    const client = bed.client(proxy)
    for (let seq = 1; seq <= 10; seq++) expect(String((await client.ask({ msgid: 1, seq })).body)).toBe('good:')
    expect(proxy.clusters.get('a')!.breakers[0]).toMatchObject({ retries: 0, requests: 0, pending: 0 })
    expect(proxy.engine.requests.used).toBe(0)
  })

  it("a try that takes too long is tried again, and the first try's late reply is dropped", async () => {
    const server = await bed.server('a')
    const late: (() => void)[] = []
    server.handle = (frame, socket) => {
      if (late.length === 0) late.push(() => server.answer(frame, socket, { body: Buffer.from('late') }))
      else {
        late[0]!()
        server.answer(frame, socket)
      }
    }
    const proxy = await bed.proxy(
      one(server.port, mode, {
        timeoutMs: 60_000,
        // The second try has no longer, on a machine that may stand still.
        retry: { attempts: 1, perTryTimeoutMs: 1500, on: ['timeout'], idempotent: true, baseIntervalMs: 1 },
      }),
    )
    const client = bed.client(proxy)
    const reply = await client.ask({ msgid: 1, seq: 9, body: 'x' })
    // With ids of the client's own the first try's reply answers the second try as well: it is the same request.
    if (mode === 'shared') expect(String(reply.body)).toBe('a:x')
    expect(codeOf(reply)).toBeUndefined()
    await client.ask({ msgid: 1, seq: 10 })
    expect(client.frames).toHaveLength(2)
  })

  it('a client that leaves takes nothing with it', async () => {
    const server = await bed.server('a')
    const held: (() => void)[] = []
    server.handle = (frame, socket) => held.push(() => server.answer(frame, socket))
    const proxy = await bed.proxy(one(server.port, mode))
    const [stays, leaves] = [bed.client(proxy), bed.client(proxy)]
    for (let seq = 0; seq < 20; seq++) leaves.send({ msgid: 1, seq })
    stays.send({ msgid: 1, seq: 1, body: 'mine' })
    await comesTrue(() => held.length === 21)
    leaves.socket.resetAndDestroy()
    await comesTrue(() => proxy.listeners[0]!.clients.size === 1, 'one client')
    for (const answer of held) answer()
    await stays.receive(1)
    expect(String(stays.frames[0]!.body)).toBe('a:mine')
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    await comesTrue(() => proxy.listeners[0]!.counters[L.downstream_rq_closed] === 20, 'twenty closed')
  })

  it('a client that ends its side still gets its replies', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(one(server.port, mode))
    const client = bed.client(proxy, 'game', { allowHalfOpen: true })
    for (let seq = 0; seq < 50; seq++) client.send({ msgid: 1, seq })
    client.socket.end()
    await client.receive(50)
    await client.ended()
  })

  it('one-way messages get nothing and leave nothing behind', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(one(server.port, mode))
    const client = bed.client(proxy)
    for (let seq = 0; seq < 100; seq++) client.send({ kind: Kind.oneway, msgid: 1, seq })
    await client.ask({ msgid: 1, seq: 100 })
    await comesTrue(() => server.frames.length === 101)
    expect(client.frames).toHaveLength(1)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('too many requests in flight: error replies, and service again when there are fewer', async () => {
    const server = await bed.server('a')
    const held: (() => void)[] = []
    server.handle = (frame, socket) => held.push(() => server.answer(frame, socket))
    const proxy = await bed.proxy(one(server.port, mode, {}, { circuitBreakers: { default: { maxRequests: 5 } } }))
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 0 })
    await comesTrue(() => held.length === 1)
    for (let seq = 1; seq < 12; seq++) {
      client.send({ msgid: 1, seq })
      if (seq < 5) await comesTrue(() => held.length === seq + 1)
    }
    await client.receive(7)
    expect(client.frames.map(codeOf)).toEqual(new Array(7).fill(codes.overflow))
    server.handle = (frame, socket) => server.answer(frame, socket)
    for (const answer of held) answer()
    await client.receive(12)
    expect(codeOf(await client.ask({ msgid: 1, seq: 99 }))).toBeUndefined()
  })

  it('a host that fails is ejected and gets no requests', async () => {
    const [bad, good] = [await bed.server('bad'), await bed.server('good')]
    bad.handle = (frame, socket) => bad.answer(frame, socket, { flags: 0x80 })
    const proxy = await bed.proxy(
      one(
        bad.port,
        mode,
        {},
        {
          localities: endpoints(bad.port, good.port),
          outlierDetection: { consecutiveErrors: 3, maxEjectionPercent: 100 },
          panicThreshold: 0,
        },
      ),
    )
    for (let i = 0; i < 40; i++) {
      const client = bed.client(proxy)
      await client.ask({ msgid: 1, seq: i })
    }
    expect(bad.frames).toHaveLength(3)
    expect(proxy.clusters.get('a')!.hosts.map(({ ejected }) => ejected)).toEqual([true, false])
  })
})

describe('bound connections', () => {
  it('pushes of the upstream reach the client whose connection it is', async () => {
    const server = await bed.server('a')
    server.handle = (frame, socket) => {
      socket.write(encode({ kind: Kind.push, msgid: 300, uid: frame.uid, body: 'news' }))
      server.answer(frame, socket)
    }
    const proxy = await bed.proxy(one(server.port, 'bound'))
    const clients = [bed.client(proxy), bed.client(proxy)]
    for (const [i, client] of clients.entries()) {
      client.send({ msgid: 1, seq: 1, uid: BigInt(i) })
      await client.receive(2)
      expect(client.frames[0]).toMatchObject({ kind: Kind.push, uid: BigInt(i) })
    }
    expect(server.connections).toBe(2)
  })

  it('a push of a client goes where its route says; by a route that draws, to where the client was last', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const drawn = [
      { cluster: 'a', weight: 1 },
      { cluster: 'b', weight: 1 },
    ]
    const proxy = await bed.proxy(
      gameConfiguration({
        listener: { mode: 'bound' },
        routes: [{ name: 'game', routes: [byId(1, 'a'), byId(2, 'b'), byId(3, 'a', { destinations: drawn })] }],
        clusters: [a, b].map(({ name, port }) => ({
          name,
          localities: endpoints(port),
          balancer: { kind: 'roundRobin' },
        })),
      }),
    )
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    const bodies = Array.from({ length: 8 }, (_, n) => `${n}`)
    client.send({ kind: Kind.push, msgid: 2, body: 'first' })
    for (const body of bodies) client.send({ kind: Kind.push, msgid: 3, body })
    await comesTrue(() => b.frames.length === 9, 'all pushes')
    expect(b.frames.map(({ body }) => String(body))).toEqual(['first', ...bodies])
    client.send({ kind: Kind.push, msgid: 1, body: 'back' })
    await comesTrue(() => a.frames.length === 2, 'the push to the first')
    expect(String(a.frames[1]!.body)).toBe('back')
  })

  it('a push on a shared connection belongs to nobody: dropped and counted', async () => {
    const server = await bed.server('a')
    server.handle = (frame, socket) => {
      socket.write(encode({ kind: Kind.push, msgid: 300 }))
      server.answer(frame, socket)
    }
    const proxy = await bed.proxy(one(server.port, 'shared'))
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    expect(client.frames).toHaveLength(1)
    expect(proxy.clusters.get('a')!.counters[C.upstream_push_dropped]).toBe(1)
  })

  it('each message of a client is routed, not only the first', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const cluster = (name: string, port: number) => ({
      name,
      localities: endpoints(port),
      balancer: { kind: 'roundRobin' as const },
    })
    const proxy = await bed.proxy(
      gameConfiguration({
        listener: { mode: 'bound' },
        routes: [{ name: 'game', routes: [byId(1, 'a'), byId(2, 'b')] }],
        clusters: [cluster('a', a.port), cluster('b', b.port)],
      }),
    )
    const client = bed.client(proxy)
    for (let seq = 0; seq < 10; seq++) {
      expect(String((await client.ask({ msgid: 1 + (seq % 2), seq })).body)).toBe(seq % 2 ? 'b:' : 'a:')
    }
    expect([a.connections, b.connections]).toEqual([1, 1])
  })

  it('the upstream connections of a client end with it', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(one(server.port, 'bound'))
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    client.close()
    await comesTrue(() => server.sockets.size === 0, 'no connection')
  })

  it('the listener says whether a client goes with its upstream', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(one(server.port, 'bound', {}, {}, { upstreamGone: 'close' }))
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    server.cut()
    await client.ended()
  })

  it('heartbeats are forwarded where the listener says so', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(one(server.port, 'bound', {}, {}, { heartbeat: 'forward' }))
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    await client.ask({ kind: Kind.heartbeat, seq: 2, uid: 5n })
    expect(server.frames.map(({ kind }) => kind)).toEqual([Kind.request, Kind.heartbeat])
  })
})

describe('exclusive connections', () => {
  it('carry one request at a time and are used again', async () => {
    const server = await bed.server('a')
    let busy = 0
    let most = 0
    server.handle = (frame, socket) => {
      most = Math.max(most, ++busy)
      setTimeout(() => {
        busy--
        server.answer(frame, socket)
      }, 1)
    }
    const proxy = await bed.proxy(
      one(server.port, 'exclusive', {}, { circuitBreakers: { default: { maxConnections: 4 } } }),
    )
    const client = bed.client(proxy)
    for (let seq = 0; seq < 100; seq++) client.send({ msgid: 1, seq })
    await client.receive(100)
    expect(most).toBe(4)
    expect(server.connections).toBe(4)
  })

  it('requests that wait for a connection are limited', async () => {
    const server = await bed.server('a')
    server.handle = () => undefined
    const proxy = await bed.proxy(
      one(server.port, 'exclusive', {}, { circuitBreakers: { default: { maxConnections: 1, maxPendingRequests: 2 } } }),
    )
    const client = bed.client(proxy)
    for (let seq = 0; seq < 10; seq++) client.send({ msgid: 1, seq })
    await client.receive(7)
    expect(client.frames.map(codeOf)).toEqual(new Array(client.frames.length).fill(codes.overflow))
  })
})

describe('upstream heartbeats', () => {
  it('a host that is silent loses its connection and its requests', async () => {
    const good = await bed.server('good')
    const mute = createServer((socket) => socket.on('error', () => undefined).resume())
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    bed.defer(() => mute.close())
    const { port } = mute.address() as { port: number }
    const proxy = await bed.proxy(
      one(
        port,
        'shared',
        { timeoutMs: 60_000 },
        {
          localities: endpoints(port, good.port),
          // Hosts that are well share a machine that may stand still.
          heartbeat: { intervalMs: 100, timeoutMs: 2000, misses: 1 },
        },
      ),
    )
    const client = bed.client(proxy)
    for (let seq = 1; seq <= 4; seq++) client.send({ msgid: 1, seq })
    await client.receive(4)
    expect(client.frames.filter((frame) => codeOf(frame) === codes.upstreamClosed)).toHaveLength(2)
    for (let seq = 5; seq < 15; seq++) expect(String((await client.ask({ msgid: 1, seq })).body)).toBe('good:')
    expect(proxy.clusters.get('a')!.counters[C.upstream_cx_heartbeat_failure]).toBe(1)
  })

  const comesBack = async (mode: ConnectionMode) => {
    const [good, back] = [await bed.server('good'), await bed.server('back')]
    const heartbeat = { intervalMs: 100, timeoutMs: 2000, misses: 1 }
    const both = { localities: endpoints(back.port, good.port), heartbeat }
    const proxy = await bed.proxy(one(back.port, mode, { timeoutMs: 300 }, both))
    const [host] = proxy.clusters.get('a')!.hosts
    const clients = [bed.client(proxy), bed.client(proxy)]
    let seq = 0
    for (const client of clients) await client.ask({ msgid: 1, seq: ++seq })
    back.mute = true
    await comesTrue(() => {
      // An exclusive connection ends with a request that nobody answers; those without one are asked.
      if (mode !== 'exclusive') for (const client of clients) client.send({ msgid: 1, seq: ++seq })
      return host!.silent
    }, 'silence')
    const fresh = async () => {
      const client = bed.client(proxy)
      const { body } = await client.ask({ msgid: 2, seq: ++seq })
      client.close()
      return String(body)
    }
    for (let n = 0; n < 6; n++) expect(await fresh()).toBe('good:')
    back.mute = false
    // What is asked is a connection without a client; where each belongs to one, time tells.
    if (mode === 'bound') host!.silentSince -= 30_000
    await comesTrue(async () => (await fresh()) === 'back:', 'requests for the host that is back')
  }
  it('a host that is silent while requests go on gets requests again once it is heard, in every mode', () =>
    Promise.all(modes.map(comesBack)))

  it('do not keep a connection that has no requests', async () => {
    const server = await bed.server('a')
    const heartbeat = { intervalMs: 100, timeoutMs: 5000, misses: 3 }
    const proxy = await bed.proxy(one(server.port, 'shared', {}, { heartbeat, connections: { idleTimeoutMs: 3000 } }))
    await bed.client(proxy).ask({ msgid: 1, seq: 1 })
    await comesTrue(() => server.frames.some(({ kind }) => kind === Kind.heartbeat), 'a heartbeat')
    await comesTrue(() => server.sockets.size === 0, 'the end of the idle connection')
    expect(proxy.clusters.get('a')!.counters[C.upstream_cx_idle_timeout]).toBe(1)
  })
})
