import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { MessageRoute } from '../../dataplane/configuration.ts'
import { C } from '../../dataplane/stats/counters.ts'
import type { HostPool } from '../../dataplane/upstream/pool.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed } from './game.ts'
import {
  framesOf,
  hex,
  type ShortOptions,
  type ShortServer,
  shortClient,
  shortProxy,
  shortServer,
} from './short-frames.ts'

/**
 * Protocols whose login is answered as any request is: the client's frame is a handshake, the upstream's a response with its id. It joins no request,
 * and is the client's all the same.
 */

const bed = new Bed()
afterEach(() => bed.close())

const document = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: rpg}
spec:
  frame: {length: {at: 0, type: u8, counts: all}}
  message:
    kind: [{is: handshake, when: {role: 1, command: 1}}, {is: request, when: {role: 1}}, {is: response, when: {role: 2}}, {is: push, when: {role: 3}}]
    id: {at: 3, type: u8}
  fields:
    role: {at: 1, type: u8, writable: false}
    command: {at: 2, type: u8}
    who: {at: 4, type: str, size: rest}
  reply: {error: close}
  connections: [bound]
`
const frame = (role: number, command: number, id: number, who = '') =>
  Buffer.from([4 + who.length, role, command, id, ...Buffer.from(who)])
/** The client's. */
const login = frame(1, 1, 40)
const push = frame(3, 9, 0, 'hi')

/** Answers each frame of a client with its name, a login twice, and says what it got. */
function server(name: string): Promise<ShortServer> {
  return shortServer(bed, (one, socket) => {
    const answer = frame(2, one[2]!, one[3]!, name)
    socket.write(one[2] === 1 ? Buffer.concat([answer, push, answer]) : answer)
  })
}

const route = (exact: number, cluster: string): MessageRoute => ({
  name: cluster,
  match: [{ field: 'command', exact: String(exact) }],
  action: { destinations: [{ cluster, weight: 1 }] },
})
const routes = [route(1, 'home'), route(7, 'other')]

interface Options extends ShortOptions {
  readonly spoken?: string
  readonly routed?: readonly MessageRoute[]
}

/** A client that has logged in at home in so many steps, and its proxy. */
async function loggedIn(
  steps: number,
  home: ShortServer,
  other: ShortServer,
  { spoken = document, routed = routes, ...options }: Options = {},
) {
  const proxy = await shortProxy(bed, spoken, routed, { home: home.port, other: other.port }, options)
  const client = shortClient(bed, proxy)
  for (let step = 1; step <= steps; step++) {
    client.socket.write(login)
    await client.has(2 * step)
  }
  return { proxy, client }
}

it('a login that is answered by a response gets that one, once; an upstream named later hears the login and its answer is dropped', async () => {
  const [home, other] = [await server('home'), await server('other')]
  const { proxy, client } = await loggedIn(1, home, other)
  client.socket.write(frame(1, 5, 41))
  await client.has(3)
  client.socket.write(frame(1, 7, 42))
  await client.has(5)
  expect(hex(framesOf(client.received))).toEqual(
    hex([frame(2, 1, 40, 'home'), push, frame(2, 5, 41, 'home'), push, frame(2, 7, 42, 'other')]),
  )
  expect(home.got).toEqual([login, frame(1, 5, 41)])
  expect(other.got).toEqual([login, frame(1, 7, 42)])
  expect(proxy.engine.requests.used).toBe(0)
})

it('an upstream named later that does not answer the first step of the login within its connect timeout has failed as one that cannot be reached', async () => {
  const [home, other] = [await server('home'), await shortServer(bed, () => undefined)]
  const cluster = { connectTimeoutMs: 100, outlierDetection: { consecutiveErrors: 1, maxEjectionPercent: 100 } }
  const { proxy, client } = await loggedIn(2, home, other, { cluster, listener: { requestTimeoutMs: 0 } })
  client.socket.write(frame(1, 7, 42))
  // The protocol has no error reply.
  await comesTrue(() => client.closed)
  const { counters, hosts } = proxy.clusters.get('other')!
  expect([counters[C.upstream_cx_connect_timeout], counters[C.upstream_cx_connect_fail]]).toEqual([1, 1])
  expect(hosts[0]).toMatchObject({ connectFailures: 1, ejected: true })
  expect(hosts[0]!.lastFailure!.reason).toBe('no answer to the login within 100 ms')
  expect(proxy.engine.requests.used).toBe(0)
})

it('a client that leaves before its upstream is there says nothing of the host', async () => {
  // It accepts, and a handshake of TLS is never done.
  const silent = createServer((socket) => socket.on('error', () => undefined).resume())
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  bed.defer(() => void silent.close())
  const { port } = silent.address() as AddressInfo
  const cluster = {
    tls: { insecure: true },
    connectTimeoutMs: 60_000,
    outlierDetection: { consecutiveErrors: 1, maxEjectionPercent: 100 },
  }
  const proxy = await shortProxy(bed, document, routes, { home: port }, { cluster })
  const client = shortClient(bed, proxy)
  const accepted = once(silent, 'connection')
  client.socket.write(login)
  const [socket] = (await accepted) as [Socket]
  const ended = once(socket, 'close')
  client.socket.resetAndDestroy()
  await ended
  const { counters, hosts } = proxy.clusters.get('home')!
  expect([counters[C.upstream_cx_destroy], counters[C.upstream_cx_connect_fail]]).toEqual([1, 0])
  expect(hosts[0]).toMatchObject({ connectFailures: 0, errors: 0, ejected: false, lastFailure: undefined })
})

it('an upstream that answers a request that it was not sent yet, before the login is done, has answered nobody', async () => {
  const early = frame(2, 0, 42, 'early')
  const other = await shortServer(bed, (one, socket) => {
    const answer = frame(2, one[2]!, one[3]!, 'other')
    // An error reply, which would be tried again.
    socket.write(one[2] === 1 && other.got.length === 1 ? Buffer.concat([early, answer]) : answer)
  })
  const home = await server('home')
  const retry = { attempts: 1, on: ['error'], idempotent: true } as const
  const again = routes.map((one) => ({ ...one, action: { ...one.action, retry } }))
  const failing = document.replace('  fields:', '    error: {command: 0}\n  fields:')
  const { proxy, client } = await loggedIn(2, home, other, { spoken: failing, routed: again })
  client.socket.write(frame(1, 7, 42))
  await client.has(5)
  expect(hex(framesOf(client.received).slice(4))).toEqual(hex([frame(2, 7, 42, 'other')]))
  expect(hex(other.got)).toEqual(hex([login, login, frame(1, 7, 42)]))
  expect(proxy.clusters.get('other')!.breakers[0]).toMatchObject({ requests: 0, pending: 0, retries: 0 })
  expect(proxy.engine.requests.used).toBe(0)
})

it('pushes for an upstream that has not answered the login wait with the client, which is not read further', async () => {
  const answers: (() => void)[] = []
  const other = await shortServer(bed, (one, socket) => {
    if (one[2] === 1) answers.push(() => socket.write(frame(2, 1, one[3]!, 'other')))
  })
  const home = await server('home')
  const { proxy, client } = await loggedIn(2, home, other, { cluster: { connectTimeoutMs: 60_000 } })
  client.socket.write(frame(1, 7, 42))
  await comesTrue(() => answers.length === 1, 'the login is there')
  expect(other.got).toEqual([login])
  const one = frame(3, 7, 0, 'x'.repeat(200))
  const count = 80_000
  client.socket.write(Buffer.concat(Array.from({ length: count }, () => one)))
  const [held] = proxy.listeners[0]!.clients
  await comesTrue(() => held!.held, 'the client is not read')
  const [pool] = proxy.clusters.get('other')!.hosts[0]!.pools.values()
  const [connection] = (pool as HostPool).all
  expect(connection!.out.waiting).toBeLessThan(2 * 1024 * 1024)
  answers[0]!()
  await comesTrue(() => other.got.length === count + 3, 'both steps, the request and all pushes')
  expect(held!.held).toBe(false)
})
