import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorText } from '../../errors/thrown.ts'
import { joinLearned, type Learned, type LearnedStore, NOTHING_LEARNED, type SharedLearnedStore } from './learned.ts'
import { connectRedis, firstTry, type RedisLogger, redisOptions, serverTime } from './redis.ts'

/** Sets that no replica told of for so long are forgotten, ms. */
const EXPIRE_MS = 7 * 86_400_000
/** A set that is still in use is told of again after so long, ms. */
const TELL_AGAIN_MS = 86_400_000
const MOST_WORKLOADS = 10_000
const MOST_NAMES = 10_000
/** How often it is looked for what others learned, ms. */
const LOOK_MS = 5_000
/** Additions from so long before the last look are read again, ms: clocks of the servers of a cluster differ, and a command may be late. */
const SLACK_MS = 60_000
/** A start waits no longer for Redis, ms. */
const START_MS = 500

export interface LearnedSetsOptions {
  /** Before all keys; those of one prefix are in one slot of a cluster. */
  readonly prefix?: string
  readonly lookMs?: number
  /** ms since the epoch. Default: what Redis says, since clocks of replicas may be hours apart. */
  readonly now?: () => number | Promise<number>
}

/** What Redis was told, or told us, of a workload. */
interface Shared {
  names: ReadonlySet<string>
  /** When somebody last told of it, ms since the epoch. */
  at: number
}

/**
 * Shares the sets of workloads with the other replicas: what one learned, all soon know. Everything is kept by `own` as before;
 * Redis only adds to it, and when it cannot be used nothing is missing but what others learned.
 */
export class LearnedSets implements SharedLearnedStore {
  readonly #own: LearnedStore
  readonly #redis: ReturnType<typeof connectRedis>
  readonly #logger: RedisLogger
  readonly #prefix: string
  /** Workloads by when somebody told of them. */
  readonly #index: string
  /** Says which life of Redis this is: it gets another one when everything is lost. */
  readonly #lifeKey: string
  #life: string | undefined
  readonly #lookMs: number
  readonly #now: () => number | Promise<number>
  readonly #tried: Promise<void>
  readonly #shared = new Map<string, Shared>()
  readonly #listeners = new Set<(news: Learned) => void>()
  #lookedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  /** What the others have yet to be told. */
  #untold: Learned | undefined
  #failing = false

  constructor(own: LearnedStore, url: string, logger: RedisLogger, options: LearnedSetsOptions = {}) {
    const { prefix = '{meshgate}:learned:', lookMs = LOOK_MS } = options
    this.#own = own
    this.#redis = connectRedis(url, { ...redisOptions(2000), socketTimeout: 5000 }, logger, 'learned sets')
    this.#logger = logger
    this.#prefix = prefix
    this.#index = `${prefix}workloads`
    this.#lifeKey = `${prefix}life`
    this.#lookMs = lookMs
    this.#now = options.now ?? (() => serverTime(this.#redis))
    this.#tried = firstTry(this.#redis)
  }

