import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { RouteAction } from '../../dataplane/configuration.ts'
import { AccessLog } from '../../dataplane/filters/access-log.ts'
import { due } from '../../dataplane/reply/timeout.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, type GameFrame, Kind } from './game.ts'
import { CANCEL, partedConfiguration, partOf } from './parts.ts'

/** A client's frame that ends one of its requests: that is the outcome, and nothing of the reply comes any more. */

const bed = new Bed()
afterEach(() => bed.close())

const kinds: readonly (readonly [string, ConnectionMode, 'u8' | 'u32'])[] = [
  ['shared', 'shared', 'u32'],
  ['shared, ids of 8 bits', 'shared', 'u8'],
  ['bound', 'bound', 'u32'],
  ['exclusive', 'exclusive', 'u32'],
]

async function setUp(mode: ConnectionMode, id: 'u8' | 'u32', action: Partial<RouteAction> = {}) {
  const server = await bed.server('a')
  const asked: { readonly frame: GameFrame; say(body: string, more: boolean): void }[] = []
  const cancelled = () => server.frames.filter(({ kind }) => kind === CANCEL)
  server.handle = (frame, socket) => {
    asked.push({ frame, say: (body, more) => void socket.write(partOf(frame, body, more)) })
  }
  const proxy = await bed.proxy(partedConfiguration(server.port, mode, { timeoutMs: 60_000, ...action }, { id }))
  const client = bed.client(proxy)
  const cluster = proxy.clusters.get('a')!
  const down = proxy.listeners[0]!.counters
  /** Another round trip on the client's connection: what it sent before is done. */
  const settled = async () => {
    const before = client.frames.length
    client.send({ kind: Kind.heartbeat, seq: 99 })
    await client.receive(before + 1)
    client.frames.pop()
  }
  return { server, asked, cancelled, proxy, client, cluster, down, settled }
}
const texts = (frames: readonly GameFrame[]) => frames.map(({ seq, body }) => `${seq} ${body}`)

