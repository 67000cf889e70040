import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ClusterConfig, Configuration, EndpointConfig, RouteAction } from '../../dataplane/configuration.ts'
import type { MessageProxy } from '../../dataplane/proxy.ts'
import { C } from '../../dataplane/stats/counters.ts'
import type { HostPool } from '../../dataplane/upstream/pool.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, endpoints, type GameClient, type GameServer, gameConfiguration, Kind, splitter } from './game.ts'

/** A change of the configuration that meets something under way: a host that is ejected, requests that wait or are in flight, peers that are slow. */

const bed = new Bed()
afterEach(() => bed.close())

const modes = ['shared', 'bound', 'exclusive'] as const
const error = { flags: 0x80, body: Buffer.alloc(4) }

function to(
  localities: ClusterConfig['localities'],
  cluster: Partial<ClusterConfig> = {},
  listener: Partial<Configuration['listeners'][number]> = {},
  action: Partial<RouteAction> = {},
): Configuration {
  return gameConfiguration({
    listener,
    routes: [{ name: 'game', routes: [byId(1, 'x', action)] }],
    clusters: [{ name: 'x', localities, balancer: { kind: 'roundRobin' }, ...cluster }],
  })
}

const at = ({ port }: GameServer, more: Partial<EndpointConfig> = {}): EndpointConfig => ({
  address: { host: '127.0.0.1', port },
  ...more,
})
const hostOf = (proxy: MessageProxy, { port }: GameServer) =>
  proxy.clusters.get('x')!.hosts.find(({ key }) => key === `127.0.0.1:${port}`)!

let next = 1
/** Who answers so many requests, each once. */
async function answerers(client: GameClient, count = 12): Promise<readonly string[]> {
  const names = new Set<string>()
  for (let n = 0; n < count; n++) {
    const { flags, body } = await client.ask({ msgid: 1, seq: next++ })
    names.add(flags === 0 ? String(body).slice(0, -1) : 'error')
  }
  return [...names].sort()
}

