import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, beforeAll, beforeEach, expect, it, type TestContext, vi } from 'vitest'
import { type RunningControlPlane, startControlPlane } from '../../cli/run/control-plane.ts'
import { createLog } from '../../cli/run/log.ts'
import type { ProxyStatus } from '../../controlplane/admin/proxies.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import {
  type Learned,
  LearnedSets,
  type LearnedSetsOptions,
  type LearnedStore,
  NOTHING_LEARNED,
  redisPresence,
} from '../../controlplane/shared/index.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { HOW_TO_GET_REDIS, hasRedis, startRedis, type TestRedis } from '../helpers/redis.ts'
import { requireTool } from '../helpers/tools.ts'

/** Two control planes of one folder and one Redis: each shows the proxies of both. */

const NODE = 'sidecar~127.0.0.1~web.default~default.svc.cluster.local'
const LOCAL = { host: '127.0.0.1', port: 0 }

let redis: TestRedis | undefined
let folder: string
let one: RunningControlPlane
let two: RunningControlPlane
let envoy: TestEnvoy

beforeAll(async () => {
  if (!(await hasRedis())) return
  redis = await startRedis()
  folder = testFolder('replicas')
  await writeFile(join(folder, 'api.yaml'), serviceAt('api', [{ port: 80 }]))
  one = await replica('one')
  two = await replica('two')
  envoy = await startEnvoy({
    bootstrap: envoyBootstrap({ node: { id: NODE, metadata: { HTTP_PROXY_PORT: 0 } }, xds: one.xdsAddress }),
  })
})

afterEach(() => redis?.revive())
beforeEach((context: TestContext) => requireTool(context, 'redis-server', redis !== undefined, HOW_TO_GET_REDIS))

async function replica(name: string): Promise<RunningControlPlane> {
  const plane = await startControlPlane(
    {
      folder,
      xds: LOCAL,
      api: LOCAL,
      insecure: false,
      drainMs: 0,
      redis: redis!.url,
      stateDir: join(folder, `.state-${name}`),
    },
    createLog({ logLevel: 'silent', logFormat: 'json' }, process.stderr),
  )
  stopAfterTests(() => plane.stop())
  return plane
}

async function get<Answer>(plane: RunningControlPlane, path: string): Promise<Answer> {
  return (await (await fetch(`${plane.apiUrl}${path}`)).json()) as Answer
}

interface Proxies {
  readonly proxies: readonly ProxyStatus[]
  readonly complete: boolean
}

const proxies = (plane: RunningControlPlane) => get<Proxies>(plane, '/api/v1/proxies')

const told = async (plane: RunningControlPlane) => {
  const { proxies: list, complete } = await proxies(plane)
  return {
    complete,
    proxies: list.map(({ node, connected, state, replica: at }) => ({
      node,
      connected,
      state,
      elsewhere: at !== undefined,
    })),
  }
}

it('a proxy of one replica is shown by the other, with its state', async () => {
  const proxy = { node: NODE, connected: true, state: 'SYNCED' }
  await expect.poll(() => told(two)).toEqual({ complete: true, proxies: [{ ...proxy, elsewhere: true }] })
  expect(await told(one)).toEqual({ complete: true, proxies: [{ ...proxy, elsewhere: false }] })
  const { proxies: detail } = await get<Proxies>(two, `/api/v1/proxies/${encodeURIComponent(NODE)}`)
  expect(detail[0]!.types.map(({ type }) => type)).toEqual(expect.arrayContaining(['cds', 'lds']))
  const { message } = await get<{ message: string }>(two, `/api/v1/proxies/${encodeURIComponent(NODE)}/config/all`)
  expect(message).toMatch(/is connected here, but to replica .+: ask that one/)
})

it('without Redis each replica shows its own and says so; with it again, all', async () => {
  await redis!.kill()
  await expect.poll(() => told(two)).toEqual({ complete: false, proxies: [] })
  await expect
    .poll(() => told(one))
    .toEqual({ complete: false, proxies: [{ node: NODE, connected: true, state: 'SYNCED', elsewhere: false }] })
  await redis!.restart()
  await expect.poll(async () => (await told(two)).proxies.length).toBe(1)
})

it('a proxy that left is told as gone, and a replica that ended takes its proxies with it', async () => {
  await envoy.stop()
  await expect.poll(async () => (await told(two)).proxies.map(({ connected }) => connected)).toEqual([false])
  await one.stop()
  await expect.poll(async () => (await told(two)).proxies).toEqual([])
})

const store = (): LearnedStore => {
  let kept: Learned | undefined
  return {
    load: async () => kept,
    save: async (state) => {
      kept = state
    },
  }
}
const silent = { info() {}, warn() {} }
const share = (own: LearnedStore, options: LearnedSetsOptions = {}) => {
  const shared = new LearnedSets(own, redis!.url, silent, { lookMs: 50, ...options })
  stopAfterTests(() => shared.stop())
  return shared
}

