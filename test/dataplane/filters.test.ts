import { afterEach, describe, expect, it } from 'vitest'
import { describeClusters } from '../../dataplane/admin/views.ts'
import { buildMaglev } from '../../dataplane/cluster/balance/maglev.ts'
import { xxHash64 } from '../../dataplane/cluster/balance/xxhash64.ts'
import type { Configuration, MessageRoute, RouteAction } from '../../dataplane/configuration.ts'
import { AccessLog } from '../../dataplane/filters/access-log.ts'
import { C } from '../../dataplane/stats/counters.ts'
import { takeStats } from '../../dataplane/stats/prometheus.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, codeOf, encode, endpoints, type GameServer, gameConfiguration, Kind } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

function config(servers: readonly GameServer[], routes: readonly MessageRoute[], more: Partial<Configuration> = {}) {
  return gameConfiguration({
    routes: [{ name: 'game', routes }],
    clusters: servers.map(({ name, port }) => ({
      name,
      localities: endpoints(port),
      balancer: { kind: 'roundRobin' },
    })),
    ...more,
  })
}

const act = (action: Partial<RouteAction>) => [byId(1, 'a', action)]

describe('what a route does to messages', () => {
  it('weights: one id is split as they say, and a new weight holds for the next message', async () => {
    const servers = [await bed.server('a'), await bed.server('b')]
    const split = (a: number, b: number) =>
      config(
        servers,
        act({
          destinations: [
            { cluster: 'a', weight: a },
            { cluster: 'b', weight: b },
          ],
        }),
      )
    const proxy = await bed.proxy(split(50, 50))
    const client = bed.client(proxy)
    for (let seq = 0; seq < 100; seq++) client.send({ msgid: 1, seq })
    await client.receive(100)
    expect(servers.map(({ frames }) => frames.length)).toEqual([50, 50])
    await proxy.apply(split(90, 10))
    for (let seq = 100; seq < 200; seq++) client.send({ msgid: 1, seq })
    await client.receive(200)
    expect(servers.map(({ frames }) => frames.length)).toEqual([140, 60])
    await proxy.apply(split(0, 1))
    for (let seq = 200; seq < 210; seq++) client.send({ msgid: 1, seq })
    await client.receive(210)
    expect(servers.map(({ frames }) => frames.length)).toEqual([140, 70])
  })

  it('abort: the share that is drawn gets an error reply with the code asked for', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(
      config([server], act({ fault: { abort: { percent: 100, reply: { reason: 'fault', code: 4711 } } } })),
    )
    const client = bed.client(proxy)
    expect(codeOf(await client.ask({ msgid: 1, seq: 1 }))).toBe(4711)
    expect(server.frames).toHaveLength(0)
  })

  it('delay: other messages of the connection do not wait', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(
      config([server], [byId(1, 'a', { fault: { delay: { percent: 100, ms: 150 } } }), byId(2, 'a')]),
    )
    const client = bed.client(proxy)
    const from = performance.now()
    client.send({ msgid: 1, seq: 1 })
    client.send({ msgid: 2, seq: 2 })
    await client.receive(2)
    expect(client.frames.map(({ seq }) => seq)).toEqual([2, 1])
    expect(performance.now() - from).toBeGreaterThanOrEqual(149)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('mirror: the copy arrives, its reply goes nowhere, and its failure harms nobody', async () => {
    const [a, shadow] = [await bed.server('a'), await bed.server('shadow')]
    const proxy = await bed.proxy(config([a, shadow], act({ mirrors: [{ cluster: 'shadow', percent: 100 }] })))
    const client = bed.client(proxy)
    // So many that places of requests are used again for copies.
    for (let seq = 0; seq < 600; seq += 20) {
      const frames = Array.from({ length: 20 }, (_, n) => encode({ msgid: 1, seq: seq + n, body: `${seq + n}` }))
      client.socket.write(Buffer.concat(frames))
      await client.receive(seq + 20)
    }
    await comesTrue(() => shadow.frames.length === 600)
    expect(shadow.frames.map(({ body }) => String(body))).toEqual(a.frames.map(({ body }) => String(body)))
    expect(client.frames.every(({ body }) => String(body).startsWith('a:'))).toBe(true)
    // The replies are known as those of the copies: no slot waits for its deadline.
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    const { counters } = proxy.clusters.get('shadow')!
    expect([counters[C.upstream_rq_completed], counters[C.upstream_rq_unmatched_reply]]).toEqual([600, 0])
    expect([counters[C.upstream_rq_mirrored], counters[C.upstream_rq_mirror_dropped]]).toEqual([600, 0])
    await shadow.close()
    for (let seq = 600; seq < 620; seq++) client.send({ msgid: 1, seq })
    await client.receive(620)
    expect(client.frames.every((frame) => codeOf(frame) === undefined)).toBe(true)
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  })

  it('mutation: fields of requests and replies, by route and by destination', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(
      config(
        [server],
        act({
          requestMutation: [{ field: 'uid', value: '18446744073709551615' }],
          destinations: [
            { cluster: 'a', weight: 1, requestMutation: [{ field: 'body', value: 'changed to something longer' }] },
          ],
          responseMutation: [{ field: 'msgid', value: '99' }],
        }),
      ),
    )
    const reply = await bed.client(proxy).ask({ msgid: 1, seq: 1, uid: 5n, body: 'x' })
    expect(server.frames[0]).toMatchObject({ uid: 2n ** 64n - 1n })
    expect(reply.msgid).toBe(99)
    expect(String(reply.body)).toBe('a:changed to something longer')
  })

  it('rate limits: of a route, of a value, and of the table', async () => {
    const server = await bed.server('a')
    const bucket = (maxTokens: number) => ({ maxTokens, tokensPerFill: 1, fillIntervalMs: 3_600_000 })
    const proxy = await bed.proxy(
      config([server], [], {
        routes: [
          {
            name: 'game',
            rateLimits: [{ match: [{ field: 'uid', exact: '77' }], ...bucket(0) }],
            routes: [
              byId(1, 'a', { rateLimits: [bucket(3)] }),
              byId(2, 'a', { rateLimits: [{ ...bucket(2), per: ['uid'] }] }),
            ],
          },
        ],
      }),
    )
    const client = bed.client(proxy)
    let seq = 0
    const codes = async (msgid: number, uids: readonly bigint[]) => {
      const seen = []
      for (const uid of uids) seen.push(codeOf(await client.ask({ msgid, uid, seq: seq++ })))
      return seen
    }
    expect(await codes(1, [1n, 2n, 3n, 4n])).toEqual([undefined, undefined, undefined, 7])
    expect(await codes(2, [1n, 1n, 1n, 2n, 2n, 2n])).toEqual([undefined, undefined, 7, undefined, undefined, 7])
    expect(await codes(2, [77n])).toEqual([7])
    // Buckets are not filled by a change of something else.
    await proxy.apply({ ...proxy.configuration, version: '2' })
    expect(await codes(1, [1n])).toEqual([7])
  })

  it("a hash key meets the host of Envoy's table, on every connection mode", async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => bed.server(name)))
    const keys = servers.map(({ port }) => `127.0.0.1:${port}`)
    const table = buildMaglev(keys.map((address) => ({ key: address, address, weight: 1 })))
    for (const mode of ['shared', 'bound', 'exclusive'] as const) {
      const proxy = await bed.proxy(
        gameConfiguration({
          listener: { mode },
          routes: [{ name: 'game', routes: [byId(1, 'all', { hashKeys: [{ field: 'uid' }] })] }],
          clusters: [
            { name: 'all', localities: endpoints(...servers.map(({ port }) => port)), balancer: { kind: 'maglev' } },
          ],
        }),
      )
      const client = bed.client(proxy)
      for (let i = 0; i < 60; i++) {
        const uid = BigInt(i % 30) * 1_000_000_007n
        const hash = xxHash64(String(uid))
        const wanted = table.pick(Number(BigInt.asIntN(32, hash)), Number(BigInt.asIntN(32, hash >> 32n)))
        const reply = await client.ask({ msgid: 1, seq: i, uid })
        expect(String(reply.body)).toBe(`${servers[wanted]!.name}:`)
      }
    }
  })
})

