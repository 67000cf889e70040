import { connectRedis, type RedisLogger, redisOptions } from './redis.ts'

/** What workloads use on demand, by workload. */
type Sets = ReadonlyMap<string, ReadonlySet<string>>

/** A state that holds such sets beside other things, and where it is kept. */
export interface SetStore<State extends { readonly workloads: Sets }> {
  load(): Promise<State | undefined>
  save(state: State): Promise<void>
}

/** Sets nobody added to for so long are forgotten, in seconds. */
const EXPIRE_S = 7 * 86_400
const MOST_WORKLOADS = 10_000
const MOST_NAMES = 10_000

/**
 * Shares the sets of workloads with the other replicas: what one learned, all start with. Everything is kept by `own` as before;
 * Redis only adds to it, and when it cannot be used nothing is missing but what others learned.
 * @param empty a state with nothing in it
 */
export function learnedSets<State extends { readonly workloads: Sets }>(
  own: SetStore<State>,
  empty: State,
  url: string,
  logger: RedisLogger,
  prefix = 'meshgate:learned:',
): SetStore<State> & { stop(): Promise<void> } {
  const redis = connectRedis(url, { ...redisOptions(2000), socketTimeout: 5000 }, logger, 'learned sets')
  const index = `${prefix}workloads`
  const key = (workload: string) => `${prefix}of:${workload}`
  const known = new Map<string, Set<string>>()

  async function read(): Promise<Sets> {
    if (redis.status !== 'ready')
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(done, 500)
        redis.once('ready', done)
        redis.once('error', done)
      })
    const workloads = (await redis.zrange(index, '0', '-1')).slice(-MOST_WORKLOADS)
    if (workloads.length === 0) return new Map()
    const work = redis.pipeline()
    for (const workload of workloads) work.smembers(key(workload))
    const results = (await work.exec()) ?? []
    return new Map(
      workloads.map((workload, position) => {
        const [error, names] = results[position] ?? [new Error('no answer'), []]
        if (error) throw error
        return [workload, new Set((names as string[]).slice(0, MOST_NAMES))]
      }),
    )
  }

  return {
    async load() {
      const state = await own.load()
      let shared: Sets
      try {
        shared = await read()
      } catch (error) {
        logger.warn({ error: (error as Error).message }, 'what other replicas learned cannot be read')
        return state
      }
      for (const [workload, names] of shared) known.set(workload, new Set(names))
      if (shared.size === 0) return state
      const base = state ?? empty
      const workloads = new Map(base.workloads)
      for (const [workload, names] of shared)
        workloads.set(workload, new Set([...(workloads.get(workload) ?? []), ...names]))
      return { ...base, workloads }
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
        logger.warn({ error: (error as Error).message }, 'what was learned cannot be told to other replicas')
      }
    },
    async stop() {
      redis.disconnect()
    },
  }
}
