import type { Cluster, Redis } from 'ioredis'
import { errorText } from '../../errors/thrown.ts'
import { type Logger, SILENT } from '../ads/index.ts'
import { connectRedis, isCluster, isConnected, redisOptions } from '../shared/redis.ts'
import { redisSlot } from '../shared/redis-slot.ts'
import type { Store, Take, Taken } from './store.ts'

export interface RedisStoreOptions {
  /** As `redisTarget` takes it. */
  readonly url: string
  readonly logger?: Logger
  /** Longest time for an answer, ms: the callers' own deadline. */
  readonly timeoutMs?: number
  /** In front of every key. */
  readonly prefix?: string
  /** ms; must not go back. */
  readonly now?: () => number
}

/**
 * GCRA on the server's own clock, all counters of a request in one call. Numbers are written out whole: Lua would turn the
 * time into `1.7e+15`. A counter lives until its bucket is full, when it says nothing any more.
 * KEYS: the counters; ARGV: interval (µs), burst, hits of each. Answers allowed, remaining, retry (µs), reset (µs) of each.
 */
const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer = {}
for index, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[index * 3 - 2])
  local depth = tonumber(ARGV[index * 3 - 1]) * interval
  local hits = tonumber(ARGV[index * 3])
  local full = math.min(math.max(tonumber(redis.call('GET', key) or 0), now), now + depth)
  local after = full + hits * interval
  local allowed = 0
  if after - now <= depth + 0.5 then
    allowed = 1
    if hits > 0 then
      redis.call('SET', key, string.format('%.0f', after), 'PX', math.max(1, math.ceil((after - now) / 1000)))
    end
    full = after
  end
  answer[#answer + 1] = allowed
  answer[#answer + 1] = math.max(0, math.floor((depth - (full - now)) / interval + 0.000001))
  answer[#answer + 1] = math.ceil(math.max(0, full + interval - now - depth))
  answer[#answer + 1] = math.ceil(full - now)
end
return answer
`

/** For what is said when a connection is made, ms: nobody waits for that, and in the time of a decision it may not be done. */
const HANDSHAKE_MS = 1_000

/** Failures after which Redis is left alone, and how often it is tried again. */
const FAILURES = 5
const PROBE_MS = 250

type Scripted = (Redis | Cluster) & {
  meshgateTake(keys: number, ...values: (string | number)[]): Promise<number[]>
}

/** Redis is left alone at present: it was not asked. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** Leaves a server alone that failed several times in a row, but for a probe now and then. */
class Breaker {
  private failures = 0
  private probeAt = 0

  get open(): boolean {
    return this.failures >= FAILURES
  }

  /** @throws StoreUnavailable while the server is left alone */
  enter(now: number): void {
    if (!this.open) return
    if (now < this.probeAt) throw new StoreUnavailable('Redis failed several times; it is tried again in a moment')
    this.probeAt = now + PROBE_MS
  }

  /** Whether it was left alone until now. */
  succeeded(): boolean {
    const { open } = this
    this.failures = 0
    return open
  }

  /** Whether it is left alone from now on. */
  failed(now: number): boolean {
    if (++this.failures !== FAILURES) return false
    this.probeAt = now + PROBE_MS
    return true
  }
}

/** Slots of a Redis Cluster that are watched together: neighbours are at one server nearly always. */
const SLOTS_TOGETHER = 256

/**
 * Counters in Redis, shared by all instances. Nothing waits for Redis longer than the deadline, nothing is queued while it is
 * away, and after some failures it is not asked but for a probe now and then: a frozen Redis costs no request its deadline.
 *
 * In a Redis Cluster each counter is a call of its own, since a call may touch one slot only; a server that fails costs only the
 * counters that are there.
 */
export class RedisStore implements Store {
  readonly kind = 'redis'
  private readonly redis: Scripted
  private readonly logger: Logger
  private readonly prefix: string
  private readonly timeoutMs: number
  private readonly now: () => number
  private readonly clustered: boolean
  /** By range of slots; a single server is one. */
  private readonly breakers = new Map<number, Breaker>()

  constructor({ url, logger = SILENT, timeoutMs = 20, prefix = 'meshgate:rl:', now }: RedisStoreOptions) {
    this.logger = logger
    this.prefix = prefix
    this.timeoutMs = timeoutMs
    this.now = now ?? (() => performance.now())
    const redis = connectRedis(url, redisOptions(Math.max(timeoutMs, HANDSHAKE_MS)), logger, 'rate limits')
    redis.defineCommand('meshgateTake', { lua: SCRIPT })
    this.redis = redis as Scripted
    this.clustered = isCluster(redis)
  }

  get healthy(): boolean {
    return isConnected(this.redis) && ![...this.breakers.values()].some(({ open }) => open)
  }

  async take(takes: readonly Take[]): Promise<readonly (Taken | undefined)[]> {
    if (takes.length === 0) return []
    if (!this.clustered) return this.ask(0, takes)
    const answers = await Promise.allSettled(
      takes.map((take) => this.ask(Math.floor(redisSlot(this.keyOf(take)) / SLOTS_TOGETHER), [take])),
    )
    const [first] = answers
    if (first?.status === 'rejected' && answers.every(({ status }) => status === 'rejected')) throw first.reason
    return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value[0] : undefined))
  }

  async stop(): Promise<void> {
    this.redis.disconnect()
  }

  /** In braces: what callers choose must not choose the server of a cluster. */
  private keyOf({ key }: Take): string {
    return `${this.prefix}{${key}}`
  }

  private async ask(place: number, takes: readonly Take[]): Promise<readonly Taken[]> {
    let breaker = this.breakers.get(place)
    if (!breaker) {
      breaker = new Breaker()
      this.breakers.set(place, breaker)
    }
    breaker.enter(this.now())
    try {
      const values = takes.flatMap(({ intervalUs, burst, hits }) => [intervalUs, burst, hits])
      const keys = takes.map((take) => this.keyOf(take))
      const answer = await within(this.timeoutMs, this.redis.meshgateTake(takes.length, ...keys, ...values))
      if (breaker.succeeded()) this.logger.info({}, 'Redis answers again')
      return takes.map((_, index) => {
        const [allowed, remaining, retryUs, resetUs] = answer.slice(index * 4, index * 4 + 4) as [
          number,
          number,
          number,
          number,
        ]
        return { allowed: allowed === 1, remaining, retryMs: retryUs / 1000, resetMs: resetUs / 1000 }
      })
    } catch (error) {
      if (breaker.failed(this.now()))
        this.logger.warn({ error: errorText(error) }, 'Redis does not answer; it is left alone but for probes')
      throw error
    }
  }
}

/** @throws Error when there is no answer in time; what comes later is nobody's */
function within<Answer>(ms: number, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${ms} ms`)), ms)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
