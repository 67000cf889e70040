import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import type { RateLimitSpec } from '../../controlplane/config/kinds/rate-limit.ts'
import {
  createRateLimits,
  Limiter,
  type RateLimits,
  RedisStore,
  Rules,
  StoreUnavailable,
} from '../../controlplane/ratelimit/index.ts'
import { ask, tally } from '../envoy/http-mesh.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { HOW_TO_GET_REDIS, hasRedis, startRedis, type TestRedis } from '../helpers/redis.ts'
import { requireTool } from '../helpers/tools.ts'
import { watchBucket } from './bucket-watch.ts'

/** Real Redis, real Envoys, two control planes that count together. */

let redis: TestRedis | undefined
let upstream: Upstream
const registries: Registry[] = []
const planes: { plane: ControlPlane; limits: RateLimits; envoy: TestEnvoy; port: number }[] = []

const documents = (limits: string) => `
${serviceAt('api', [upstream])}
${serviceAt('free', [upstream])}
---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: api}
spec:
  shared: true
  hosts: [api]
  limits:
${limits}`

const BUCKET = 'tokenBucket: {maxTokens: 5, tokensPerFill: 1, fillInterval: 1h}'

beforeAll(async () => {
  if (!(await hasRedis())) return
  redis = await startRedis()
  upstream = await startEcho('api')
  for (const name of ['one', 'two']) {
    const registry = new Registry()
    registries.push(registry)
    const limits = createRateLimits({
      documents: () => plane.mesh.model.world.all<RateLimitSpec>('RateLimit'),
      redis: redis.url,
      metrics: registry,
    })
    stopAfterTests(() => limits.stop())
    const plane: ControlPlane = await startControlPlane(documents(`  - {${BUCKET}}`), { services: [limits.service] })
    plane.mesh.onChange(() => limits.configChanged())
    const port = await freePort()
    const envoy = await startEnvoy({
      bootstrap: envoyBootstrap({
        node: {
          id: `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`,
          metadata: { HTTP_PROXY_PORT: port },
        },
        xds: { host: '127.0.0.1', port: plane.port },
      }),
    })
    planes.push({ plane, limits, envoy, port })
  }
})

beforeEach((context: TestContext) => requireTool(context, 'redis-server', redis !== undefined, HOW_TO_GET_REDIS))

async function apply(limits: string, name: string): Promise<void> {
  const named = documents(limits).replace(
    'metadata: {name: api}\nspec:\n  shared',
    `metadata: {name: ${name}}\nspec:\n  shared`,
  )
  await Promise.all(planes.map(({ plane }) => plane.apply(named)))
}

/**
 * Runs a check under these limits, under a name of its own: Redis remembers. A machine that is busy with other things decides
 * some requests after their deadline, and those pass, as they should; then the check is made again.
 */
async function steady(name: string, limits: string, check: (rule: string) => Promise<void>): Promise<void> {
  const deadline = Date.now() + 60_000
  for (let attempt = 1; ; attempt++) {
    await apply(limits, `${name}-${attempt}`)
    const rule = `default/${name}-${attempt}/0`
    await counting(rule)
    const before = await uncounted()
    const failure = await check(rule).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure === undefined) return
    if (Date.now() > deadline || (await uncounted()) === before) throw failure
    await sleep(200)
  }
}

const send = async (index: number, host = 'api', headers: Record<string, string> = {}, path = '/') =>
  (await ask(planes[index]!.port, host, path, { headers })).status

/** Statuses of so many requests, by turns through both Envoys. */
async function statuses(count: number, host = 'api', headers: Record<string, string> = {}, path = '/') {
  const found: number[] = []
  for (let index = 0; index < count; index++) found.push(await send(index % 2, host, headers, path))
  return found
}

