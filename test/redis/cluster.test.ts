import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { Limiter, RedisStore, Rules } from '../../controlplane/ratelimit/index.ts'
import {
  type Learned,
  LearnedSets,
  type LearnedStore,
  NOTHING_LEARNED,
  redisPresence,
} from '../../controlplane/shared/index.ts'
import { redisSlot } from '../../controlplane/shared/redis-slot.ts'
import { IN_THE_END_MS } from '../helpers/eventually.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { HOW_TO_GET_REDIS, hasRedis, startRedisCluster, type TestRedisCluster } from '../helpers/redis.ts'
import { requireTool } from '../helpers/tools.ts'
import { watchBucket } from './bucket-watch.ts'

/** A real Redis Cluster of three servers: limits are counted where their slot is, presence and learned sets are shared. */

const silent = { info() {}, warn() {} }
let cluster: TestRedisCluster | undefined

beforeAll(async () => {
  if (await hasRedis()) cluster = await startRedisCluster(3)
})
afterEach(async () => {
  for (const node of cluster?.nodes ?? []) await node.revive()
})
beforeEach((context: TestContext) => requireTool(context, 'redis-server', cluster !== undefined, HOW_TO_GET_REDIS))

const documents = (limits: readonly object[]) =>
  new Rules([{ namespace: 'n', name: 'r', spec: { shared: true, limits } } as never])

async function instances(count: number, rules: Rules, timeoutMs = IN_THE_END_MS) {
  const stores = Array.from({ length: count }, () => new RedisStore({ url: cluster!.url, timeoutMs }))
  for (const store of stores) stopAfterTests(() => store.stop())
  await expect.poll(() => stores.every(({ healthy }) => healthy)).toBe(true)
  return stores.map((store) => new Limiter({ store, rules: () => rules }))
}

const user = (name: string, rule = 0) => ({
  entries: [
    { key: 'generic_key', value: `n/r/${rule}` },
    { key: 'user', value: name },
  ],
})
/** The server a user's counter is at: slots are shared out in three equal ranges. */
const serverOf = (name: string, rule = 0) =>
  Math.floor(redisSlot(`meshgate:rl:{n/r/${rule} ["user","${name}"]}`) / (16_384 / 3))
const userAt = (server: number) =>
  Array.from({ length: 100 }, (_, index) => `someone-${index}`).find((name) => serverOf(name) === server)!

describe('rate limits in a Redis Cluster', () => {
  const hourly = { tokenBucket: { maxTokens: 5, tokensPerFill: 1, fillInterval: '1h' } }

  it('two instances count together, counters of one request at any servers', async () => {
    const [one, two] = (await instances(2, documents([hourly]))) as [Limiter, Limiter]
    const users = [0, 1, 2].map(userAt).map((name) => user(name))
    const over: boolean[][] = []
    for (let turn = 0; turn < 6; turn++) {
      const { descriptors } = await (turn % 2 ? one : two).decide('meshgate', users)
      over.push(descriptors.map((descriptor) => descriptor.over))
    }
    expect(over).toEqual([...Array(5).fill([false, false, false]), [true, true, true]])
    for (const { url } of cluster!.nodes) {
      const redis = new Redis(url)
      expect(await redis.dbsize()).toBe(1)
      redis.disconnect()
    }
  })

  it('1,000 a second are that, whatever is asked of two instances', async () => {
    const limit = { tokenBucket: { maxTokens: 50, tokensPerFill: 1000, fillInterval: '1s' } }
    const limiters = await instances(2, documents([limit]))
    const asked = [user('all')]
    const watch = await watchBucket(cluster!.nodes[serverOf('all')]!.url, 'all')
    const began = performance.now()
    let admitted = 0
    await Promise.all(
      limiters.flatMap((limiter) =>
        Array.from({ length: 64 }, async () => {
          while (performance.now() - began < 1_500) {
            if ((await limiter.decide('meshgate', asked)).over) await sleep(1)
            else admitted++
          }
        }),
      ),
    )
    await expect.poll(() => watch.given().length).toBe(admitted)
    expect(watch.mistakes({ tokens: 50, perSecond: 1_000 })).toEqual([])
  })

  it('a server that is frozen, or gone, costs only the counters that are there', async () => {
    const strict = { ...hourly, onFailure: 'deny' }
    const [limiter] = (await instances(1, documents([hourly, strict]), 200)) as [Limiter]
    const [here, there] = [userAt(0), userAt(1)]
    const ask = async (name: string, rule: number, hits = 1) =>
      (await limiter.decide('meshgate', [{ ...user(name, rule), hits }])).descriptors[0]!
    const node = cluster!.nodes[1]!
    const counted = Array.from({ length: 100 }, (_, index) => `other-${index}`)
    const strictThere = counted.find((name) => serverOf(name, 1) === 1)!
    const strictHere = counted.find((name) => serverOf(name, 1) === 0)!
    node.freeze()
    await expect.poll(async () => (await ask(strictThere, 1)).over).toBe(true)
    // Known by now: nothing waits any more. Those elsewhere are counted.
    for (let count = 0; count < 5; count++) expect((await ask(there, 0)).over).toBe(false)
    // Where a busy machine answers after the deadline it is asked again; nothing is taken by asking.
    await expect.poll(async () => (await ask(strictHere, 1, 0)).remaining).toBe(5)
    // Both in one request: each by itself.
    const both = async () => {
      const asked = [strictThere, strictHere].map((name) => ({ ...user(name, 1), hits: 0 }))
      const { descriptors } = await limiter.decide('meshgate', asked)
      return descriptors.map(({ over, remaining }) => [over, remaining])
    }
    await expect.poll(both).toEqual([
      [true, 0],
      [false, 5],
    ])
    expect((await ask(here, 0)).over).toBeDefined()
    node.thaw()
    await expect.poll(async () => (await ask(strictThere, 1)).over).toBe(false)
  })
})

