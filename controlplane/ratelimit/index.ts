import type { Registry } from 'prom-client'
import { type ExtraService, type Logger, SILENT } from '../ads/index.ts'
import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import type { ConfigObject } from '../config/object.ts'
import { Limiter } from './limiter.ts'
import { MemoryStore } from './memory-store.ts'
import { rateLimitMetrics, timedStore } from './metrics.ts'
import { RedisStore } from './redis-store.ts'
import { Rules } from './rules.ts'
import { rateLimitService } from './service.ts'

export interface RateLimitsOptions {
  /** The RateLimit documents in force; asked again when `changed` is called. */
  readonly documents: () => readonly ConfigObject<RateLimitSpec>[]
  /** Where several instances count together. Without it this one counts alone. */
  readonly redis?: string | undefined
  readonly logger?: Logger
  readonly metrics?: Registry
}

export interface RateLimits {
  readonly limiter: Limiter
  readonly service: ExtraService
  readonly store: 'redis' | 'memory'
  /** To be called when the configuration has changed. */
  configChanged(): void
  stop(): Promise<void>
}

/** The global rate limit service with all it needs. */
export function createRateLimits({ documents, redis, logger = SILENT, metrics }: RateLimitsOptions): RateLimits {
  const plain = redis === undefined ? new MemoryStore() : new RedisStore({ url: redis, logger })
  const store = metrics ? timedStore(plain, metrics) : plain
  let rules: Rules | undefined
  const limiter = new Limiter({
    store,
    rules: () => {
      rules ??= new Rules(documents())
      return rules
    },
    ...(metrics ? { count: rateLimitMetrics(metrics, store) } : {}),
  })
  return {
    limiter,
    service: rateLimitService(limiter, logger),
    store: store.kind,
    configChanged() {
      rules = undefined
    },
    stop: () => store.stop(),
  }
}

export { type LimitedDescriptor, Limiter } from './limiter.ts'
export { MemoryStore } from './memory-store.ts'
export { RedisStore, StoreUnavailable } from './redis-store.ts'
export { Rules } from './rules.ts'
