import { beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { Limiter, RedisStore, Rules } from '../../controlplane/ratelimit/index.ts'
import { redisPresence } from '../../controlplane/shared/index.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { HOW_TO_GET_REDIS, hasRedis, startRedis, type TestRedis } from '../helpers/redis.ts'
import { requireTool } from '../helpers/tools.ts'
import { startToxic, type Toxic, type ToxicProxy } from '../helpers/toxic.ts'

/** What a Redis may do, and what decisions do then: each limit says for itself, nobody waits, and counting resumes. */

const FAULTS: readonly (readonly [string, Toxic])[] = [
  ['is gone', { kind: 'down' }],
  ['takes connections and answers nothing', { kind: 'blackhole' }],
  ['is half-open: connections stand, nothing comes', { kind: 'half-open' }],
  ['is slow by 5 s', { kind: 'latency', ms: 5_000 }],
  ['answers noise', { kind: 'garbage' }],
  ['cuts every answer in the middle', { kind: 'cut', bytes: 3 }],
  ['is loading its data', { kind: 'answer', bytes: '-LOADING Redis is loading the dataset in memory\r\n' }],
  ['takes no writes', { kind: 'answer', bytes: "-MISCONF Redis can't write to disk\r\n" }],
]
/** 20 ms, and what a busy machine adds. */
const PATIENCE_MS = 250

let redis: TestRedis | undefined
let toxic: ToxicProxy

beforeAll(async () => {
  if (!(await hasRedis())) return
  redis = await startRedis()
  toxic = await startToxic(redis.port)
})
beforeEach((context: TestContext) => requireTool(context, 'redis-server', redis !== undefined, HOW_TO_GET_REDIS))

describe('a Redis that', () => {
  it.each(FAULTS)('%s: limits decide as they say, without waiting, and count again afterwards', async (what, fault) => {
    const bucket = { maxTokens: 3, fillInterval: '1h' }
    const limits = [{ tokenBucket: bucket }, { tokenBucket: bucket, onFailure: 'deny' }]
    const name = what.replaceAll(/\W/g, '-')
    const rules = new Rules([{ namespace: 'n', name, spec: { shared: true, limits } } as never])
    const store = new RedisStore({ url: `redis://127.0.0.1:${toxic.port}` })
    stopAfterTests(() => store.stop())
    const outcomes: string[] = []
    const limiter = new Limiter({ store, rules: () => rules, count: (_, outcome) => outcomes.push(outcome) })
    const decide = async (index: number, hits: number) => {
      const started = performance.now()
      const entries = [{ key: 'generic_key', value: `n/${name}/${index}` }]
      const { over } = await limiter.decide('meshgate', [{ entries, hits }])
      return { over, ms: performance.now() - started }
    }
    /** Whether the last decision was one of Redis. */
    const counts = async () => {
      await decide(0, 0)
      return !outcomes.at(-1)!.startsWith('failed')
    }
    await expect.poll(counts).toBe(true)
    await decide(0, 1)

    await toxic.set(fault, true)
    await expect.poll(counts).toBe(false)
    const slow: number[] = []
    for (let turn = 0; turn < 30; turn++) {
      const [open, closed] = [await decide(0, 1), await decide(1, 1)]
      expect([open.over, closed.over]).toEqual([false, true])
      slow.push(...[open.ms, closed.ms].filter((ms) => ms > PATIENCE_MS))
    }
    expect(slow).toEqual([])

    await toxic.set({ kind: 'none' }, true)
    await expect.poll(counts).toBe(true)
    // What passed uncounted is not made up for; what was counted before still is.
    const left = []
    for (let turn = 0; turn < 4; turn++) left.push((await decide(0, 1)).over)
    expect(left.at(-1)).toBe(true)
    expect(left.filter((over) => !over).length).toBeLessThanOrEqual(2)
    await store.stop()
  })

  it.each(FAULTS)('%s: presence of replicas fails, and is whole again afterwards', async (_, fault) => {
    const presence = redisPresence(`redis://127.0.0.1:${toxic.port}`, { info() {}, warn() {} })
    stopAfterTests(() => presence.stop())
    const beat = (all: boolean) =>
      presence.beat('a', new Map([['x', '"x"']]), [], all).then(
        () => true,
        () => false,
      )
    await expect.poll(() => beat(true)).toBe(true)
    await toxic.set(fault, true)
    await expect.poll(() => beat(false)).toBe(false)
    await toxic.set({ kind: 'none' }, true)
    await expect.poll(() => beat(true)).toBe(true)
    expect((await presence.read('b')).flatMap(({ values }) => values)).toEqual(['"x"'])
    await presence.leave('a')
    await presence.stop()
  })
})
