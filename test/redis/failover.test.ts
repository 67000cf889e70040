import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { beforeEach, expect, it, type TestContext } from 'vitest'
import { Limiter, RedisStore, Rules } from '../../controlplane/ratelimit/index.ts'
import { redisPresence } from '../../controlplane/shared/index.ts'
import { IN_THE_END_MS } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { HOW_TO_GET_REDIS, hasRedis, REDIS_SERVER, startRedis } from '../helpers/redis.ts'
import { requireTool } from '../helpers/tools.ts'

/** A real primary, a real replica of it and a real sentinel: what becomes of limits and presence when the primary dies. */

const here = await hasRedis()
beforeEach((context: TestContext) => requireTool(context, 'redis-server', here, HOW_TO_GET_REDIS))

/** One command may have been on its way when the primary died: ms, above its deadline. */
const TOO_LONG_MS = 1_500
const silent = { info() {}, warn() {} }

async function startSentinel(primary: number): Promise<number> {
  const port = await freePort()
  const folder = testFolder('sentinel')
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    `port ${port}
bind 127.0.0.1
sentinel monitor limits 127.0.0.1 ${primary} 1
sentinel down-after-milliseconds limits 3000
sentinel failover-timeout limits 2000
`,
  )
  await spawnForTest({ command: REDIS_SERVER, args: [file, '--sentinel'], cwd: folder })
  return port
}

it('limits are counted by the new primary, where the old one left off; nothing waits meanwhile', async () => {
  const [primary, replica] = [await startRedis(), await startRedis()]
  const admin = new Redis(replica.url)
  admin.on('error', () => {})
  stopAfterTests(async () => admin.disconnect())
  await admin.replicaof('127.0.0.1', primary.port)
  await expect.poll(() => admin.info('replication')).toContain('master_link_status:up')
  const sentinel = await startSentinel(primary.port)
  const asked = new Redis(sentinel, '127.0.0.1')
  asked.on('error', () => {})
  stopAfterTests(async () => asked.disconnect())
  await expect
    .poll(() => asked.call('SENTINEL', 'replicas', 'limits'))
    .toEqual([expect.arrayContaining([`127.0.0.1:${replica.port}`])])

  const url = `redis+sentinel://127.0.0.1:${sentinel}/limits`
  const store = new RedisStore({ url, timeoutMs: 500 })
  // What is counted is read and written by one that has all the time it needs.
  const patient = new RedisStore({ url, timeoutMs: IN_THE_END_MS })
  const presence = redisPresence(url, silent)
  stopAfterTests(async () => {
    await store.stop()
    await patient.stop()
    await presence.stop()
  })
  const rules = new Rules([
    {
      ...{ namespace: 'n', name: 'one' },
      spec: { shared: true, limits: [{ tokenBucket: { maxTokens: 5, fillInterval: '1h' } }] },
    } as never,
  ])
  const [hurried, limiter] = [store, patient].map((one) => new Limiter({ store: one, rules: () => rules })) as [
    Limiter,
    Limiter,
  ]
  const decide = async (hits: number, by = limiter) =>
    (await by.decide('meshgate', [{ entries: [{ key: 'generic_key', value: 'n/one/0' }], hits }])).descriptors[0]!
  await expect.poll(() => store.healthy && patient.healthy).toBe(true)
  expect((await decide(3)).remaining).toBe(2)
  // The replica is told a moment later than the caller.
  await expect.poll(() => admin.keys('meshgate:rl:*')).toHaveLength(1)
  // A command may find its server too busy to answer in time.
  const beat = () =>
    presence.beat('a', new Map([['x', '"x"']]), [], true).then(
      () => true,
      () => false,
    )
  await expect.poll(beat).toBe(true)

  await primary.kill()
  let late = 0
  let refused = 0
  await expect
    .poll(
      async () => {
        // A timer beside it, so that a machine that stands still makes both wait; well above the deadline of a decision.
        const answer = await Promise.race([decide(0, hurried), sleep(TOO_LONG_MS)])
        if (!answer) late++
        if (answer?.over) refused++
        return answer?.rule !== undefined && answer.resetMs > 0
      },
      { timeout: 60_000 },
    )
    .toBe(true)
  // Requests passed while nothing could be counted: that is what this limit says.
  expect(refused).toBe(0)
  expect(late).toBe(0)
  // The connection of the other may take a moment longer.
  await expect.poll(async () => (await decide(0)).remaining).toBe(2)
  expect((await decide(2)).over).toBe(false)
  expect((await decide(1)).over).toBe(true)
  // A replica beats every two seconds; what it wrote once is gone after six.
  await expect
    .poll(async () => {
      await presence.beat('b', new Map([['y', '"y"']]), [], true).catch(() => {})
      return (await presence.read('nobody').catch(() => [])).flatMap(({ values }) => values)
    })
    .toContain('"y"')
})
