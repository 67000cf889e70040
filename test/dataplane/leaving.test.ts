import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { ClusterConfig, Configuration, RouteAction } from '../../dataplane/configuration.ts'
import type { MessageProxy } from '../../dataplane/proxy.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, encode, endpoints, type GameServer, gameConfiguration, Kind } from './game.ts'

/** What becomes of what a client said, and is owed, when it leaves: at once, or with its last word said. */

const bed = new Bed()
afterEach(() => bed.close())

function to(
  server: GameServer,
  mode: ConnectionMode,
  action: Partial<RouteAction> = {},
  cluster: Partial<ClusterConfig> = {},
  listener: Partial<Configuration['listeners'][number]> = {},
) {
  return gameConfiguration({
    listener: { mode, ...listener },
    routes: [{ name: 'game', routes: [byId(1, 'a', action), byId(2, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' }, ...cluster }],
  })
}

const modes = ['shared', 'bound', 'exclusive'] as const
const noCounts = { requests: 0, pending: 0, retries: 0 }

describe.each(modes)('a client that is gone, %s', (mode) => {
  it.each([0, 60_000])('takes no place in the limit on requests, with a timeout of %d ms', async (timeoutMs) => {
    const server = await bed.server('a')
    const held: (() => void)[] = []
    server.handle = (frame, socket) => held.push(() => server.answer(frame, socket))
    const limit = { circuitBreakers: { default: { maxRequests: 1 } } }
    const proxy = await bed.proxy(to(server, mode, { timeoutMs }, limit))
    const leaves = bed.client(proxy)
    leaves.send({ msgid: 1, seq: 1 })
    await comesTrue(() => held.length === 1, 'a request is there')
    leaves.socket.resetAndDestroy()
    const { breakers, counters, hosts } = proxy.clusters.get('a')!
    await comesTrue(() => breakers[0].requests === 0, 'its request is not counted')
    expect([breakers[0], hosts[0]!.active, counters[C.upstream_rq_cancelled]]).toMatchObject([noCounts, 0, 1])
    const stays = bed.client(proxy)
    server.handle = (frame, socket) => server.answer(frame, socket)
    expect(String((await stays.ask({ msgid: 1, seq: 2, body: 'mine' })).body)).toBe('a:mine')
    // What was sent on a connection of others has its id until the reply.
    for (const answer of held) answer()
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    expect(counters[C.upstream_rq_late_reply]).toBe(mode === 'shared' ? 1 : 0)
    expect([hosts[0]!.errors, breakers[0]]).toMatchObject([0, noCounts])
  })

  it('has no request that waits for a delay, or for its next try', async () => {
    const server = await bed.server('a')
    server.handle = (_, socket) => socket.destroy()
    const delayed = { fault: { delay: { percent: 100, ms: 600_000 } }, timeoutMs: 0 }
    const again = { attempts: 1, on: ['reset'], idempotent: true, baseIntervalMs: 60_000_000 } as const
    for (const action of [delayed, { retry: again, timeoutMs: 0 }]) {
      const proxy = await bed.proxy(to(server, mode, action))
      const leaves = bed.client(proxy)
      leaves.send({ msgid: 1, seq: 1 })
      const { breakers } = proxy.clusters.get('a')!
      const waits = () => ('retry' in action ? breakers[0].retries === 1 : proxy.engine.requests.used === 1)
      await comesTrue(waits, 'it waits')
      leaves.socket.resetAndDestroy()
      await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
      expect(breakers[0]).toMatchObject(noCounts)
    }
  })

  it.each([
    ['at once', {}],
    ['after a delay', { fault: { delay: { percent: 100, ms: 40 } } }],
  ])('with its last word said has said it: one-way messages are sent, %s', async (_, action) => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(to(server, mode, action))
    for (let seq = 1; seq <= 3; seq++) {
      const client = bed.client(proxy)
      client.socket.end(encode({ kind: Kind.oneway, msgid: 1, seq }))
      await comesTrue(() => server.frames.length === seq, 'it is there')
      await client.ended()
    }
    await comesTrue(() => proxy.listeners[0]!.clients.size === 0, 'no client')
    if (mode === 'bound') await comesTrue(() => server.sockets.size === 0, 'no connection')
    expect(proxy.engine.requests.used).toBe(0)
  })
})

describe('a client that has said its last word and reads slowly', () => {
  const count = 16
  const body = Buffer.alloc(1024 * 1024 - 24, 'x')

  async function owed(): Promise<{ readonly proxy: MessageProxy; readonly socket: Socket; pass(ms: number): void }> {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const server = await bed.server('a')
    server.keep = false
    server.handle = (frame, socket) => server.answer(frame, socket, { body })
    const proxy = await bed.proxy(to(server, 'shared', {}, {}, { bufferLimitBytes: 2 * count * body.length }))
    const socket = connect({ host: '127.0.0.1', port: (proxy.address('game') as { port: number }).port })
    bed.defer(() => socket.destroy())
    socket.pause()
    socket.end(Buffer.concat(Array.from({ length: count }, (_, seq) => encode({ msgid: 1, seq }))))
    const { counters } = proxy.listeners[0]!
    await comesTrue(() => counters[L.downstream_rq_replied] === count, 'it is owed all replies')
    return { proxy, socket, pass: (ms) => void vi.advanceTimersByTime(ms) }
  }

  it('gets all it is owed, as long as it reads at all', async () => {
    const { proxy, socket, pass } = await owed()
    const { clients } = proxy.listeners[0]!
    let got = 0
    socket.on('data', ({ length }) => {
      got += length
      if (got >= next) socket.pause()
    })
    socket.pause()
    const total = count * (body.length + 24)
    let next = 0
    // Until the kernel has it all: were it cut before, some would be missing.
    while (clients.size > 0) {
      pass(200_000)
      const untaken = () => [...clients][0]?.out.untaken
      const before = untaken()
      next = Math.min(total, got + total / 4)
      socket.resume()
      await comesTrue(() => clients.size === 0 || (got >= next && untaken() !== before), 'it read')
    }
    next = Number.POSITIVE_INFINITY
    socket.resume()
    await comesTrue(() => got === total, 'all of it')
  })

  it('is cut when it takes nothing at all', async () => {
    const { proxy, pass } = await owed()
    const { clients } = proxy.listeners[0]!
    pass(290_000)
    expect(clients.size).toBe(1)
    pass(20_000)
    await comesTrue(() => clients.size === 0, 'it is closed')
  })
})

describe.each(modes)('a client whose requests are not all read when its time to go is over, %s', (mode) => {
  it('gets the reply it waits for, then FIN and no reset; what it said behind that reaches nobody', async () => {
    const server = await bed.server('a')
    const answers: (() => void)[] = []
    server.handle = (frame, socket) => answers.push(() => server.answer(frame, socket))
    const proxy = await bed.proxy(to(server, mode, {}, {}, { maxRequestsPerConnection: 1 }), { drainGraceMs: 50 })
    const leaves = bed.client(proxy, 'game', { allowHalfOpen: true })
    const errors: Error[] = []
    leaves.socket.on('error', (error) => errors.push(error))
    // One is in flight, so no more is read: two lie in the proxy, and of a third a half.
    const [first, second, third] = [1, 2, 3].map((seq) => encode({ msgid: 1, seq, body: `${seq}` }))
    leaves.socket.write(Buffer.concat([first!, second!, third!, third!.subarray(0, 9)]))
    await comesTrue(() => answers.length === 1, 'a request is there')
    const [listener] = proxy.listeners
    const [held] = listener!.clients
    expect(held!.held).toBe(true)
    const finish = vi.spyOn(held!, 'finish')
    const drained = proxy.drain(30_000)
    await comesTrue(() => finish.mock.calls.length > 0, 'its time is over')
    // More than sockets hold: a reset would take the reply with it.
    const taken = new Promise((resolve) => leaves.socket.write(Buffer.alloc(8 << 20), resolve))
    await taken
    for (const answer of answers) answer()
    await leaves.ended()
    expect(leaves.frames.map(({ seq, body }) => [seq, String(body)])).toEqual([[1, 'a:1']])
    leaves.close()
    await drained
    expect(errors).toEqual([])
    expect(server.frames).toHaveLength(1)
    const { counters } = listener!
    expect([
      counters[L.downstream_rq_total],
      counters[L.downstream_rq_replied],
      counters[L.downstream_rq_closed],
    ]).toEqual([1, 1, 0])
    expect(proxy.engine.requests.used).toBe(0)
  })
})
