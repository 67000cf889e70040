import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { Limiter, RedisStore, Rules } from '../../controlplane/ratelimit/index.ts'
import { redisPresence } from '../../controlplane/shared/index.ts'
import { IN_THE_END_MS } from '../helpers/eventually.ts'
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
/** Well above the 20 ms of a decision; a timer beside it, so that a machine that stands still makes both wait. */
const TOO_LONG_MS = 250

let redis: TestRedis | undefined
let toxic: ToxicProxy | undefined

beforeAll(async () => {
  if (!(await hasRedis())) return
  redis = await startRedis()
  toxic = await startToxic(redis.port)
})
afterEach(() => toxic?.set({ kind: 'none' }, true))
beforeEach((context: TestContext) => requireTool(context, 'redis-server', redis !== undefined, HOW_TO_GET_REDIS))

describe('a Redis that', () => {
  it.each(FAULTS)('%s: limits decide as they say, without waiting, and count again afterwards', async (what, fault) => {
    const bucket = { maxTokens: 3, fillInterval: '1h' }
    const limits = [{ tokenBucket: bucket }, { tokenBucket: bucket, onFailure: 'deny' }]
    const name = what.replaceAll(/\W/g, '-')
    const rules = new Rules([{ namespace: 'n', name, spec: { shared: true, limits } } as never])
    const store = new RedisStore({ url: `redis://127.0.0.1:${toxic!.port}` })
    // What is counted is read and written by one that has all the time it needs, at the Redis itself.
    const patient = new RedisStore({ url: redis!.url, timeoutMs: IN_THE_END_MS })
    stopAfterTests(() => Promise.all([store.stop(), patient.stop()]))
    const outcomes: string[] = []
    const limiter = new Limiter({ store, rules: () => rules, count: (_, outcome) => outcomes.push(outcome) })
    const direct = new Limiter({ store: patient, rules: () => rules })
    const asked = (index: number, hits: number) => [
      { entries: [{ key: 'generic_key', value: `n/${name}/${index}` }], hits },
    ]
    const decide = (index: number, hits: number) =>
      Promise.race([
        limiter.decide('meshgate', asked(index, hits)).then(({ over }) => over),
        sleep(TOO_LONG_MS, 'late'),
      ])
    const remaining = async () => (await direct.decide('meshgate', asked(0, 0))).descriptors[0]!.remaining
    /** Whether the last decision was one of Redis. */
    const counts = async () => {
      await decide(0, 0)
      return !(outcomes.at(-1) ?? 'failed').startsWith('failed')
    }
    await expect.poll(counts).toBe(true)
    await expect.poll(() => patient.healthy).toBe(true)
    await direct.decide('meshgate', asked(0, 1))

    await toxic!.set(fault, true)
    await expect.poll(counts).toBe(false)
    for (let turn = 0; turn < 30; turn++) expect([await decide(0, 1), await decide(1, 1)]).toEqual([false, true])

    await toxic!.set({ kind: 'none' }, true)
    await expect.poll(counts).toBe(true)
    // What passed uncounted is not made up for; what was counted before still is.
    const left = await remaining()
    expect(left).toBeLessThanOrEqual(2)
    await direct.decide('meshgate', asked(0, left))
    await expect.poll(() => decide(0, 1)).toBe(true)
    await Promise.all([store.stop(), patient.stop()])
  })

  it.each(FAULTS)('%s: presence of replicas fails, and is whole again afterwards', async (_, fault) => {
    const presence = redisPresence(`redis://127.0.0.1:${toxic!.port}`, { info() {}, warn() {} })
    stopAfterTests(() => presence.stop())
    const beat = (all: boolean) =>
      presence.beat('a', new Map([['x', '"x"']]), [], all).then(
        () => true,
        () => false,
      )
    await expect.poll(() => beat(true)).toBe(true)
    await toxic!.set(fault, true)
    await expect.poll(() => beat(false)).toBe(false)
    await toxic!.set({ kind: 'none' }, true)
    // A replica beats every two seconds; what it wrote once is gone after six.
    await expect
      .poll(async () => {
        await beat(true)
        return (await presence.read('b').catch(() => [])).flatMap(({ values }) => values)
      })
      .toEqual(['"x"'])
    await presence.leave('a').catch(() => {})
    await presence.stop()
  })
})