it('a slot that moves to another server takes its counter along: each request is counted once, wherever it was sent first', async () => {
  const hourly = { tokenBucket: { maxTokens: 6, tokensPerFill: 1, fillInterval: '1h' } }
  const [limiter] = (await instances(1, documents([hourly]))) as [Limiter]
  const name = Array.from({ length: 200 }, (_, index) => `moving-${index}`).find((one) => serverOf(one) === 0)!
  const key = `meshgate:rl:{n/r/0 ["user","${name}"]}`
  const slot = redisSlot(key)
  const left = async () => {
    const { rule, remaining, over } = (await limiter.decide('meshgate', [user(name)])).descriptors[0]!
    return rule === undefined ? 'not counted' : over ? 'over' : remaining
  }
  const [from, to] = [cluster!.nodes[0]!, cluster!.nodes[1]!]
  const [source, target] = [new Redis(from.url), new Redis(to.url)]
  stopAfterTests(async () => {
    source.disconnect()
    target.disconnect()
  })
  const [sourceId, targetId] = [
    String(await source.call('CLUSTER', 'MYID')),
    String(await target.call('CLUSTER', 'MYID')),
  ]
  expect(await left()).toBe(5)
  await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId)
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId)
  // Its key is still where it was.
  expect(await left()).toBe(4)
  await source.call('MIGRATE', '127.0.0.1', to.port, key, 0, 2_000)
  // Asked for there, and told to ask the other (ASK), which does not know the script yet.
  expect([await left(), await left()]).toEqual([3, 2])
  for (const redis of [target, source]) await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId)
  // Told that it moved (MOVED).
  expect([await left(), await left(), await left()]).toEqual([1, 0, 'over'])
  expect(await source.exists(key).catch(() => 0)).toBe(0)
})

it('presence and learned sets are shared through a cluster', async () => {
  const [one, two] = [redisPresence(cluster!.url, silent), redisPresence(cluster!.url, silent)]
  stopAfterTests(async () => {
    await one.stop()
    await two.stop()
  })
  const beat = () =>
    one.beat('a', new Map([['x', '{"id":"x"}']]), [], true).then(
      () => true,
      () => false,
    )
  // A replica beats every two seconds; what it wrote once is gone after six.
  await expect
    .poll(async () => {
      await beat()
      return two.read('b').catch(() => undefined)
    })
    .toEqual([{ replica: 'a', values: ['{"id":"x"}'] }])
  // A command may find its server too busy to answer in time: a replica that ends leaves it at that.
  const left = () =>
    one.leave('a').then(
      () => true,
      () => false,
    )
  await expect.poll(left).toBe(true)
  await expect.poll(() => two.read('b').catch(() => undefined)).toEqual([])

  const memory = (): LearnedStore => {
    let kept: Learned | undefined
    return {
      load: async () => kept,
      save: async (state) => {
        kept = state
      },
    }
  }
  const share = () => {
    const shared = new LearnedSets(memory(), cluster!.url, silent, { lookMs: 50 })
    stopAfterTests(() => shared.stop())
    return shared
  }
  const [first, second] = [share(), share()]
  await Promise.all([first.load(), second.load()])
  const told: Learned[] = []
  second.onOthers((news) => told.push(news))
  const learned = { ...NOTHING_LEARNED, workloads: new Map([['shop', new Set(['a'])]]) }
  await expect
    .poll(async () => {
      await first.save(learned)
      return told
    })
    .toEqual([learned])
})

it('a replica that takes the place of a dead server counts on from what it was told', async () => {
  const strict = { tokenBucket: { maxTokens: 5, tokensPerFill: 1, fillInterval: '1h' }, onFailure: 'deny' }
  const primary = cluster!.nodes[2]!
  const replica = await cluster!.addReplica(primary)
  const [limiter] = (await instances(1, documents([strict]), 200)) as [Limiter]
  const name = Array.from({ length: 200 }, (_, index) => `staying-${index}`).find((one) => serverOf(one) === 2)!
  const ask = async (hits: number) => (await limiter.decide('meshgate', [{ ...user(name), hits }])).descriptors[0]!
  // What is counted is asked by one that has all the time it needs.
  const [patient] = (await instances(1, documents([strict]))) as [Limiter]
  const take = async (hits: number) => (await patient.decide('meshgate', [{ ...user(name), hits }])).descriptors[0]!
  expect((await take(3)).remaining).toBe(2)
  const copy = new Redis(replica.url)
  stopAfterTests(async () => copy.disconnect())
  await copy.call('READONLY')
  await expect.poll(() => copy.exists(`meshgate:rl:{n/r/0 ["user","${name}"]}`)).toBe(1)
  await primary.kill()
  let late = 0
  await expect
    .poll(
      async () => {
        // A timer beside it, so that a machine that stands still makes both wait; well above the deadline of a decision.
        const answer = await Promise.race([ask(0), sleep(1_500)])
        if (!answer) late++
        return answer?.over
      },
      { timeout: 60_000, interval: 20 },
    )
    .toBe(false)
  expect(late).toBe(0)
  // The connection of the other may take a moment longer; a limit that denies says nothing is left until then.
  await expect.poll(async () => (await take(0)).remaining).toBe(2)
  expect((await take(1)).remaining).toBe(1)
  expect((await take(2)).over).toBe(true)
})