describe('while a host is ejected', () => {
  const outlierDetection = { consecutiveErrors: 2, maxEjectionPercent: 100, baseEjectionMs: 600_000 }
  const failing = (server: GameServer) => {
    server.handle = (frame, socket) => server.answer(frame, socket, error)
  }
  const working = (server: GameServer) => {
    server.handle = (frame, socket) => server.answer(frame, socket)
  }

  it('endpoints that join and other weights leave it out; without the policy it is back', async () => {
    const [a, b, c] = [await bed.server('a'), await bed.server('b'), await bed.server('c')]
    const proxy = await bed.proxy(to(endpoints(a.port, b.port), { outlierDetection }))
    const client = bed.client(proxy)
    failing(a)
    expect(await answerers(client)).toEqual(['b', 'error'])
    expect(hostOf(proxy, a).ejected).toBe(true)
    working(a)
    await proxy.apply(to(endpoints(a.port, b.port, c.port), { outlierDetection }))
    expect(await answerers(client)).toEqual(['b', 'c'])
    await proxy.apply(to([{ endpoints: [at(c), at(a, { weight: 100 }), at(b)] }], { outlierDetection }))
    expect(await answerers(client)).toEqual(['b', 'c'])
    await proxy.apply(to(endpoints(a.port, b.port, c.port)))
    expect(await answerers(client)).toEqual(['a', 'b', 'c'])
  })

  it('it leaves and comes again as a new host, which nothing is counted against that the old one still owed', async () => {
    const a = await bed.server('a')
    const held: (() => void)[] = []
    a.handle = (frame, socket) => {
      if (String(frame.body) === 'slow') held.push(() => a.answer(frame, socket, error))
      else a.answer(frame, socket, error)
    }
    const only = { outlierDetection, panicThreshold: 0, connections: { perHost: 1 } }
    const proxy = await bed.proxy(to(endpoints(a.port), only))
    const client = bed.client(proxy)
    for (let n = 0; n < 2; n++) client.send({ msgid: 1, seq: next++, body: 'slow' })
    await comesTrue(() => held.length === 2, 'two requests in flight')
    const before = hostOf(proxy, a)
    expect(await answerers(client, 2)).toEqual(['error'])
    expect(before.ejected).toBe(true)
    await proxy.apply(to([], only))
    await proxy.apply(to(endpoints(a.port), only))
    a.handle = (frame, socket) => a.answer(frame, socket)
    expect(await answerers(client, 3)).toEqual(['a'])
    expect([a.connections, a.sockets.size]).toEqual([2, 2])
    for (const answer of held) answer()
    await comesTrue(() => a.sockets.size === 1, 'the end of the connection to the host that left')
    const after = hostOf(proxy, a)
    expect(after).not.toBe(before)
    expect([after.ejected, after.errors, after.errorsInRow, before.active]).toEqual([false, 0, 0, 0])
    expect(await answerers(client, 3)).toEqual(['a'])
  })

  it('the next priority serves; its own is served again as soon as another endpoint stands in its place', async () => {
    const [a, b, c] = [await bed.server('a'), await bed.server('b'), await bed.server('c')]
    const by = (...first: readonly GameServer[]) => [
      { zone: 'near', endpoints: first.map((server) => at(server)) },
      { zone: 'far', priority: 1, endpoints: [at(b)] },
    ]
    const proxy = await bed.proxy(to(by(a), { outlierDetection }))
    const client = bed.client(proxy)
    failing(a)
    expect(await answerers(client, 4)).toEqual(['b', 'error'])
    expect(await answerers(client)).toEqual(['b'])
    await proxy.apply(to(by(c), { outlierDetection }))
    expect(await answerers(client)).toEqual(['c'])
  })

  it('a client with connections of its own goes to another, and stays there when the policy is dropped', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const bound = { mode: 'bound' } as const
    const proxy = await bed.proxy(to(endpoints(a.port), { outlierDetection }, bound))
    const client = bed.client(proxy)
    expect(await answerers(client, 2)).toEqual(['a'])
    failing(a)
    await proxy.apply(to(endpoints(a.port, b.port), { outlierDetection }, bound))
    expect(await answerers(client, 2)).toEqual(['error'])
    expect(await answerers(client)).toEqual(['b'])
    working(a)
    await proxy.apply(to(endpoints(a.port, b.port), {}, bound))
    expect(await answerers(client)).toEqual(['b'])
    expect([a.sockets.size, b.sockets.size]).toEqual([1, 1])
    // Only now, since it may still push.
    await proxy.apply(to(endpoints(b.port), {}, bound))
    await comesTrue(() => a.sockets.size === 0, 'the end of the connection to the host that left')
    expect(await answerers(client, 2)).toEqual(['b'])
    expect(b.connections).toBe(1)
  })
})

