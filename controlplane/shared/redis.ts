import { createRequire } from 'node:module'
import type { Cluster, Redis } from 'ioredis'
import { backoff, redisTarget } from './redis-target.ts'

/** What is told about connections. */
export interface RedisLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/**
 * Options for commands that may not wait: nothing queued, nothing sent twice, a frozen server dropped after a second.
 * @param timeoutMs for each command, those of making a connection, too: a shorter one than these need leaves a server that is well unused
 */
export function redisOptions(timeoutMs: number) {
  return {
    commandTimeout: timeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 1000,
    socketTimeout: 1000,
    retryStrategy: backoff,
    // A server that became a replica in a failover is left for the one that is the primary now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
}

/** Kinds of failure told of one outage: texts with ports or times in them are all different. */
const MOST_WORDS = 5

/** A connection that comes back by itself; each kind of failure is told once until it has worked again. */
export function connectRedis(url: string, options: ReturnType<typeof redisOptions>, logger: RedisLogger, use: string) {
  const redis = connect(url, options)
  // One outage has several words that take turns, such as a command and a socket that both waited too long.
  const told = new Set<string>()
  redis.on('error', (error: Error) => {
    // The client asks for a report of what it cannot read: where something else listens that is nobody's mistake.
    const words = error.message.endsWith('Please report this.')
      ? 'what answers there does not speak as Redis does'
      : error.message
    if (told.has(words) || told.size >= MOST_WORDS) return
    told.add(words)
    logger.warn({ redis: maskUrl(url), use, error: words }, 'Redis cannot be used')
  })
  redis.on('ready', () => {
    told.clear()
    logger.info({ redis: maskUrl(url), use }, 'Redis is used')
  })
  if (isCluster(redis)) watchNodes(redis, { redis: maskUrl(url), use }, logger)
  return redis
}

/** Tries in a row to reach a cluster before it is told that none succeeds. */
const SILENT_TRIES = 3

/** Connects to every server of a cluster at once, since a question to one that is not connected is refused; tells of those that fail. */
function watchNodes(cluster: Cluster, fields: object, logger: RedisLogger): void {
  const failing = new Set<string>()
  const named = new Set<string>()
  let tries = 0
  cluster.on('ready', () => {
    tries = 0
    named.clear()
  })
  cluster.on('reconnecting', () => {
    // It begins anew without a word when the servers it names do not answer, as where they name ports without TLS.
    if (++tries !== SILENT_TRIES) return
    const nodes = [...named].join(', ')
    logger.warn(
      { ...fields, nodes, error: `no answer from the servers of the cluster: ${nodes}` },
      'Redis cannot be used',
    )
  })
  cluster.on('+node', (node: Redis) => {
    const address = `${node.options.host}:${node.options.port}`
    named.add(address)
    node.on('ready', () => {
      if (failing.delete(address)) logger.info({ ...fields, node: address }, 'a server of the cluster is used again')
    })
    if (node.status === 'wait') node.connect().catch(() => {})
  })
  cluster.on('node error', (error: Error, address: string) => {
    if (failing.has(address)) return
    failing.add(address)
    logger.warn({ ...fields, node: address, error: error.message }, 'a server of the cluster cannot be used')
  })
}

/**
 * Resolves when a connection that is being made is there, or has failed: who asks right at the start would be refused although all is well.
 * To be called before the connection can have been made; it takes `connectTimeout` at most.
 */
export function firstTry(redis: Redis | Cluster): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve()
  return new Promise((resolve) => {
    for (const event of ['ready', 'error', 'close', 'end']) redis.once(event, () => resolve())
  })
}

/** The time of Redis, ms since 1970: clocks of replicas may be hours apart, and one of them may be set. @throws Error when it cannot be asked */
export async function serverTime(redis: Redis | Cluster): Promise<number> {
  const [seconds, microseconds] = await redis.time()
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}

/** Whether every server that is asked answers, as far as is known. */
export function isConnected(redis: Redis | Cluster): boolean {
  if (redis.status !== 'ready') return false
  return !isCluster(redis) || redis.nodes('master').every(({ status }) => status === 'ready')
}

export function isCluster(redis: Redis | Cluster): redis is Cluster {
  return redis.isCluster
}

const require = createRequire(import.meta.url)

function connect(url: string, options: ReturnType<typeof redisOptions>): Redis | Cluster {
  // Loaded by those who use it only: it is a tenth of what a control plane loads at its start.
  const { Cluster, Redis } = require('ioredis') as typeof import('ioredis')
  const target = redisTarget(url)
  if (typeof target === 'string') return new Redis(target, options)
  if ('sentinels' in target) return new Redis({ ...target, ...options })
  const { nodes, ...access } = target
  const { retryStrategy, enableOfflineQueue, ...redis } = options
  return new Cluster(nodes, {
    redisOptions: { ...redis, ...access },
    clusterRetryStrategy: retryStrategy,
    clusterNodeRetryStrategy: retryStrategy,
    enableOfflineQueue,
    // A question that failed is answered so; who asked has a deadline.
    ...{ retryDelayOnFailover: 0, retryDelayOnClusterDown: 0, retryDelayOnTryAgain: 0, maxRedirections: 3 },
    // A failover is noticed by a connection that ends, or by a redirection; this is for what neither tells.
    ...{ slotsRefreshTimeout: 1_000, slotsRefreshInterval: 5_000 },
    // Certificates of managed clusters are for the names, not for addresses.
    ...(access.tls ? { dnsLookup: (address, done) => done(null, address) } : {}),
  })
}

/** The URL without its password, for logs. */
export function maskUrl(url: string): string {
  return url.replace(/^((?:rediss?|redis\+sentinel|rediss?\+cluster):\/\/[^:@/]*:)[^@]*@/, '$1***@')
}