  async load(): Promise<Learned | undefined> {
    const state = await this.#own.load()
    this.#timer ??= setInterval(() => void this.#look(), this.#lookMs)
    this.#timer.unref()
    try {
      await Promise.race([this.#tried, sleep(START_MS, undefined, { ref: false })])
      const workloads = await this.#news()
      return workloads.size === 0 ? state : joinLearned(state ?? NOTHING_LEARNED, { ...NOTHING_LEARNED, workloads })
    } catch (error) {
      this.#logger.warn({ error: errorText(error) }, 'what other replicas learned cannot be read')
      return state
    }
  }

  async save(state: Learned): Promise<void> {
    await this.#own.save(state)
    this.#untold = state
    await this.#tellUntold()
  }

  onOthers(listener: (news: Learned) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#redis.disconnect()
  }

  #key(workload: string): string {
    return `${this.#prefix}of:${workload}`
  }

  /** Tells the others what they do not know; what cannot be told now is told with a later look. */
  async #tellUntold(): Promise<void> {
    const state = this.#untold
    if (!state) return
    try {
      await this.#tell(state.workloads)
      if (this.#untold === state) this.#untold = undefined
      this.#failing = false
    } catch (error) {
      if (!this.#failing)
        this.#logger.warn(
          { error: errorText(error) },
          'what was learned cannot be told to other replicas, it is tried again',
        )
      this.#failing = true
    }
  }

  async #look(): Promise<void> {
    await this.#tellUntold()
    try {
      const workloads = await this.#news()
      await this.#tellUntold()
      if (workloads.size > 0) for (const listener of [...this.#listeners]) listener({ ...NOTHING_LEARNED, workloads })
    } catch {
      // The connection tells that it cannot be used; what others learned comes with a later look.
    }
  }

  /** Names that are new here, of workloads somebody told of lately. */
  async #news(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const at = await this.#now()
    const since = Number.isFinite(this.#lookedAt) ? String(this.#lookedAt - SLACK_MS) : '-inf'
    const { life, told } = await this.#ask(since)
    const isLost = life !== this.#life && (await this.#beginLife(life))
    const workloads = workloadTimes(isLost ? (await this.#ask('-inf')).told : told).slice(-MOST_WORKLOADS)
    const found = new Map<string, ReadonlySet<string>>()
    if (workloads.length > 0) {
      const work = this.#redis.pipeline()
      for (const [workload] of workloads) work.smembers(this.#key(workload))
      const results = (await work.exec()) ?? []
      for (const [position, [workload, toldAt]] of workloads.entries()) {
        const [error, names] = results[position] ?? [new Error('no answer'), []]
        if (error) throw error
        const fresh = this.#fresh(workload, names as string[])
        if (fresh.length > 0) found.set(workload, new Set(fresh))
        this.#know(workload, fresh, toldAt)
      }
    }
    this.#lookedAt = at
    this.#forget(at)
    return found
  }

  /** Which life of Redis this is, and the workloads somebody told of since then, with when. */
  async #ask(since: string): Promise<{ readonly life: string | null; readonly told: readonly string[] }> {
    const asked = this.#redis.pipeline().get(this.#lifeKey).zrangebyscore(this.#index, since, '+inf', 'WITHSCORES')
    const [life, told] = ((await asked.exec()) ?? []).map(([error, value]) => {
      if (error) throw error
      return value
    })
    return { life: life as string | null, told: told as readonly string[] }
  }

  /** Of several replicas that find a Redis without a name for its life the first one gives it one. @returns whether what we told is lost */
  async #beginLife(life: string | null): Promise<boolean> {
    const isLost = this.#life !== undefined
    if (life === null) await this.#redis.set(this.#lifeKey, randomUUID(), 'NX')
    const present = life ?? (await this.#redis.get(this.#lifeKey))
    if (isLost) {
      this.#logger.info({}, 'Redis has lost what replicas learned: it is told again')
      this.#shared.clear()
      this.#untold = await this.#own.load()
    }
    this.#life = present ?? undefined
    return isLost
  }

  async #tell(workloads: Learned['workloads']): Promise<void> {
    const now = await this.#now()
    const work = this.#redis.pipeline()
    const told: [string, readonly string[]][] = []
    for (const [workload, names] of [...workloads].slice(0, MOST_WORKLOADS)) {
      const shared = this.#shared.get(workload)
      const again = shared !== undefined && now - shared.at > TELL_AGAIN_MS
      const fresh = again ? [...names].slice(0, MOST_NAMES) : this.#fresh(workload, [...names])
      if (fresh.length === 0) continue
      told.push([workload, fresh])
      work
        .sadd(this.#key(workload), ...fresh)
        .pexpire(this.#key(workload), EXPIRE_MS)
        .zadd(this.#index, now, workload)
    }
    if (told.length === 0) return
    work.zremrangebyscore(this.#index, '-inf', now - EXPIRE_MS)
    for (const [error] of (await work.exec()) ?? []) if (error) throw error
    for (const [workload, names] of told) this.#know(workload, names, now)
  }

  #fresh(workload: string, names: readonly string[]): readonly string[] {
    const shared = this.#shared.get(workload)?.names
    return names.slice(0, MOST_NAMES).filter((name) => !shared?.has(name))
  }

  #know(workload: string, names: readonly string[], at: number): void {
    const shared = this.#shared.get(workload)
    if (!shared) this.#shared.set(workload, { names: new Set(names), at })
    else {
      if (names.length > 0) shared.names = new Set([...shared.names, ...names])
      shared.at = at
    }
  }

  /** As Redis does: what nobody told of for so long is not there any more. */
  #forget(now: number): void {
    const before = now - EXPIRE_MS
    for (const [workload, { at }] of this.#shared) if (at < before) this.#shared.delete(workload)
  }
}

/** Members of a sorted set with their scores, as Redis lists them: one after the other. */
function workloadTimes(list: readonly string[]): [workload: string, toldAt: number][] {
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index]!, Number(list[2 * index + 1])])
}
