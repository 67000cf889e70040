import { errorText } from '../../errors/thrown.ts'
import { joinLearned, type LearnedStore, NOTHING_LEARNED, type SharedLearnedStore } from './learned.ts'
import { connectRedis, type RedisLogger, redisOptions } from './redis.ts'

/** Sets nobody added to for so long are forgotten, in seconds. */
const EXPIRE_S = 7 * 86_400
const MOST_WORKLOADS = 10_000
const MOST_NAMES = 10_000
/** How often it is looked for what others learned, ms. */
const LOOK_MS = 5_000
/** Clocks of replicas differ: additions from so long before the last look are read again, ms. */
const SLACK_MS = 60_000

/**
 * Shares the sets of workloads with the other replicas: what one learned, all soon know. Everything is kept by `own` as before;
 * Redis only adds to it, and when it cannot be used nothing is missing but what others learned.
 */
export function learnedSets(
  own: LearnedStore,
  url: string,
  logger: RedisLogger,
  { prefix = '{meshgate}:learned:', lookMs = LOOK_MS }: { readonly prefix?: string; readonly lookMs?: number } = {},
): SharedLearnedStore {
  const redis = connectRedis(url, { ...redisOptions(2000), socketTimeout: 5000 }, logger, 'learned sets')
  const index = `${prefix}workloads`
  const key = (workload: string) => `${prefix}of:${workload}`
  const known = new Map<string, Set<string>>()
  const listeners = new Set<(news: typeof NOTHING_LEARNED) => void>()
  let lookedAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  /** Names that are new here, of workloads something was added to lately. */
  async function news(): Promise<Map<string, Set<string>>> {
    const at = Date.now()
    const since = Number.isFinite(lookedAt) ? String(lookedAt - SLACK_MS) : '-inf'
    const workloads = (await redis.zrangebyscore(index, since, '+inf')).slice(-MOST_WORKLOADS)
    const found = new Map<string, Set<string>>()
    if (workloads.length > 0) {
      const work = redis.pipeline()
      for (const workload of workloads) work.smembers(key(workload))
      const results = (await work.exec()) ?? []
      for (const [position, workload] of workloads.entries()) {
        const [error, names] = results[position] ?? [new Error('no answer'), []]
        if (error) throw error
        const before = known.get(workload)
        const fresh = (names as string[]).slice(0, MOST_NAMES).filter((name) => !before?.has(name))
        if (fresh.length > 0) found.set(workload, new Set(fresh))
      }
    }
    for (const [workload, names] of found) known.set(workload, new Set([...(known.get(workload) ?? []), ...names]))
    lookedAt = at
    return found
  }

  async function look(): Promise<void> {
    try {
      const workloads = await news()
      if (workloads.size > 0) for (const listener of [...listeners]) listener({ ...NOTHING_LEARNED, workloads })
    } catch {
      // The connection tells that it cannot be used; what others learned comes with a later look.
    }
  }

  return {
    async load() {
      const state = await own.load()
      timer ??= setInterval(() => void look(), lookMs)
      timer.unref()
      try {
        if (redis.status !== 'ready')
          await new Promise<void>((resolve) => {
            const done = () => {
              clearTimeout(patience)
              resolve()
            }
            const patience = setTimeout(done, 500)
            redis.once('ready', done)
            redis.once('error', done)
          })
        const workloads = await news()
        return workloads.size === 0 ? state : joinLearned(state ?? NOTHING_LEARNED, { ...NOTHING_LEARNED, workloads })
      } catch (error) {
        logger.warn({ error: errorText(error) }, 'what other replicas learned cannot be read')
        return state
      }
    },
    async save(state) {
      await own.save(state)
      const work = redis.pipeline()
      const added: [string, readonly string[]][] = []
      for (const [workload, names] of [...state.workloads].slice(0, MOST_WORKLOADS)) {
        const fresh = [...names].slice(0, MOST_NAMES).filter((name) => !known.get(workload)?.has(name))
        if (fresh.length === 0) continue
        added.push([workload, fresh])
        work
          .sadd(key(workload), ...fresh)
          .expire(key(workload), EXPIRE_S)
          .zadd(index, Date.now(), workload)
      }
      if (added.length === 0) return
      try {
        for (const [error] of (await work.exec()) ?? []) if (error) throw error
        for (const [workload, names] of added) known.set(workload, new Set([...(known.get(workload) ?? []), ...names]))
      } catch (error) {
        logger.warn({ error: errorText(error) }, 'what was learned cannot be told to other replicas')
      }
    },
    onOthers(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async stop() {
      clearInterval(timer)
      redis.disconnect()
    },
  }
}