/** Waits until decisions come from Redis again; the first call after a pause may be slow on a busy machine. */
async function counting(rule: string): Promise<void> {
  for (const { limits } of planes) {
    const deadline = Date.now() + 20_000
    for (;;) {
      const { descriptors } = await limits.limiter.decide('meshgate', [
        { entries: [{ key: 'generic_key', value: rule }], hits: 0 },
      ])
      if (descriptors[0]!.resetMs > 0 || descriptors[0]!.remaining > 0) break
      if (Date.now() > deadline) throw new Error('Redis does not count')
      await sleep(20)
    }
  }
}
describe('through two Envoys of two control planes', () => {
  it('a limit is one for both, and for its host only', async () => {
    await steady('one-for-both', `  - {${BUCKET}}`, async () => {
      expect(await statuses(8)).toEqual([200, 200, 200, 200, 200, 429, 429, 429])
      expect(await statuses(8, 'free')).toEqual(Array(8).fill(200))
    })
  })

  it('tells the client how much is left', async () => {
    await steady('left', `  - {${BUCKET}}`, async () => {
      const { headers } = await ask(planes[0]!.port, 'api')
      expect(headers['x-ratelimit-remaining']).toBe('4')
      expect(headers['x-ratelimit-limit']).toMatch(/^1, 1;w=3600/)
    })
  })

  it('each value of a header has a limit of its own; requests without it share one', async () => {
    await steady('per', `  - {per: [x-user], ${BUCKET}}`, async () => {
      expect(await statuses(6, 'api', { 'x-user': 'a' })).toEqual([200, 200, 200, 200, 200, 429])
      expect(await statuses(6, 'api', { 'x-user': 'b' })).toEqual([200, 200, 200, 200, 200, 429])
      expect(await statuses(6)).toEqual([200, 200, 200, 200, 200, 429])
    })
  })

  it('only the first limit that matches counts', async () => {
    const limits = `  - {match: {x-tier: gold, ':path': {prefix: /api}}, tokenBucket: {maxTokens: 3, fillInterval: 1h}}
  - {match: {':method': [POST, PUT]}, tokenBucket: {maxTokens: 1, fillInterval: 1h}}
  - {tokenBucket: {maxTokens: 2, fillInterval: 1h}}`
    await steady('first', limits, async () => {
      expect(await statuses(4, 'api', { 'x-tier': 'gold' }, '/api/x')).toEqual([200, 200, 200, 429])
      expect(await statuses(3, 'api', { 'x-tier': 'gold' }, '/other')).toEqual([200, 200, 429])
      expect((await ask(planes[0]!.port, 'api', '/', { method: 'POST' })).status).toBe(200)
      expect((await ask(planes[1]!.port, 'api', '/', { method: 'PUT' })).status).toBe(429)
    })
  })

  it('a limit in shadow refuses nothing', async () => {
    await apply(`  - {shadow: true, ${BUCKET}}`, 'shadow')
    expect(await statuses(8)).toEqual(Array(8).fill(200))
  })

  it('100 a second are 100 a second, however many come', async () => {
    await apply('  - tokenBucket: {maxTokens: 10, tokensPerFill: 100, fillInterval: 1s}', 'rate')
    await counting('default/rate/0')
    const before = await uncounted()
    const watch = await watchBucket(redis!.url, 'default/rate/0')
    const began = performance.now()
    let admitted = 0
    // 200 a second offered, open loop.
    const open: Promise<void>[] = []
    for (let index = 0; performance.now() - began < 4000; index++) {
      open.push(
        send(index % 2).then((status) => {
          if (status === 200) admitted++
        }),
      )
      const due = began + index * 5
      if (due > performance.now()) await sleep(due - performance.now())
    }
    await Promise.all(open)
    // A machine that is busy with other things decides some too late, and those pass, whether they were given a token or not.
    const late = (await uncounted()) - before
    await expect.poll(() => watch.given().length).toBeGreaterThanOrEqual(admitted - late)
    expect(watch.given().length).toBeGreaterThan(10)
    expect(watch.given().length).toBeLessThanOrEqual(admitted)
    expect(watch.mistakes({ tokens: 10, perSecond: 100 })).toEqual([])
  })
})

