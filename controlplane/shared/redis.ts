import { Redis } from 'ioredis'
import { backoff, redisTarget } from './redis-target.ts'

/** What is told about connections. */
export interface RedisLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Options for commands that may not wait: nothing queued, nothing sent twice, a frozen server dropped after a second. */
export function redisOptions(timeoutMs: number) {
  return {
    commandTimeout: timeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 250,
    socketTimeout: 1000,
    retryStrategy: backoff,
    // A server that became a replica in a failover is left for the one that is the primary now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
}

/** A connection that comes back by itself; each kind of failure is told once until it has worked again. */
export function connectRedis(url: string, options: ReturnType<typeof redisOptions>, logger: RedisLogger, use: string) {
  const target = redisTarget(url)
  const redis = typeof target === 'string' ? new Redis(target, options) : new Redis({ ...target, ...options })
  let last = ''
  redis.on('error', (error: Error) => {
    if (error.message === last) return
    last = error.message
    logger.warn({ redis: maskUrl(url), use, error: error.message }, 'Redis cannot be used')
  })
  redis.on('ready', () => {
    last = ''
    logger.info({ redis: maskUrl(url), use }, 'Redis is used')
  })
  return redis
}

/** The URL without its password, for logs. */
export function maskUrl(url: string): string {
  return url.replace(/^((?:rediss?|redis\+sentinel):\/\/[^:@/]*:)[^@]*@/, '$1***@')
}
