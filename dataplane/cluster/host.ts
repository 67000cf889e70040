import type { Codec } from '../../codecs/contract.ts'
import type { EndpointConfig, SocketAddress } from '../configuration.ts'

/** `address:port` (IPv6 in brackets), or the path of a Unix socket. */
export function addressText(address: SocketAddress): string {
  if ('path' in address) return address.path
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** Connections to a host that speak one protocol, as far as the host and its cluster have to do with them. */
export interface Pool {
  readonly codec: Codec
  /** Connections that take requests. */
  readonly taking: number
  /** Whether there is nothing in it. */
  readonly empty: boolean
  /** To be called now and then. */
  sweep(): void
  /** Brings the counters of bytes up to date. */
  countWritten(): void
  /** No message comes this way any more: connections without requests end as they do elsewhere. */
  letGo(): void
  /** Connections are opened another way from now on: those there are take no more requests. @param bound those of clients, too */
  renew(bound: boolean): void
  /**
   * Lets connections go that a limit has no room for; never those of clients.
   * @param most so many at most. @param unused only those without requests; else one is left for those to come
   * @returns how many went
   */
  shed(most: number, unused: boolean): number
  /** The host left the configuration: nothing new, what is in flight finishes. */
  drain(): void
  destroy(): void
}

/** An endpoint of a cluster as long as it is in the configuration, and until its last request is done after that. */
export class Host {
  readonly key: string
  readonly address: SocketAddress
  config: EndpointConfig
  priority = 0
  /** Index into the localities of the configuration. */
  locality = 0
  removed = false
  /** Requests on its connections, also on those that are not open yet: a host that lets connections wait is not the least busy. */
  active = 0
  /** When it joined, ms of the turn's clock; for slow start. */
  readonly joined: number
  readonly pools = new Map<Codec, Pool>()
  /** Of `pools`, the one used last. */
  pool: Pool | undefined

  total = 0
  errors = 0
  timeouts = 0
  connectFailures = 0
  /** Why the last connection could not be made, or ended before its time; `at` is ms since the epoch. */
  lastFailure: { readonly reason: string; readonly at: number } | undefined

  /** Outlier detection. */
  ejected = false
  ejections = 0
  ejectedAt = 0
  errorsInRow = 0
  localErrorsInRow = 0
  /** Requests and successes since the last interval. */
  volume = 0
  successes = 0
  /** Heartbeats went unanswered; until it is heard again. */
  silent = false
  /** ms of the turn's clock. */
  silentSince = 0

  constructor(config: EndpointConfig, joined: number) {
    this.config = config
    this.address = config.address
    this.key = addressText(config.address)
    this.joined = joined
  }

  /** Nothing is counted against it so far. */
  countAnew(): void {
    this.errorsInRow = 0
    this.localErrorsInRow = 0
    this.volume = 0
    this.successes = 0
  }

  /** Takes out a pool with nothing in it. */
  forget(pool: Pool): void {
    this.pools.delete(pool.codec)
    if (this.pool === pool) this.pool = undefined
  }

  get weight(): number {
    return this.config.weight ?? 1
  }

  get healthy(): boolean {
    return !this.ejected && !this.silent && (this.config.health ?? 'healthy') === 'healthy'
  }

  get degraded(): boolean {
    return !this.ejected && !this.silent && this.config.health === 'degraded'
  }
}
