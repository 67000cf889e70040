/** A primary that sentinels know, in ioredis's words. */
export interface SentinelTarget {
  readonly sentinels: { host: string; port: number }[]
  readonly name: string
  readonly sentinelRetryStrategy: (attempt: number) => number
  readonly username?: string
  readonly password?: string
  readonly db?: number
}

/** How long to wait before the next try, ms. */
export function backoff(attempt: number): number {
  return Math.min(1000, 50 * 2 ** Math.min(attempt, 5)) * (0.5 + Math.random() / 2)
}

/** Some nodes of a cluster, which know the others, in ioredis's words. */
export interface ClusterTarget {
  readonly nodes: { host: string; port: number }[]
  readonly username?: string
  readonly password?: string
  readonly tls?: object
}

const USER = '(?:([^:@/]*)(?::([^@/]*))?@)?'
const SENTINEL = new RegExp(`^redis\\+sentinel://${USER}([^/@]+)/([^/?#]+)(?:/(\\d+))?$`)
const CLUSTER = new RegExp(`^(rediss?)\\+cluster://${USER}([^/@]+)/?$`)

/**
 * What to connect to: `redis://` and `rediss://` as ioredis takes them;
 * `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DB`, which asks the sentinels for the primary called NAME; and
 * `redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT` (`rediss+cluster://` with TLS), which learns all nodes of a Redis Cluster from
 * those named. User, password and number of the database are those of the servers that count; all three may be left out.
 * @throws RangeError for anything else
 */
export function redisTarget(url: string): string | SentinelTarget | ClusterTarget {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return url
  const cluster = CLUSTER.exec(url)
  if (cluster) {
    const [, scheme, username, password, hosts] = cluster
    return {
      nodes: addresses(hosts!, 6379),
      ...access(username, password),
      ...(scheme === 'rediss' ? { tls: {} } : {}),
    }
  }
  const found = SENTINEL.exec(url)
  if (!found)
    throw new RangeError(
      'no address of a Redis: write redis://HOST:PORT, rediss://…, redis+sentinel://HOST:PORT,…/NAME or redis+cluster://HOST:PORT,…',
    )
  const [, username, password, hosts, name, db] = found
  return {
    sentinels: addresses(hosts!, 26_379),
    ...{ name: decodeURIComponent(name!), sentinelRetryStrategy: backoff },
    ...access(username, password),
    ...(db ? { db: Number(db) } : {}),
  }
}

function addresses(list: string, defaultPort: number) {
  return list.split(',').map((text) => {
    const { hostname, port } = new URL(`tcp://${text}`)
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || defaultPort) }
  })
}

function access(username: string | undefined, password: string | undefined) {
  return {
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
  }
}
