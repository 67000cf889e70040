import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { afterEach, describe, expect, it } from 'vitest'
import type { GlobalRateLimit, RouteAction } from '../../dataplane/configuration.ts'
import { takeStats } from '../../dataplane/stats/prometheus.ts'
import { RateLimitResponse_Code as Code } from '../../proto/gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { testCa } from '../helpers/certificates.ts'
import { comesTrue, IN_THE_END_MS } from '../helpers/eventually.ts'
import { Bed, byId, encode, endpoints, type GameFrame, gameConfiguration, Kind } from './game.ts'
import { LimitService } from './limit-service.ts'

/** The message proxy as a client of a rate limit service that the test leads. */

const bed = new Bed()
afterEach(() => bed.close())

const limit = (more: Partial<GlobalRateLimit> = {}): GlobalRateLimit => ({
  domain: 'game',
  cluster: 'limits',
  // What is answered is answered in the end, however slow the machine is.
  timeoutMs: IN_THE_END_MS,
  sets: [[{ entries: [{ key: 'uid', field: 'uid' }] }]],
  ...more,
})

/** A proxy with one route to a server, and a service where limits ask. `tls`: the service's own certificate, and what the proxy trusts. */
async function limited(
  action: Partial<RouteAction>,
  tls?: { readonly cert: string; readonly key: string; readonly ca: string },
) {
  const [server, service] = [await bed.server('a'), await new LimitService().listen(bed, tls)]
  const proxy = await bed.proxy(
    gameConfiguration({
      routes: [{ name: 'game', routes: [byId(1, 'a', action), byId(2, 'a')] }],
      clusters: [
        { name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } },
        {
          name: 'limits',
          localities: endpoints(service.port),
          balancer: { kind: 'roundRobin' },
          ...(tls && { tls: { ca: tls.ca } }),
        },
      ],
    }),
  )
  const counter = (name: string) => takeStats(proxy).counters[`meshgate_route_${name}{table="game",route="1"}`] ?? 0
  return { server, service, proxy, client: bed.client(proxy), counter }
}

const refused = ({ flags }: GameFrame) => (flags & 0x80) !== 0

