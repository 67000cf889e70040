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

const SENTINEL = /^redis\+sentinel:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)\/([^/?#]+)(?:\/(\d+))?$/

/**
 * What to connect to: `redis://` and `rediss://` as ioredis takes them, and
 * `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DB`, which asks the sentinels for the primary called NAME.
 * User, password and number of the database are those of the primary; all three may be left out.
 * @throws RangeError for anything else
 */
export function redisTarget(url: string): string | SentinelTarget {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return url
  const found = SENTINEL.exec(url)
  if (!found)
    throw new RangeError(
      'no address of a Redis: write redis://HOST:PORT, rediss://… or redis+sentinel://HOST:PORT,…/NAME',
    )
  const [, username, password, hosts, name, db] = found
  const sentinels = hosts!.split(',').map((text) => {
    const { hostname, port } = new URL(`tcp://${text}`)
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 26_379) }
  })
  return {
    ...{ sentinels, name: decodeURIComponent(name!), sentinelRetryStrategy: backoff },
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(db ? { db: Number(db) } : {}),
  }
}
