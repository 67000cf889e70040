import type { PresenceStore } from './presence.ts'
import { connectRedis, firstTry, type RedisLogger, redisOptions, serverTime } from './redis.ts'

/** A replica that does not beat for so long is gone, in ms. */
const EXPIRE_MS = 6000
/** A busy Redis may take this long; nobody's request waits for it. */
const TIMEOUT_MS = 2000
const MOST_REPLICAS = 100

/**
 * One hash per replica that expires as a whole, and a sorted set of the replicas by their last beat: reading needs no scan of
 * a Redis that others use too. The braces keep all of it at one server of a Redis Cluster, as transactions need.
 */
export function redisPresence(url: string, logger: RedisLogger, prefix = '{meshgate}:presence:'): PresenceStore {
  const redis = connectRedis(url, { ...redisOptions(TIMEOUT_MS), socketTimeout: 5000 }, logger, 'presence')
  const tried = firstTry(redis)
  const index = `${prefix}replicas`
  const key = (replica: string) => `${prefix}of:${replica}`
  const check = (results: readonly (readonly [Error | null, unknown])[] | null) => {
    if (!results) throw new Error('the transaction was given up')
    for (const [error] of results) if (error) throw error
    return results.map(([, value]) => value)
  }
  return {
    async beat(replica, changed, gone, all) {
      await tried
      const at = await serverTime(redis)
      const work = redis.multi().exists(key(replica))
      if (all) work.del(key(replica))
      if (changed.size > 0) work.hset(key(replica), new Map(changed))
      if (gone.length > 0) work.hdel(key(replica), ...gone)
      work.pexpire(key(replica), EXPIRE_MS)
      work.zadd(index, at, replica)
      work.zremrangebyscore(index, '-inf', at - 10 * EXPIRE_MS)
      work.pexpire(index, 20 * EXPIRE_MS)
      return check(await work.exec())[0] === 1
    },
    async read(except) {
      await tried
      const replicas = (await redis.zrange(index, String(-MOST_REPLICAS), '-1')).filter((replica) => replica !== except)
      if (replicas.length === 0) return []
      const work = redis.multi()
      for (const replica of replicas) work.hvals(key(replica))
      const results = await work.exec()
      check(results)
      return replicas.flatMap((replica, position) => {
        const values = results![position]![1] as string[]
        return values.length > 0 ? [{ replica, values }] : []
      })
    },
    async leave(replica) {
      check(await redis.multi().del(key(replica)).zrem(index, replica).exec())
    },
    async stop() {
      redis.disconnect()
    },
  }
}