describe.each(kinds)('%s', (_, mode, id) => {
  it('amid a reply: the rest goes nowhere, the upstream is told, and the client may use the id again', async () => {
    const { server, asked, cancelled, proxy, client, cluster, down, settled } = await setUp(mode, id)
    client.send({ msgid: 1, seq: 7 })
    await comesTrue(() => asked.length === 1)
    asked[0]!.say('one', true)
    await client.receive(1)
    const { connection } = proxy.engine.requests.all.find((request) => request.parts !== null)!
    client.send({ kind: CANCEL, msgid: 1, seq: 7 })
    await settled()
    expect([down[L.downstream_rq_cancelled], cluster.counters[C.upstream_rq_cancelled]]).toEqual([1, 1])
    expect([cluster.breakers[0].requests, cluster.hosts[0]!.active]).toEqual([0, 0])
    if (mode === 'exclusive') await comesTrue(() => server.sockets.size === 0 && connection!.closed, 'it is closed')
    else {
      await comesTrue(() => cancelled().length === 1, 'the upstream is told')
      expect(cancelled()[0]!.seq).toBe(asked[0]!.frame.seq)
      asked[0]!.say('two', true)
      asked[0]!.say('end', false)
      const late = id === 'u8' ? C.upstream_rq_late_reply : C.upstream_rq_unmatched_reply
      await comesTrue(() => cluster.counters[late] === 1, 'the late end')
      expect(cluster.counters[C.upstream_rq_part_dropped]).toBe(1)
    }
    client.send({ msgid: 1, seq: 7 })
    await comesTrue(() => asked.length === 2)
    asked[1]!.say('again', false)
    await client.until(() => client.frames.length === 2)
    expect(texts(client.frames)).toEqual(['7 one', '7 again'])
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('before its reply: others go on, and an id that is none of a request ends nothing', async () => {
    const { asked, cancelled, proxy, client, cluster, down, settled } = await setUp(mode, id)
    client.send({ msgid: 1, seq: 7 })
    client.send({ msgid: 1, seq: 8 })
    await comesTrue(() => asked.length === 2)
    client.send({ kind: CANCEL, seq: 9 })
    client.send({ kind: CANCEL, seq: 7 })
    client.send({ kind: CANCEL, seq: 7 })
    await settled()
    expect(down[L.downstream_rq_cancelled]).toBe(1)
    expect(cluster.breakers[0].requests).toBe(1)
    if (mode === 'shared') {
      await comesTrue(() => cancelled().length === 1)
      expect(down[L.downstream_push_dropped]).toBe(2)
    }
    // Connections of one client have what the proxy does not know.
    if (mode === 'bound') await comesTrue(() => cancelled().length === 3)
    for (const { say } of asked) say('done', false)
    await client.receive(1)
    expect(texts(client.frames)).toEqual(['8 done'])
    await comesTrue(() => proxy.engine.requests.used === 0)
  })
})

it('one that waits for its delay is never sent, and one that waits for its next try is not tried again', async () => {
  const delayed = await setUp('shared', 'u32', { fault: { delay: { percent: 100, ms: 3_600_000 } } })
  delayed.client.send({ msgid: 1, seq: 7 })
  delayed.client.send({ kind: CANCEL, seq: 7 })
  await delayed.settled()
  expect([delayed.proxy.engine.requests.used, delayed.proxy.engine.wheel.count]).toEqual([0, 0])
  const retry = { attempts: 3, on: ['timeout' as const], idempotent: true, baseIntervalMs: 3_600_000 }
  const again = await setUp('shared', 'u32', { retry })
  again.client.send({ msgid: 1, seq: 7 })
  await comesTrue(() => again.asked.length === 1)
  const { engine } = again.proxy
  const request = engine.requests.all.find(({ connection }) => connection !== null)!
  request.deadline = 0
  due(engine, request)
  expect(again.cluster.breakers[0].retries).toBe(1)
  again.client.send({ kind: CANCEL, seq: 7 })
  await again.settled()
  expect(again.cluster.breakers[0].retries).toBe(0)
  again.asked[0]!.say('late', false)
  await comesTrue(() => engine.requests.used === 0)
  expect(again.client.frames).toEqual([])
  expect([delayed.asked.length, delayed.cancelled().length, again.asked.length]).toEqual([0, 0, 1])
})

it('a client that has said its last word goes when what it waited for has ended; the log has one line', async () => {
  const { asked, proxy, client } = await setUp('shared', 'u32')
  const [listener] = proxy.listeners
  const lines: { readonly outcome: string; readonly reply_frames?: number }[] = []
  const write = (text: string) => {
    for (const line of text.trim().split('\n')) lines.push(JSON.parse(line))
  }
  listener!.accessLog = new AccessLog(listener!.codec, { sampling: 100 }, { write })
  client.send({ msgid: 1, seq: 7 })
  await comesTrue(() => asked.length === 1)
  asked[0]!.say('one', true)
  await client.receive(1)
  client.send({ kind: CANCEL, seq: 7 })
  client.socket.end()
  await client.ended()
  await listener!.accessLog.close()
  expect(lines.map(({ outcome, reply_frames }) => [outcome, reply_frames])).toEqual([['cancelled', 1]])
  expect(proxy.engine.requests.used).toBe(0)
})

it('one that has timed out is no longer waited for on a bound connection, whose upstream hears it', async () => {
  const { asked, cancelled, proxy, client, cluster, settled } = await setUp('bound', 'u32')
  const { engine } = proxy
  client.send({ msgid: 1, seq: 7 })
  await comesTrue(() => asked.length === 1)
  const request = engine.requests.all.find(({ connection }) => connection !== null)!
  const connection = request.connection!
  request.deadline = 0.001
  due(engine, request)
  await client.receive(1)
  expect([engine.requests.used, connection.expired]).toEqual([1, 1])
  client.send({ kind: CANCEL, seq: 7 })
  await settled()
  await comesTrue(() => cancelled().length === 1)
  expect([engine.requests.used, connection.expired, connection.pending.count]).toEqual([0, 0, 0])
  asked[0]!.say('late', false)
  await comesTrue(() => cluster.counters[C.upstream_rq_unmatched_reply] === 1)
  expect(client.frames).toHaveLength(1)
})