/** The game protocol with the code of an error reply as its status. */
const withStatus = {
  frame: { length: { at: 0, type: 'u32', counts: 'all' }, check: { at: 4, type: 'u16', equals: 0x4d47 } },
  message: {
    kind: { at: 6, type: 'u8', is: { 1: 'request', 2: 'response', 3: 'oneway' } },
    flags: { at: 7, type: 'u8' },
    id: { at: 12, type: 'u32' },
    status: { at: 24, type: 'u32', when: { kind: 'response' }, optional: true },
    error: { flags: { mask: 0x80 } },
  },
  fields: { msgid: { at: 8, type: 'u32' } },
  reply: { error: { from: 'request', bytes: 24, set: { kind: 'response', flags: 0x80 }, body: 'u32 code' } },
  connections: ['shared'],
}

describe('what is written down', () => {
  it('one JSON line for each request in the sample, with fields by name', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(config([server], act({}), {}))
    const [listener] = proxy.listeners
    let text = ''
    listener!.accessLog = new AccessLog(
      listener!.codec,
      { sampling: 100, fields: ['msgid', 'uid', 'nothing'] },
      {
        write: (lines) => {
          text += lines
        },
      },
    )
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1, uid: 2n ** 63n })
    client.send({ kind: Kind.oneway, msgid: 1 })
    await client.ask({ msgid: 1, seq: 2 })
    await comesTrue(() => text.split('\n').length === 4)
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({
      listener: 'game',
      route: '1',
      cluster: 'a',
      host: `127.0.0.1:${server.port}`,
      outcome: 'ok',
      tries: 1,
      msgid: 1,
      uid: '9223372036854775808',
    })
    expect(lines.map(({ outcome }) => outcome)).toEqual(['ok', 'oneway', 'ok'])
  })

  it('says what failed and why, and tells a route that answers from a fault', async () => {
    const server = await bed.server('a')
    server.handle = (frame, socket) => {
      const code = Buffer.alloc(4)
      code.writeUInt32BE(77)
      server.answer(frame, socket, { flags: 0x80, body: code })
    }
    const gone = await bed.server('gone')
    await gone.close()
    const said: Record<string, unknown>[] = []
    const proxy = await bed.proxy(
      gameConfiguration({
        protocols: [{ name: 'game', layout: withStatus }],
        routes: [
          {
            name: 'game',
            routes: [
              byId(1, 'a'),
              byId(2, 'b'),
              byId(3, 'a', { destinations: [], reply: { reason: 'fault', code: 55 } }),
            ],
          },
        ],
        clusters: [
          { name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } },
          { name: 'b', localities: endpoints(gone.port), balancer: { kind: 'roundRobin' } },
        ],
      }),
    )
    const [listener] = proxy.listeners
    const write = (lines: string) => {
      for (const line of lines.trim().split('\n')) said.push(JSON.parse(line))
    }
    listener!.accessLog = new AccessLog(listener!.codec, { sampling: 100 }, { write })
    const client = bed.client(proxy)
    for (const msgid of [1, 2, 3]) await client.ask({ msgid, seq: msgid })
    await comesTrue(() => said.length === 3, 'three lines')
    expect(said).toMatchObject([
      { outcome: 'error', status: 77, tries: 1 },
      { outcome: 'connectFailed', failure: expect.stringMatching(/ECONNREFUSED/), tries: 1 },
      { outcome: 'reply', tries: 0 },
    ])
  })

  it.each([
    [undefined, ['error']],
    [true, ['error']],
    [false, []],
  ])('of requests that none of the share is, those that failed are logged (errors: %s)', async (errors, outcomes) => {
    const server = await bed.server('a')
    server.handle = (frame, socket) =>
      server.answer(frame, socket, frame.seq === 1 ? { flags: 0x80, body: Buffer.from([0, 0, 0, 77]) } : {})
    const proxy = await bed.proxy(config([server], act({})))
    const [listener] = proxy.listeners
    const said: string[] = []
    const write = (lines: string) => {
      for (const line of lines.trim().split('\n')) said.push((JSON.parse(line) as { outcome: string }).outcome)
    }
    listener!.accessLog = new AccessLog(
      listener!.codec,
      { sampling: 0, ...(errors !== undefined && { errors }) },
      { write },
    )
    const client = bed.client(proxy)
    for (const seq of [1, 2]) await client.ask({ msgid: 1, seq })
    await listener!.accessLog.close()
    expect(said).toEqual(outcomes)
  })

  it('counts bytes while connections live', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(config([server], act({})))
    const client = bed.client(proxy)
    await client.ask({ msgid: 1, seq: 1, body: 'x' })
    const { counters } = takeStats(proxy)
    expect(counters).toMatchObject({
      'envoy_cluster_upstream_cx_tx_bytes_total{envoy_cluster_name="a"}': 25,
      'envoy_listener_downstream_cx_tx_bytes_total{envoy_listener_address="game"}': 27,
    })
    const again = takeStats(proxy).counters
    expect(again['envoy_cluster_upstream_cx_tx_bytes_total{envoy_cluster_name="a"}']).toBe(25)
  })

  it('counts by listener, route and cluster', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(config([server], act({})))
    const client = bed.client(proxy)
    for (let seq = 0; seq < 5; seq++) await client.ask({ msgid: 1, seq })
    const { counters, gauges, histograms } = takeStats(proxy)
    expect(counters).toMatchObject({
      'envoy_listener_downstream_rq_total{envoy_listener_address="game"}': 5,
      'envoy_listener_downstream_rq_replied{envoy_listener_address="game"}': 5,
      'envoy_cluster_upstream_rq_total{envoy_cluster_name="a"}': 5,
      'meshgate_route_rq_total{table="game",route="1"}': 5,
    })
    expect(gauges['envoy_cluster_upstream_cx_active{envoy_cluster_name="a"}']).toBe(1)
    const { counts } = histograms['envoy_cluster_upstream_rq_time{envoy_cluster_name="a"}']!
    expect(counts.reduce((a, b) => a + b)).toBe(5)
  })

  it('says of each host what became of its requests', async () => {
    const server = await bed.server('a')
    const proxy = await bed.proxy(config([server], act({ timeoutMs: 200 })))
    const client = bed.client(proxy)
    const fail = { flags: 0x80, body: Buffer.alloc(4) }
    server.handle = (frame, socket) => {
      if (frame.seq === 2) server.answer(frame, socket, fail)
      else if (frame.seq !== 3) server.answer(frame, socket)
    }
    for (const seq of [1, 2, 3, 4]) await client.ask({ msgid: 1, seq })
    const address = `127.0.0.1:${server.port}`
    const host = { address, weight: 1, health: 'healthy', requestsActive: 0, requestsTotal: 4, errors: 2, timeouts: 1 }
    expect(describeClusters(proxy)).toMatchObject([{ hosts: [{ ...host, connectFailures: 0 }] }])
    await server.close()
    await comesTrue(() => describeClusters(proxy)[0]!.activeConnections === 0, 'the end of the connection')
    // A request whose connection is never made was not sent.
    await client.ask({ msgid: 1, seq: 5 })
    expect(describeClusters(proxy)).toMatchObject([{ hosts: [{ ...host, errors: 3, connectFailures: 1 }] }])
  })
})