it('a learned set that is in use is told of again each day; one that nobody told of for a week is forgotten', async () => {
  const day = 86_400_000
  let now = Date.now()
  const options = { prefix: '{meshgate}:aging:', now: () => now }
  const shared = share(store(), options)
  await shared.load()
  const look = new Redis(redis!.url)
  stopAfterTests(async () => look.disconnect())
  const told = async (): Promise<Record<string, number>> => {
    const workloads = await look.zrange('{meshgate}:aging:workloads', 0, '-1')
    const times = await Promise.all(workloads.map((one) => look.zscore('{meshgate}:aging:workloads', one)))
    return Object.fromEntries(workloads.map((one, index) => [one, Number(times[index])]))
  }
  const learned = (workload: string) => ({ ...NOTHING_LEARNED, workloads: new Map([[workload, new Set(['a'])]]) })
  const at = now
  await shared.save(learned('shop'))
  await shared.save(learned('old'))
  now += day / 2
  await shared.save(learned('shop'))
  expect(await told()).toEqual({ shop: at, old: at })
  now += day
  await shared.save(learned('shop'))
  expect(await told()).toEqual({ shop: now, old: at })
  now += 6 * day
  await shared.save(learned('shop'))
  expect(await told()).toEqual({ shop: now })
  // Redis counts by its own clock.
  expect(await look.pttl('{meshgate}:aging:of:shop')).toBeGreaterThan(6 * day)
})

it('a replica whose clock is an hour ahead neither hides the others nor misses what they learn; a store that has just been opened is asked without a failure', async () => {
  const warnings: string[] = []
  const logger = { info() {}, warn: (_: object, text: string) => warnings.push(text) }
  const place = () => {
    const store = redisPresence(redis!.url, logger, '{clocks}:presence:')
    stopAfterTests(() => store.stop())
    return store
  }
  const own = (): LearnedStore => ({ load: async () => undefined, save: async () => {} })
  const learned = () => {
    const store = new LearnedSets(own(), redis!.url, logger, { prefix: '{clocks}:learned:', lookMs: 50 })
    stopAfterTests(() => store.stop())
    return store
  }
  const [right, ahead, reader] = [place(), place(), place()]
  const [tells, hears] = [learned(), learned()]
  await right.beat('right', new Map([['a', '1']]), [], true)
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
  await ahead.beat('ahead', new Map([['b', '2']]), [], true)
  await hears.load()
  vi.restoreAllMocks()
  const replicas = (await reader.read('reader')).map(({ replica }) => replica)
  expect(replicas.sort()).toEqual(['ahead', 'right'])
  const told: Learned[] = []
  hears.onOthers((news) => told.push(news))
  await tells.save({ ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['a'])]]) })
  await expect.poll(() => told.flatMap(({ workloads }) => [...workloads.keys()])).toEqual(['shop'])
  expect(warnings).toEqual([])
})

it('what could not be told to the others while Redis was away is told when it is back, although nothing else is learned', async () => {
  const warnings: string[] = []
  const logger = { info() {}, warn: (_: object, text: string) => warnings.push(text) }
  const own = (): LearnedStore => ({ load: async () => undefined, save: async () => {} })
  const learned = () => {
    const store = new LearnedSets(own(), redis!.url, logger, { prefix: '{away}:learned:', lookMs: 50 })
    stopAfterTests(() => store.stop())
    return store
  }
  const tells = learned()
  await tells.load()
  await redis!.kill()
  for (const name of ['a', 'b'])
    await tells.save({ ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['a', name])]]) })
  await redis!.restart()
  await expect.poll(async () => (await learned().load())?.workloads.get('shop')).toEqual(new Set(['a', 'b']))
  expect(warnings.filter((text) => text.startsWith('what was learned'))).toEqual([
    'what was learned cannot be told to other replicas, it is tried again',
  ])
})

it('a Redis that lost everything is told again at once what replicas know', async () => {
  const shared = share(store(), { prefix: '{wiped}:learned:' })
  await shared.load()
  await shared.save({ ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['a'])]]) })
  const look = new Redis(redis!.url)
  stopAfterTests(async () => look.disconnect())
  const told = () => look.smembers('{wiped}:learned:of:shop')
  for (let turn = 0; turn < 2; turn++) {
    await expect.poll(told).toEqual(['a'])
    await look.del(...(await look.keys('{wiped}:*')))
  }
  await expect.poll(told).toEqual(['a'])
})

it('what one replica learned, another starts with, and one that runs soon knows; without Redis only its own', async () => {
  const first = share(store())
  await first.load()
  const told: Learned[] = []
  first.onOthers((news) => told.push(news))
  const ab = {
    workloads: new Map([['shop', new Set(['a', 'b'])]]),
    generations: new Map([['c', new Map([['a', 2]])]]),
  }
  // A command may find its server too busy to answer in time: then it is told later, and heard by who starts after that.
  const heard = async (by: LearnedStore, what: Learned) => {
    await by.save(what)
    const other = share(store())
    return { other, loaded: await other.load() }
  }
  const { other: second, loaded } = await until(
    () => heard(first, ab),
    ({ loaded: found }) => found?.workloads.get('shop')?.size === 2,
  )
  expect(loaded!.workloads.get('shop')).toEqual(new Set(['a', 'b']))
  expect(loaded!.generations.size).toBe(0)
  const c = { ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['c'])]]) }
  await expect
    .poll(async () => (await heard(second, c)).loaded?.workloads.get('shop'))
    .toEqual(new Set(['a', 'b', 'c']))
  await expect.poll(() => told).toEqual([{ ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['c'])]]) }])
  await redis!.kill()
  const own = store()
  await own.save({ ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['own'])]]) })
  expect((await share(own).load())!.workloads.get('shop')).toEqual(new Set(['own']))
})