describe('global rate limits', () => {
  it('a message passes or is refused as the service says; it hears domain, descriptors and one hit', async () => {
    const { service, server, client, counter } = await limited({ globalRateLimits: [limit()] })
    service.answer = ({ descriptors }) => ({
      overallCode: descriptors[0]!.entries[0]!.value === '7' ? Code.OVER_LIMIT : Code.OK,
    })
    expect(refused(await client.ask({ msgid: 1, seq: 1, uid: 6n }))).toBe(false)
    const error = await client.ask({ msgid: 1, seq: 2, uid: 7n })
    expect(refused(error)).toBe(true)
    expect(refused(await client.ask({ msgid: 2, seq: 3, uid: 7n }))).toBe(false)
    expect(server.frames.map(({ msgid, uid }) => [msgid, uid])).toEqual([
      [1, 6n],
      [2, 7n],
    ])
    expect(service.requests.map(({ domain, hitsAddend }) => [domain, hitsAddend])).toEqual([
      ['game', 1],
      ['game', 1],
    ])
    expect([counter('ratelimit_ok'), counter('ratelimit_over_limit'), counter('rq_rate_limited')]).toEqual([1, 1, 1])
  })

  it('a service with a certificate for its address is asked, one with a certificate for another is not', async () => {
    const ca = await testCa()
    for (const [ip, asked] of [
      ['127.0.0.1', 1],
      ['127.0.0.2', 0],
    ] as const) {
      const own = await ca.issue('limits', { ip: [ip] })
      const { service, client, counter } = await limited({ globalRateLimits: [limit()] }, { ...own, ca: ca.cert })
      expect(refused(await client.ask({ msgid: 1, seq: 1, uid: 6n }))).toBe(false)
      expect([service.requests.length, counter('ratelimit_ok'), counter('ratelimit_error')]).toEqual([
        asked,
        asked,
        1 - asked,
      ])
      await bed.close()
    }
  })

  it('no answer in time, or no service: each limit decides by its own word, and it is counted', async () => {
    const open = limit({ timeoutMs: 20 })
    const closed = limit({ timeoutMs: 20, sets: [[{ entries: [{ key: 'k', value: 'v' }], denyOnFailure: true }]] })
    const { service, client, counter } = await limited({ globalRateLimits: [open] })
    service.answer = () => undefined
    expect(refused(await client.ask({ msgid: 1, seq: 1 }))).toBe(false)
    service.stop()
    expect(refused(await client.ask({ msgid: 1, seq: 2 }))).toBe(false)
    expect([counter('ratelimit_error'), counter('ratelimit_failure_mode_allowed')]).toEqual([2, 2])
    await bed.close()

    const other = await limited({ globalRateLimits: [closed] })
    other.service.answer = () => undefined
    expect(refused(await other.client.ask({ msgid: 1, seq: 1 }))).toBe(true)
    other.service.stop()
    expect(refused(await other.client.ask({ msgid: 1, seq: 2 }))).toBe(true)
    expect([other.counter('ratelimit_error'), other.counter('ratelimit_failure_mode_allowed')]).toEqual([2, 0])
    expect(other.server.frames).toEqual([])
  })

  it('a cluster that does not exist is a service that does not answer', async () => {
    const { client, counter } = await limited({ globalRateLimits: [limit({ cluster: 'nobody' })] })
    expect(refused(await client.ask({ msgid: 1, seq: 1 }))).toBe(false)
    expect(counter('ratelimit_failure_mode_allowed')).toBe(1)
  })

  it('an answer with a quota is used again without asking, for as many messages as it says', async () => {
    const { service, client, counter } = await limited({ globalRateLimits: [limit()] })
    service.answer = () => ({
      overallCode: Code.OVER_LIMIT,
      statuses: [
        {
          code: Code.OVER_LIMIT,
          quota: {
            requests: 3,
            expirationSpecifier: { case: 'validUntil', value: timestampFromMs(Date.now() + 60_000) },
          },
        },
      ],
    })
    for (let seq = 1; seq <= 4; seq++) expect(refused(await client.ask({ msgid: 1, seq, uid: 1n }))).toBe(true)
    expect(service.requests).toHaveLength(1)
    // Another player is another counter.
    await client.ask({ msgid: 1, seq: 5, uid: 2n })
    expect(service.requests).toHaveLength(2)
    await client.ask({ msgid: 1, seq: 6, uid: 1n })
    expect(service.requests).toHaveLength(3)
    expect(counter('ratelimit_over_limit_local')).toBe(3)
    expect(counter('ratelimit_over_limit')).toBe(6)
  })

  it('limits of two services: both must let it pass', async () => {
    const { service, client } = await limited({
      globalRateLimits: [limit(), limit({ domain: 'second' })],
    })
    service.answer = ({ domain }) => ({ overallCode: domain === 'second' ? Code.OVER_LIMIT : Code.OK })
    expect(refused(await client.ask({ msgid: 1, seq: 1 }))).toBe(true)
    expect(service.requests.map(({ domain }) => domain).sort()).toEqual(['game', 'second'])
  })

  it('a mirror, a mutation and a delay come after the answer: what is refused leaves no trace', async () => {
    const { service, server, client } = await limited({
      globalRateLimits: [limit()],
      mirrors: [{ cluster: 'a', percent: 100 }],
      fault: { delay: { percent: 100, ms: 5 } },
      requestMutation: [{ field: 'uid', value: '99' }],
    })
    service.answer = () => ({ overallCode: Code.OVER_LIMIT })
    expect(refused(await client.ask({ msgid: 1, seq: 1, uid: 1n }))).toBe(true)
    expect(server.frames).toEqual([])
    service.answer = () => ({ overallCode: Code.OK })
    expect(refused(await client.ask({ msgid: 1, seq: 2, uid: 1n }))).toBe(false)
    await comesTrue(() => server.frames.length === 2)
    expect(server.frames.map(({ uid }) => uid)).toEqual([99n, 99n])
    // Both questions were about the message as it came.
    expect(service.requests.map(({ descriptors }) => descriptors[0]!.entries[0]!.value)).toEqual(['1', '1'])
  })

  it("the request's own deadline ends the wait; a late answer harms nobody, nor does a client that left", async () => {
    const { service, client, proxy, server } = await limited({ globalRateLimits: [limit()], timeoutMs: 60 })
    service.answer = () => undefined
    expect(refused(await client.ask({ msgid: 1, seq: 1 }))).toBe(true)
    const leaver = bed.client(proxy)
    leaver.send({ msgid: 1, seq: 9 })
    await comesTrue(() => service.requests.length === 2)
    leaver.close()
    await comesTrue(() => proxy.engine.requests.used === 0)
    service.answer = () => ({ overallCode: Code.OK })
    expect(refused(await client.ask({ msgid: 2, seq: 2 }))).toBe(false)
    expect(server.frames).toHaveLength(1)
  })

  it('one-way messages over the limit are dropped', async () => {
    const { service, client, server } = await limited({ globalRateLimits: [limit()] })
    service.answer = ({ descriptors }) => ({
      overallCode: descriptors[0]!.entries[0]!.value === '7' ? Code.OVER_LIMIT : Code.OK,
    })
    client.socket.write(encode({ kind: Kind.oneway, msgid: 1, uid: 7n }))
    client.socket.write(encode({ kind: Kind.oneway, msgid: 1, uid: 8n }))
    await comesTrue(() => server.frames.length === 1)
    expect(server.frames[0]!.uid).toBe(8n)
    expect(client.frames).toEqual([])
  })

  it('questions of one turn go out in few calls, and each message hears of its own descriptors', async () => {
    const { service, client, proxy, counter } = await limited({ globalRateLimits: [limit()] })
    const odd = (value: string) => Number(value) % 2 === 1
    service.answer = ({ descriptors }) => ({
      overallCode: Code.OVER_LIMIT,
      statuses: descriptors.map(({ entries }) => ({ code: odd(entries[0]!.value) ? Code.OVER_LIMIT : Code.OK })),
    })
    const frames = Array.from({ length: 1000 }, (_, seq) => encode({ msgid: 1, seq, uid: BigInt(seq) }))
    client.socket.write(Buffer.concat(frames))
    const replies = await client.receive(1000)
    expect(replies.filter(refused).map(({ seq }) => seq % 2)).toEqual(Array(500).fill(1))
    expect(counter('ratelimit_ok')).toBe(500)
    expect(service.requests.length).toBeLessThan(100)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('a service that does not say which descriptor is over is asked one by one', async () => {
    const { service, client } = await limited({ globalRateLimits: [limit()] })
    service.answer = ({ descriptors }) => ({
      overallCode: descriptors.some(({ entries }) => entries[0]!.value === '2') ? Code.OVER_LIMIT : Code.OK,
    })
    const ask = async (from: number) => {
      const frames = [0, 1, 2, 3].map((uid) => encode({ msgid: 1, seq: from + uid, uid: BigInt(uid) }))
      const before = client.frames.length
      client.socket.write(Buffer.concat(frames))
      const replies = (await client.receive(before + 4)).slice(before)
      return replies.filter(refused).map(({ seq }) => seq - from)
    }
    expect(await ask(0)).toEqual([2])
    expect(service.requests.map(({ descriptors }) => descriptors.length)).toEqual([4, 1, 1, 1, 1])
    expect(await ask(10)).toEqual([2])
    expect(service.requests).toHaveLength(9)
  })
})
