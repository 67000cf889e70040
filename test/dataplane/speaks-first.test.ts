import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { MessageRoute } from '../../dataplane/configuration.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { testCa } from '../helpers/certificates.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed } from './game.ts'
import {
  framesOf,
  hex,
  type ShortServer,
  shortClient,
  shortConfiguration,
  shortProxy,
  shortServer,
} from './short-frames.ts'

/** Protocols whose servers speak first: the upstream is chosen when a client comes, and is the client's for as long as both live. */

const bed = new Bed()
afterEach(() => bed.close())

/** The greeting is a push, or, of role 2, looks like an answer. */
const document = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: hello}
spec:
  frame: {length: {at: 0, type: u8, counts: all}}
  message:
    kind: {at: 1, type: u8, is: {1: request, 2: response, 3: push, 4: handshake}}
    id: {at: 3, type: u8}
  fields:
    command: {at: 2, type: u8}
    who: {at: 4, type: str, size: rest}
  reply: {error: close}
  speaksFirst: upstream
`
const frame = (role: number, command: number, id: number, who = '') =>
  Buffer.from([4 + who.length, role, command, id, ...Buffer.from(who)])

const server = (name: string, role = 3): Promise<ShortServer> =>
  shortServer(
    bed,
    (one, socket) => {
      if (one[1] === 1) socket.write(frame(2, one[2]!, one[3]!, name))
    },
    (socket) => socket.write(frame(role, 0, 0, `I am ${name}`)),
  )

const to = (cluster: string, match: MessageRoute['match'] = []): MessageRoute => ({
  name: `${cluster}${match.length}`,
  match,
  action: { destinations: [{ cluster, weight: 1 }] },
})
const toOther = to('other', [{ field: 'command', exact: '7' }])

describe.each([
  ['a push', 3],
  ['what looks like an answer', 2],
])('the greeting is %s', (_, role) => {
  it('a client that says nothing gets it, and whatever it says then goes to the same upstream', async () => {
    const [home, other] = [await server('home', role), await server('other', role)]
    const proxy = await shortProxy(bed, document, [toOther, to('home')], { home: home.port, other: other.port })
    const client = shortClient(bed, proxy)
    await client.has(1)
    client.socket.write(Buffer.concat([frame(4, 1, 0), frame(3, 7, 0), frame(1, 7, 41), frame(1, 5, 42)]))
    await client.has(3)
    expect(hex(framesOf(client.received))).toEqual(
      hex([frame(role, 0, 0, 'I am home'), frame(2, 7, 41, 'home'), frame(2, 5, 42, 'home')]),
    )
    expect(hex(home.got)).toEqual(hex([frame(4, 1, 0), frame(3, 7, 0), frame(1, 7, 41), frame(1, 5, 42)]))
    expect(other.sockets.size).toBe(0)
    expect(proxy.engine.requests.used).toBe(0)
  })
})

it('each client has an upstream of its own, by the weights of the route; it leaves with the client', async () => {
  const [home, other] = [await server('home'), await server('other')]
  const both: MessageRoute = {
    ...to('home'),
    action: { destinations: ['home', 'other'].map((cluster) => ({ cluster, weight: 50 })) },
  }
  const proxy = await shortProxy(bed, document, [both], { home: home.port, other: other.port })
  const clients = Array.from({ length: 4 }, () => shortClient(bed, proxy))
  for (const client of clients) await client.has(1)
  expect([home.sockets.size, other.sockets.size]).toEqual([2, 2])
  for (const client of clients) {
    // Two requests, which the weights would send to both.
    client.socket.write(Buffer.concat([frame(1, 1, 8), frame(1, 1, 9)]))
    await client.has(3)
    const [greeting, ...answers] = framesOf(client.received).map((one) => one.subarray(4).toString())
    expect(answers.map((name) => `I am ${name}`)).toEqual([greeting, greeting])
  }
  for (const { socket } of clients.slice(1)) socket.end()
  await comesTrue(() => home.sockets.size + other.sockets.size === 1, 'one upstream is left')
})

it('an upstream that goes takes its client along, whatever the listener does in other protocols', async () => {
  const home = await server('home')
  const listener = { upstreamGone: 'rebind' as const }
  const proxy = await shortProxy(bed, document, [to('home')], { home: home.port }, { listener })
  const client = shortClient(bed, proxy)
  await client.has(1)
  for (const socket of home.sockets) socket.end()
  await comesTrue(() => client.closed)
  expect(proxy.clusters.get('home')!.counters[C.upstream_cx_total]).toBe(1)
})

it('a client that leaves before its upstream has spoken leaves nothing behind', async () => {
  const home = await shortServer(bed, () => undefined)
  const proxy = await shortProxy(bed, document, [to('home')], { home: home.port })
  const client = shortClient(bed, proxy)
  await comesTrue(() => home.sockets.size === 1, 'the upstream is open')
  client.socket.end()
  await comesTrue(() => home.sockets.size === 0 && client.closed, 'both are gone')
  expect(proxy.clusters.get('home')!.hosts[0]).toMatchObject({ connectFailures: 0, errors: 0 })
})

it('a client whose upstream cannot be reached, whom no route takes, or whose route is full or has a fault, is closed at once', async () => {
  const home = await server('home')
  // A port where nobody listens.
  const free = createServer()
  await once(free.listen(0, '127.0.0.1'), 'listening')
  const { port: nobody } = free.address() as { port: number }
  await new Promise((resolve) => free.close(resolve))
  const ports = { home: home.port, nobody }
  const fault: MessageRoute = { ...to('home'), action: { ...to('home').action, fault: { abort: { percent: 100 } } } }
  const closed = async (routes: readonly MessageRoute[], cluster = {}) => {
    const proxy = await shortProxy(bed, document, routes, ports, { cluster })
    const client = shortClient(bed, proxy)
    await comesTrue(() => client.closed)
    expect(client.received.length).toBe(0)
    await comesTrue(() => proxy.listeners[0]!.clients.size === 0, 'nothing is left')
    return proxy
  }
  const unrouted = await closed([to('home', toOther.match)])
  expect(unrouted.listeners[0]!.counters[L.downstream_rq_no_route]).toBe(1)
  const refused = await closed([to('nobody')])
  expect(refused.clusters.get('nobody')!.counters[C.upstream_cx_connect_fail]).toBe(1)
  await closed([to('gone')])
  await closed([fault])
  const full = await closed([to('home')], { circuitBreakers: { default: { maxConnections: 0 } } })
  expect(full.clusters.get('home')!.counters[C.upstream_cx_overflow]).toBe(1)
  expect(home.sockets.size).toBe(0)
})

it('behind a PROXY header or a TLS handshake nothing is opened before that is done', async () => {
  const home = await server('home')
  const { cert, key } = await (await testCa()).issue('hello', { dns: ['hello.local'] })
  const greeting = frame(3, 0, 0, 'I am home')
  const behind = await shortProxy(
    bed,
    document,
    [to('home')],
    { home: home.port },
    { listener: { proxyProtocol: true } },
  )
  const { port } = behind.address('l') as { port: number }
  const plain = connect(port, '127.0.0.1')
  bed.defer(() => void plain.destroy())
  plain.write('PROXY TCP4 10.1.2.3 10.0.0.1 4000 5000\r')
  await comesTrue(() => behind.listeners[0]!.greeting === 1, 'the header has begun')
  expect(home.sockets.size).toBe(0)
  plain.write('\n')
  const [first] = (await once(plain, 'data')) as [Buffer]
  expect(hex([first])).toEqual(hex([greeting]))
  const secured = await shortProxy(
    bed,
    document,
    [to('home')],
    { home: home.port },
    {
      listener: { tls: { certificate: cert, privateKey: key } },
    },
  )
  const tls = connectTls({
    host: '127.0.0.1',
    port: (secured.address('l') as { port: number }).port,
    rejectUnauthorized: false,
  })
  bed.defer(() => void tls.destroy())
  const [second] = (await once(tls, 'data')) as [Buffer]
  expect(hex([second])).toEqual(hex([greeting]))
})

it('a proxy that drains lets its clients go, and a change of routes is for those who come', async () => {
  const [home, other] = [await server('home'), await server('other')]
  const ports = { home: home.port, other: other.port }
  const proxy = await shortProxy(bed, document, [to('home')], ports)
  const early = shortClient(bed, proxy)
  await early.has(1)
  expect(await proxy.apply(shortConfiguration(document, [to('other')], ports))).toEqual([])
  const late = shortClient(bed, proxy)
  await late.has(1)
  early.socket.write(frame(1, 1, 9))
  await early.has(2)
  expect([early, late].map(({ received }) => framesOf(received).at(-1)!.subarray(4).toString())).toEqual([
    'home',
    'I am other',
  ])
  await proxy.drain(1000)
  await comesTrue(() => early.closed && late.closed)
})
