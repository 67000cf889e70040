import { afterEach, describe, expect, it } from 'vitest'
import { describeListeners } from '../../dataplane/admin/views.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, encode, endpoints, type GameServer, gameConfiguration, Kind } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

const to = (server: GameServer, more: Partial<Configuration> = {}) =>
  gameConfiguration({
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
    ...more,
  })

describe('a change of the configuration', () => {
  it('holds for the next message of connections that are open', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const proxy = await bed.proxy(to(a))
    const client = bed.client(proxy)
    for (let seq = 0; seq < 20; seq++) {
      const wanted = seq % 2 ? b : a
      await proxy.apply(to(wanted))
      expect(String((await client.ask({ msgid: 1, seq })).body)).toBe(`${wanted.name}:`)
    }
  })

  it('is seen in the list of listeners: the port that was found, and of one that leaves the one that was asked for', async () => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(to(a))
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1 })
    const { port } = proxy.address('game') as { port: number }
    expect(describeListeners(proxy)).toMatchObject([
      { name: 'game', address: `127.0.0.1:${port}`, state: 'open', activeConnections: 1, requestsActive: 0 },
    ])
    a.handle = () => undefined
    client.send({ msgid: 1, seq: 2 })
    await comesTrue(() => describeListeners(proxy)[0]?.requestsActive === 1, 'a request in flight')
    await proxy.apply({ ...to(a), listeners: [] })
    expect(describeListeners(proxy)).toMatchObject([
      { name: 'game', address: '127.0.0.1:0', state: 'draining', activeConnections: 1, requestsActive: 1 },
    ])
  })

  it('an endpoint that leaves gets no new requests and finishes those it has', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const held: (() => void)[] = []
    a.handle = (frame, socket) => held.push(() => a.answer(frame, socket))
    const proxy = await bed.proxy(to(a))
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 1 })
    await comesTrue(() => held.length === 1)
    await proxy.apply(to(b))
    expect(String((await client.ask({ msgid: 1, seq: 2 })).body)).toBe('b:')
    held[0]!()
    await client.receive(2)
    expect(String(client.frames[1]!.body)).toBe('a:')
    await comesTrue(() => a.sockets.size === 0, 'no connection to the endpoint that left')
  })

  it.each(['shared', 'bound', 'exclusive'] as const)(
    'an endpoint that leaves and never answers its last request loses its connection with the time of that (%s)',
    async (mode) => {
      const [a, b] = [await bed.server('a'), await bed.server('b')]
      a.handle = () => undefined
      const listener = { mode, requestTimeoutMs: 300 }
      const proxy = await bed.proxy(to(a, { listener } as never))
      const client = bed.client(proxy)
      client.send({ msgid: 1, seq: 1 })
      await comesTrue(() => a.frames.length === 1, 'the request is there')
      await proxy.apply(to(b, { listener } as never))
      await client.receive(1)
      expect(client.frames[0]!.flags).toBe(0x80)
      await comesTrue(() => a.sockets.size === 0, 'no connection to the endpoint that left')
      expect(client.closed).toBe(false)
    },
  )

  it('routes that say the same as before are the same table: what it counts and draws goes on', async () => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(to(a))
    const [before] = proxy.listeners.map(({ table }) => table)
    await proxy.apply({ ...to(a), version: 'next' })
    expect(proxy.listeners[0]!.table).toBe(before)
    await proxy.apply(to(a, { routes: [{ name: 'game', routes: [byId(2, 'a')] }] }))
    expect(proxy.listeners[0]!.table).not.toBe(before)
  })

  it('a cluster removed while requests are pending: they finish', async () => {
    const a = await bed.server('a')
    const held: (() => void)[] = []
    a.handle = (frame, socket) => held.push(() => a.answer(frame, socket))
    const proxy = await bed.proxy(to(a))
    const client = bed.client(proxy)
    client.send({ msgid: 1, seq: 1 })
    await comesTrue(() => held.length === 1)
    await proxy.apply(to(a, { clusters: [] }))
    expect((await client.ask({ msgid: 1, seq: 2 })).body.readUInt32BE()).toBe(2)
    held[0]!()
    await client.receive(2)
    expect(String(client.frames[1]!.body)).toBe('a:')
  })

  it('listeners come and go without cutting others; connections of one that goes end with their last reply', async () => {
    const a = await bed.server('a')
    const base = to(a)
    const second = { ...base.listeners[0]!, name: 'second' }
    const proxy = await bed.proxy({ ...base, listeners: [base.listeners[0]!, second] })
    const [stays, goes] = [bed.client(proxy), bed.client(proxy, 'second')]
    await stays.ask({ msgid: 1, seq: 1 })
    await goes.ask({ msgid: 1, seq: 1 })
    const held: (() => void)[] = []
    a.handle = (frame, socket) => held.push(() => a.answer(frame, socket))
    goes.send({ msgid: 1, seq: 2 })
    await comesTrue(() => held.length === 1)
    await proxy.apply(base)
    expect(proxy.address('second')).toBeUndefined()
    expect(goes.closed).toBe(false)
    held[0]!()
    await goes.receive(2)
    await goes.ended()
    a.handle = (frame, socket) => a.answer(frame, socket)
    await stays.ask({ msgid: 1, seq: 3 })
    await proxy.apply({ ...base, listeners: [base.listeners[0]!, second] })
    await bed.client(proxy, 'second').ask({ msgid: 1, seq: 4 })
  })

  it('what cannot be used is reported and the rest is in force', async () => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(to(a))
    const { port } = proxy.address('game') as { port: number }
    const problems = await proxy.apply({
      ...to(a),
      protocols: [...to(a).protocols, { name: 'odd', layout: { frame: 1 } }],
      listeners: [
        ...to(a).listeners,
        { name: 'twice', address: { host: '127.0.0.1', port }, protocol: 'game', routes: 'game' },
        { name: 'odd', address: { host: '127.0.0.1', port: 0 }, protocol: 'odd', routes: 'game' },
      ],
    })
    expect(problems.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'protocol odd',
      'listener twice',
      'listener odd',
    ])
    await bed.client(proxy).ask({ msgid: 1, seq: 1 })
  })

  it('a protocol may change under a listener: new connections speak it, old ones go on as they were', async () => {
    const a = await bed.server('a')
    const base = to(a)
    const proxy = await bed.proxy(base, { drainGraceMs: 0 })
    const old = bed.client(proxy)
    await old.ask({ msgid: 1, seq: 1 })
    const document = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: game}
spec:
  frame: {length: {at: 0, type: u32, counts: all}, max: 4KiB}
  message: {kind: {at: 6, type: u8, is: {1: request, 2: response}}, id: {at: 12, type: u32}}
  fields: {msgid: {at: 8, type: u32}}
  reply: {error: close}
  connections: [shared]
`
    expect(await proxy.apply({ ...base, protocols: [{ name: 'game', document }] })).toEqual([])
    await old.ended()
    expect(String((await bed.client(proxy).ask({ msgid: 1, seq: 2, body: 'x' })).body)).toBe('a:x')
  })
})

describe('drain', () => {
  it('accepts no more, finishes what is in flight, then FIN', async () => {
    const a = await bed.server('a')
    const held: (() => void)[] = []
    a.handle = (frame, socket) => held.push(() => a.answer(frame, socket))
    const proxy = await bed.proxy(to(a), { drainGraceMs: 0 })
    const { port } = proxy.address('game') as { port: number }
    const [busy, idle] = [bed.client(proxy), bed.client(proxy)]
    await idle.ask({ kind: Kind.heartbeat, seq: 1 })
    for (let seq = 0; seq < 10; seq++) busy.send({ msgid: 1, seq })
    await comesTrue(() => held.length === 10)
    const drained = proxy.drain(10_000)
    await idle.ended()
    const { GameClient } = await import('./game.ts')
    const late = new GameClient(port)
    await late.ended()
    for (const answer of held) answer()
    await busy.receive(10)
    await busy.ended()
    await drained
  })

  it('a client that cannot be told goes with its next reply, so that a request on its way is answered', async () => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(to(a), { drainGraceMs: 30_000 })
    const [asking, several, silent] = [bed.client(proxy), bed.client(proxy), bed.client(proxy)]
    for (const client of [asking, several, silent]) await client.ask({ msgid: 1, seq: 1 })
    const drained = proxy.drain(60_000)
    expect(String((await asking.ask({ msgid: 1, seq: 2, body: 'late' })).body)).toBe('a:late')
    // The first of these the proxy answers by itself, at once; the second came with it.
    several.socket.write(Buffer.concat([encode({ msgid: 99, seq: 3 }), encode({ msgid: 1, seq: 4, body: 'behind' })]))
    await several.receive(3)
    expect(String(several.frames.find(({ seq }) => seq === 4)?.body)).toBe('a:behind')
    await Promise.all([asking.ended(), several.ended()])
    for (const client of [asking, several]) client.close()
    await comesTrue(() => proxy.listeners[0]!.clients.size === 1, 'the end of those two, and of no other')
    await silent.ask({ msgid: 1, seq: 5 })
    await silent.ended()
    await drained
  })

  it('a client that cannot be told and says nothing is ended after a while', async () => {
    const proxy = await bed.proxy(to(await bed.server('a')), { drainGraceMs: 50 })
    const silent = bed.client(proxy)
    await silent.ask({ msgid: 1, seq: 1 })
    const drained = proxy.drain(60_000)
    await silent.ended()
    await drained
  })
})