describe('Redis', () => {
  afterEach(async () => {
    redis?.thaw()
    if (redis?.running === false) await redis.restart()
  })

  const limits = `  - {match: {x-strict: 'yes'}, onFailure: deny, ${BUCKET}}
  - {${BUCKET}}`

  it('gone: requests pass or are refused as each limit says, everything else works, and counting resumes', async () => {
    await apply(limits, 'gone')
    await counting('default/gone/1')
    await redis!.kill()
    expect(await statuses(8)).toEqual(Array(8).fill(200))
    // The service says 429; where it is too late to say so, Envoy says 500.
    for (const status of await statuses(2, 'api', { 'x-strict': 'yes' })) expect([429, 500]).toContain(status)
    expect(await statuses(2, 'free')).toEqual([200, 200])
    await redis!.restart()
    await steady('gone-too', `  - {${BUCKET}}`, async () => {
      expect(await statuses(7)).toEqual([200, 200, 200, 200, 200, 429, 429])
    })
  })

  it('frozen: no request waits for it longer than the deadline, after some not at all', async () => {
    await apply(limits, 'frozen')
    const rule = 'default/frozen/1'
    await counting(rule)
    let now = 0
    const store = new RedisStore({ url: redis!.url, now: () => now })
    stopAfterTests(() => store.stop())
    while (!store.healthy) await sleep(10)
    redis!.freeze()
    expect(await statuses(12)).toEqual(Array(12).fill(200))
    const take = () =>
      store.take([{ key: 'k', intervalUs: 1, burst: 1, hits: 1 }]).then(
        () => 'counted',
        (error: unknown) => (error instanceof StoreUnavailable ? 'left alone' : 'asked in vain'),
      )
    const outcomes: string[] = []
    for (let index = 0; index < 10; index++) outcomes.push(await take())
    expect(outcomes).toEqual([...Array(5).fill('asked in vain'), ...Array(5).fill('left alone')])
    now += 249
    expect(await take()).toBe('left alone')
    now += 1
    expect(await take()).toBe('asked in vain')
    expect(await take()).toBe('left alone')
    redis!.thaw()
    await counting(rule)
  })

  it('the service gone: Envoy itself decides as each limit says', async () => {
    await apply(limits, 'service-gone')
    const own = await startControlPlane(documents(limits), {})
    const port = await freePort()
    const node = {
      id: 'sidecar~127.0.0.1~three.default~default.svc.cluster.local',
      metadata: { HTTP_PROXY_PORT: port },
    }
    const envoy = await startEnvoy({
      bootstrap: envoyBootstrap({ node, xds: { host: '127.0.0.1', port: own.port } }),
    })
    expect((await ask(port, 'api')).status).toBe(200)
    expect((await ask(port, 'api', '/', { headers: { 'x-strict': 'yes' } })).status).toBe(500)
    await envoy.stop()
    await own.stop()
  })
})

describe('two instances on one Redis', () => {
  const object = {
    namespace: 'n',
    name: 'direct',
    spec: { shared: true, limits: [{ tokenBucket: { maxTokens: 100, tokensPerFill: 1000, fillInterval: '1s' } }] },
  }
  const asks = [{ entries: [{ key: 'generic_key', value: 'n/direct/0' }] }]

  it('admit 1,000 a second, never a token more nor less than there is, and never more than 1.1 times that in any second', async () => {
    const rules = new Rules([object as never])
    const stores = [0, 1].map(() => new RedisStore({ url: redis!.url, timeoutMs: 2000 }))
    stopAfterTests(async () => {
      for (const store of stores) await store.stop()
    })
    const limiters = stores.map((store) => new Limiter({ store, rules: () => rules }))
    while (stores.some((store) => !store.healthy)) await sleep(10)
    const watch = await watchBucket(redis!.url, 'n/direct')
    const began = performance.now()
    let admitted = 0
    await Promise.all(
      limiters.flatMap((limiter) =>
        Array.from({ length: 128 }, async () => {
          while (performance.now() - began < 4000) {
            const { over } = await limiter.decide('meshgate', asks)
            if (over) await sleep(1)
            else admitted++
          }
        }),
      ),
    )
    await expect.poll(() => watch.given().length).toBe(admitted)
    const times = watch.given()
    expect(times.length).toBeLessThan((100 + (times.at(-1)! - times[0]!)) * 1.02)
    expect(watch.mistakes({ tokens: 100, perSecond: 1_000 })).toEqual([])
    let most = 0
    for (let from = 0, to = 0; from < times.length; from++) {
      while (to < times.length && times[to]! - times[from]! < 1000) to++
      most = Math.max(most, to - from)
    }
    expect(most).toBeLessThanOrEqual(1100)
  })
})

describe('load through Envoy', () => {
  it('none of many parallel requests is lost or counted twice', async () => {
    await apply('  - {tokenBucket: {maxTokens: 150, fillInterval: 1h}}', 'parallel')
    await counting('default/parallel/0')
    const before = await uncounted()
    const counts = await tally(
      300,
      (index) => ask(planes[index % 2]!.port, 'api'),
      ({ status }) => String(status),
    )
    expect(counts['200']! + (counts['429'] ?? 0)).toBe(300)
    // Those whose decision was late passed; all others were counted exactly.
    expect(counts['200']!).toBeGreaterThanOrEqual(150)
    expect(counts['200']!).toBeLessThanOrEqual(150 + (await uncounted()) - before)
  })
})

/** Requests that passed because a decision was late: for Envoy, or for the service itself. */
async function uncounted(): Promise<number> {
  let sum = 0
  for (const { envoy } of planes)
    for (const [name, value] of Object.entries(await envoy.stats('ratelimit')))
      if (name.endsWith('failure_mode_allowed')) sum += value
  for (const registry of registries) {
    const { values } = await registry.getSingleMetric('meshgate_ratelimit_hits_total')!.get()
    for (const { labels, value } of values) if (labels['outcome'] === 'failed_open') sum += value
  }
  return sum
}
