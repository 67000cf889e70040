import { afterEach, describe, expect, it } from 'vitest'
import type { RouteAction } from '../../dataplane/configuration.ts'
import type { MessageProxy } from '../../dataplane/proxy.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed } from './game.ts'
import { framesOf, hex, shortClient, shortProxy, shortServer } from './short-frames.ts'

/** A reply of several frames that the proxy ends itself, in its middle: with an error reply, or with the connection where there is none. */

const bed = new Bed()
afterEach(() => bed.close())

/** Ids of one to five bytes, so that a frame with ours may be longer, or shorter, than one with the client's. */
const document = (error: string) => `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: parted}
spec:
  frame: {length: {at: 0, type: u8, counts: all}}
  message:
    kind: {at: 1, type: u8, is: {1: request, 2: response}}
    flags: {at: 2, type: u8}
    more: {flags: {mask: 1}}
    error: {flags: {mask: 0x80}}
    id: {at: 3, type: leb128}
  fields: {body: {after: id, type: bytes, size: rest}}
  reply: {error: ${error}}
  connections: [shared, exclusive, bound]
`
const replies = '{from: hex 000280, body: [leb128 id, u32 code]}'
const ask = (id: string) => Buffer.from(`${(3 + id.length / 2).toString(16).padStart(2, '0')}0100${id}`, 'hex')
const longId = 'ffffff7f'
/** A frame of the reply to a request, so long as is asked for. */
function part(request: Buffer, length: number, more: boolean): Buffer {
  const frame = Buffer.alloc(length)
  request.copy(frame, 3, 3)
  frame.set([length, 2, more ? 1 : 0])
  return frame
}
/** Of the longest frame there is no byte left for a client's id that is longer than ours. */
const longest = 255

async function asking(mode: 'shared' | 'exclusive' | 'bound', error: string, action: Partial<RouteAction> = {}) {
  const server = await shortServer(bed, () => undefined)
  const all = { name: 'all', match: [], action: { ...action, destinations: [{ cluster: 'a', weight: 1 }] } }
  const proxy = await shortProxy(bed, document(error), [all], { a: server.port }, { listener: { mode } })
  const client = shortClient(bed, proxy)
  client.socket.write(ask(longId))
  await comesTrue(() => server.got.length === 1, 'the request is at the server')
  const [request] = server.got
  const [socket] = server.sockets
  return {
    server,
    proxy,
    client,
    say: (length: number, more: boolean) => void socket!.write(part(request!, length, more)),
  }
}

/** Another client is served as before, on the same connection where that is one of all. */
async function servesOthers(proxy: MessageProxy, server: Awaited<ReturnType<typeof shortServer>>) {
  const count = server.got.length
  const other = shortClient(bed, proxy)
  other.socket.write(Buffer.concat([ask('05'), ask('06')]))
  await comesTrue(() => server.got.length === count + 2, 'both are there')
  const sockets = [...server.sockets]
  for (const [n, request] of server.got.slice(count).entries())
    sockets[sockets.length > 1 ? n : 0]!.write(part(request, 6, false))
  await other.has(2)
  expect(hex(framesOf(other.received)).sort()).toEqual(
    [part(ask('05'), 6, false), part(ask('06'), 6, false)].map((b) => b.toString('hex')),
  )
}

function nothingIsLeft(proxy: MessageProxy) {
  const { breakers, hosts } = proxy.clusters.get('a')!
  expect(breakers[0]).toMatchObject({ requests: 0, pending: 0, opening: 0 })
  expect(hosts[0]!.active).toBe(0)
}

describe.each(['shared', 'exclusive'] as const)('a frame without room for its client’s id, %s', (mode) => {
  it.each([0, 1])(
    'behind %d frames: an error reply ends it, what follows is dropped, other requests go on',
    async (before) => {
      const { server, proxy, client, say } = await asking(mode, replies)
      for (let n = 0; n < before; n++) say(10, true)
      say(longest, true)
      await client.has(before + 1)
      const frames = framesOf(client.received)
      expect(hex(frames.slice(0, before))).toEqual(Array(before).fill(part(ask(longId), 13, true).toString('hex')))
      const failed = frames.at(-1)!
      expect([failed[2], failed.subarray(3, 7).toString('hex')]).toEqual([0x80, longId])
      const { counters } = proxy.clusters.get('a')!
      if (mode === 'exclusive') await comesTrue(() => server.sockets.size === 0, 'its connection is closed')
      else {
        say(20, true)
        say(20, false)
        await comesTrue(() => counters[C.upstream_rq_late_reply] === 1, 'the late end')
        expect(counters[C.upstream_rq_part_dropped]).toBe(1)
      }
      expect(proxy.listeners[0]!.counters[L.downstream_rq_error_replied]).toBe(1)
      nothingIsLeft(proxy)
      if (mode === 'shared') await servesOthers(proxy, server)
      await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
      expect(client.received.length).toBe(frames.reduce((sum, { length }) => sum + length, 0))
    },
  )

  it.each([0, 1])(
    'behind %d frames, in a protocol without error replies: its client is closed, others go on',
    async (before) => {
      const { server, proxy, client, say } = await asking(mode, 'close')
      for (let n = 0; n < before; n++) say(10, true)
      say(longest, true)
      await comesTrue(() => client.closed, 'the client is closed')
      nothingIsLeft(proxy)
      if (mode === 'shared') {
        await servesOthers(proxy, server)
        say(20, false)
        await comesTrue(() => proxy.clusters.get('a')!.counters[C.upstream_rq_late_reply] === 1, 'the late end')
        await servesOthers(proxy, server)
      }
      await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
      nothingIsLeft(proxy)
    },
  )
})

it.each(['shared', 'exclusive', 'bound'] as const)(
  'one whose time is over, in a protocol without error replies: its client is closed, others go on (%s)',
  async (mode) => {
    const { server, proxy, client, say } = await asking(mode, 'close', { timeoutMs: 200 })
    say(10, true)
    await comesTrue(() => client.closed, 'the client is closed')
    nothingIsLeft(proxy)
    if (mode === 'shared') {
      say(20, false)
      await comesTrue(() => proxy.clusters.get('a')!.counters[C.upstream_rq_late_reply] === 1, 'the late end')
      await servesOthers(proxy, server)
    } else await comesTrue(() => server.sockets.size === 0, 'its connection is closed')
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    nothingIsLeft(proxy)
  },
)