describe('while requests are in flight', () => {
  async function held(server: GameServer, client: GameClient, count: number) {
    const answers: (() => void)[] = []
    server.handle = (frame, socket) => answers.push(() => server.answer(frame, socket))
    for (let n = 0; n < count; n++) client.send({ msgid: 1, seq: next++ })
    await comesTrue(() => answers.length === count, `${count} requests in flight`)
    server.handle = (frame, socket) => server.answer(frame, socket)
    return answers
  }
  const limited = (maxRequests: number) => ({ circuitBreakers: { default: { maxRequests } } })

  it.each(modes)('a limit below their number turns new ones away until there are fewer (%s)', async (mode) => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(to(endpoints(a.port), limited(10), { mode }))
    const client = bed.client(proxy)
    const answers = await held(a, client, 3)
    await proxy.apply(to(endpoints(a.port), limited(2), { mode }))
    for (const [n, answer] of answers.entries()) {
      const { breakers } = proxy.clusters.get('x')!
      expect(breakers[0].requests).toBe(3 - n)
      expect(await answerers(client, 1)).toEqual([3 - n >= 2 ? 'error' : 'a'])
      answer()
      await comesTrue(() => breakers[0].requests === 2 - n, 'one less')
    }
    expect(proxy.clusters.get('x')!.counters[C.upstream_rq_pending_overflow]).toBe(2)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('a number of requests for a connection that it has had already ends it with the next one', async () => {
    const a = await bed.server('a')
    const connections = { perHost: 1 }
    const proxy = await bed.proxy(to(endpoints(a.port), { connections }))
    const client = bed.client(proxy)
    expect(await answerers(client, 5)).toEqual(['a'])
    expect(a.connections).toBe(1)
    await proxy.apply(to(endpoints(a.port), { connections: { ...connections, maxRequestsPerConnection: 3 } }))
    expect(await answerers(client, 7)).toEqual(['a'])
    // The first takes one more, then three each.
    expect(a.connections).toBe(3)
    expect(proxy.clusters.get('x')!.counters[C.upstream_cx_max_requests]).toBe(3)
  })

  it.each(modes)(
    'one-way messages count for the number that a connection may have, and all arrive (%s)',
    async (mode) => {
      const a = await bed.server('a')
      const connections = { perHost: 1, maxRequestsPerConnection: 3 }
      const proxy = await bed.proxy(to(endpoints(a.port), { connections }, { mode }))
      const client = bed.client(proxy)
      const bodies = Array.from({ length: 7 }, (_, n) => `${n}`)
      for (const [n, body] of bodies.entries()) {
        client.send({ kind: Kind.oneway, msgid: 1, body })
        await comesTrue(() => a.frames.length === n + 1, 'one more')
      }
      expect(a.frames.map(({ body }) => String(body))).toEqual(bodies)
      expect([a.connections, proxy.clusters.get('x')!.counters[C.upstream_cx_max_requests]]).toEqual([3, 2])
      await comesTrue(() => a.sockets.size === 1, 'the end of those that had theirs')
      expect(proxy.engine.requests.used).toBe(0)
    },
  )

  it('its host leaves, after a reply that came too late: the connection ends with the one that is still awaited, not before', async () => {
    const a = await bed.server('a')
    const only = { connections: { perHost: 1 } }
    const action = (timeoutMs: number) => ({ timeoutMs })
    const proxy = await bed.proxy(to(endpoints(a.port), only, {}, action(100)))
    const client = bed.client(proxy)
    const [late] = await held(a, client, 1)
    await client.receive(1)
    expect(client.frames[0]!.flags & 0x80).toBe(0x80)
    late!()
    const { counters } = proxy.clusters.get('x')!
    await comesTrue(() => counters[C.upstream_rq_late_reply] === 1, 'the late reply')
    await proxy.apply(to(endpoints(a.port), only, {}, action(60_000)))
    const [answer] = await held(a, client, 1)
    await proxy.apply(to([], only))
    answer!()
    await client.receive(2)
    expect(String(client.frames[1]!.body)).toBe('a:')
    await comesTrue(() => a.sockets.size === 0, 'the end of the connection')
  })

  it('one that waits for a connection of its own is served at a host that left meanwhile, and nothing of it stays open', async () => {
    const a = await bed.server('a')
    const one = { circuitBreakers: { default: { maxConnections: 1 } }, connections: { idleTimeoutMs: 0 } }
    const exclusive = { mode: 'exclusive' } as const
    const proxy = await bed.proxy(to(endpoints(a.port), one, exclusive))
    const [first, second] = [bed.client(proxy), bed.client(proxy)]
    const [answer] = await held(a, first, 1)
    second.send({ msgid: 1, seq: 7, body: 'waits' })
    const { breakers } = proxy.clusters.get('x')!
    await comesTrue(() => breakers[0].pending === 1, 'one that waits')
    await proxy.apply(to([], one, exclusive))
    answer!()
    await second.receive(1)
    expect(String(second.frames[0]!.body)).toBe('a:waits')
    await comesTrue(() => a.sockets.size === 0, 'no connection to the host that left')
    expect(breakers[0]).toMatchObject({ requests: 0, pending: 0 })
  })

  it('PROXY headers that are asked for from now on: a client keeps its connection until its last reply, and says on the next who it is', async () => {
    const said: string[] = []
    const answers: (() => void)[] = []
    const server = createServer((socket) => {
      const index = said.push('') - 1
      const frames = splitter((frame) => {
        const answer = () => socket.write(encodeReply(frame))
        if (String(frame.body) === 'slow') answers.push(answer)
        else answer()
      })
      const encodeReply = (frame: Parameters<Parameters<typeof splitter>[0]>[0]) => {
        const bytes = Buffer.alloc(24)
        bytes.writeUInt32BE(24, 0)
        bytes.writeUInt16BE(0x4d47, 4)
        bytes[6] = 2
        bytes.writeUInt32BE(frame.msgid, 8)
        bytes.writeUInt32BE(frame.seq, 12)
        return bytes
      }
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        const end = chunk.subarray(0, 6).toString('latin1') === 'PROXY ' ? chunk.indexOf('\r\n') + 2 : 0
        said[index] += chunk.subarray(0, end).toString('latin1')
        if (end < chunk.length) frames(chunk.subarray(end))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    bed.defer(() => server.close())
    const { port } = server.address() as { port: number }
    const bound = { mode: 'bound' } as const
    const proxy = await bed.proxy(to(endpoints(port), {}, bound))
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 1, body: 'slow' })
    await comesTrue(() => answers.length === 1, 'a request in flight')
    await proxy.apply(to(endpoints(port), { proxyProtocol: 'v1' }, bound))
    client.send({ msgid: 1, seq: 2 })
    await client.receive(1)
    answers[0]!()
    await client.receive(2)
    expect(client.frames.map(({ seq }) => seq)).toEqual([2, 1])
    const { localPort } = client.socket
    expect(said[0]).toBe('')
    expect(said[1]).toMatch(new RegExp(`^PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} \\d+\r\n$`))
    const open = () =>
      [...hostOf(proxy, { port } as GameServer).pools.values()].flatMap((pool) => [...(pool as HostPool).all])
    await comesTrue(() => open().length === 1, 'the end of the first connection')
  })
})

describe('while an upstream takes nothing', () => {
  it.each(['shared', 'bound'] as const)(
    'its host leaves: all that its client sent arrives in the end, and the client is read again (%s)',
    async (mode) => {
      const [a, b] = [await bed.server('a'), await bed.server('b')]
      a.keep = false
      const many = {
        circuitBreakers: { default: { maxPendingBytes: 1024 ** 3, maxRequests: 100_000 } },
        connections: { perHost: 1 },
      }
      const listener = { mode, requestTimeoutMs: 600_000 }
      const proxy = await bed.proxy(to(endpoints(a.port), many, listener))
      const client = bed.client(proxy)
      await client.ask({ msgid: 1, seq: 1 })
      for (const socket of a.sockets) socket.pause()
      const body = Buffer.alloc(200 * 1024)
      const [pool] = hostOf(proxy, a).pools.values()
      const [connection] = (pool as HostPool).all
      let sent = 1
      while (!connection!.out.blocked) {
        client.send({ msgid: 1, seq: ++sent, body })
        await new Promise((resolve) => setImmediate(resolve))
      }
      const [held] = proxy.listeners[0]!.clients
      if (mode === 'bound') expect(held!.held).toBe(true)
      await proxy.apply(to(endpoints(b.port), many, listener))
      for (const socket of a.sockets) socket.resume()
      await client.receive(sent)
      await comesTrue(() => a.sockets.size === 0, 'the end of the connection to the host that left')
      expect(held!.held).toBe(false)
      expect(await answerers(client, 2)).toEqual(['b'])
      expect(proxy.engine.requests.used).toBe(0)
    },
  )
})
