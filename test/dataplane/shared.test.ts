import { afterEach, describe, expect, it } from 'vitest'
import { L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, endpoints, gameConfiguration, Kind } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

describe('shared upstream connections', () => {
  it('routes by message id, restores ids, and forwards the other bytes as they were', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const proxy = await bed.proxy(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'a'), byId(2, 'b')] }],
        clusters: [
          { name: 'a', localities: endpoints(a.port), balancer: { kind: 'roundRobin' } },
          { name: 'b', localities: endpoints(b.port), balancer: { kind: 'roundRobin' } },
        ],
      }),
    )
    const client = bed.client(proxy)
    const one = await client.ask({ msgid: 1, seq: 0xfffffffe, uid: 2n ** 64n - 1n, flags: 3, body: 'hello' })
    expect(one).toMatchObject({ kind: Kind.response, msgid: 1, seq: 0xfffffffe, uid: 2n ** 64n - 1n, flags: 3 })
    expect(String(one.body)).toBe('a:hello')
    expect(String((await client.ask({ msgid: 2, seq: 7, body: 'x' })).body)).toBe('b:x')
    expect(a.frames).toHaveLength(1)
    expect(a.frames[0]).toMatchObject({ msgid: 1, uid: 2n ** 64n - 1n, flags: 3 })
  })

  it('two clients with the same ids get their own replies over few upstream connections', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'a')] }],
        clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
      }),
    )
    const clients = Array.from({ length: 20 }, () => bed.client(proxy))
    for (const [i, client] of clients.entries())
      for (let seq = 0; seq < 100; seq++) client.send({ msgid: 1, seq, body: `${i}-${seq}` })
    await Promise.all(clients.map((client) => client.receive(100)))
    for (const [i, client] of clients.entries()) {
      expect(client.frames.map(({ seq, body }) => `${seq} ${body}`)).toEqual(
        Array.from({ length: 100 }, (_, seq) => `${seq} a:${i}-${seq}`),
      )
    }
    expect(server.connections).toBeLessThanOrEqual(2)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('requests of one client arrive, and are answered, in the order in which it sent them, over however many connections', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'a')] }],
        clusters: [
          {
            name: 'a',
            localities: endpoints(server.port),
            balancer: { kind: 'roundRobin' },
            connections: { perHost: 2, minPerHost: 2 },
          },
        ],
      }),
    )
    await comesTrue(() => server.sockets.size === 2, 'two connections')
    const clients = [bed.client(proxy), bed.client(proxy)]
    const order = Array.from({ length: 400 }, (_, seq) => seq)
    for (const seq of order)
      for (const [uid, client] of clients.entries()) client.send({ msgid: 1, seq, uid: BigInt(uid), body: `${seq}` })
    for (const [uid, client] of clients.entries()) {
      await client.receive(order.length)
      expect(client.frames.map(({ seq }) => seq)).toEqual(order)
      const arrived = server.frames.filter((frame) => frame.uid === BigInt(uid))
      expect(arrived.map(({ body }) => Number(String(body)))).toEqual(order)
    }
  })

  it('round robin shares requests evenly among hosts', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => bed.server(name)))
    const proxy = await bed.proxy(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'all')] }],
        clusters: [
          { name: 'all', localities: endpoints(...servers.map(({ port }) => port)), balancer: { kind: 'roundRobin' } },
        ],
      }),
    )
    const client = bed.client(proxy)
    for (let seq = 0; seq < 300; seq++) client.send({ msgid: 1, seq })
    await client.receive(300)
    expect(servers.map(({ frames }) => frames.length)).toEqual([100, 100, 100])
  })

  it('a message no route takes gets an error reply in its own protocol', async () => {
    const proxy = await bed.proxy(gameConfiguration({ routes: [{ name: 'game', routes: [byId(1, 'a')] }] }))
    const client = bed.client(proxy)
    const reply = await client.ask({ msgid: 9, seq: 5, uid: 3n })
    expect(reply).toMatchObject({ kind: Kind.response, flags: 0x80, msgid: 9, seq: 5, uid: 3n })
    expect(reply.body.readUInt32BE()).toBe(1)
    const missing = await client.ask({ msgid: 1, seq: 6 })
    expect(missing.body.readUInt32BE()).toBe(2)
    expect(proxy.listeners[0]!.counters[L.downstream_rq_no_route]).toBe(1)
  })

  it('one-way messages are forwarded with their bytes unchanged and get nothing', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'a')] }],
        clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
      }),
    )
    const client = bed.client(proxy)
    client.send({ kind: Kind.oneway, msgid: 1, seq: 77, body: 'note' })
    client.send({ kind: Kind.oneway, msgid: 2, seq: 78, body: 'nowhere' })
    await client.ask({ msgid: 1, seq: 79 })
    await comesTrue(() => server.frames.length === 2)
    expect(server.frames[0]).toMatchObject({ kind: Kind.oneway, seq: 77 })
    expect(client.frames).toHaveLength(1)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('heartbeats are answered here', async () => {
    const proxy = await bed.proxy(gameConfiguration({}))
    const client = bed.client(proxy)
    expect(await client.ask({ kind: Kind.heartbeat, seq: 4, uid: 9n })).toMatchObject({ kind: Kind.heartbeat, uid: 9n })
  })
})
