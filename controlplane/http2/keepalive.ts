/** Times of a connection, in ms. */
export interface KeepaliveTimes {
  /** A connection that did not say that it speaks HTTP/2 after so long is cut. */
  readonly prefaceMs: number
  /** PING after so long in which nothing came, and how long to wait for the answer. */
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
}

/** When a silent connection is asked whether it lives, and when it is given up. */
export class Keepalive {
  private readonly openedAt: number
  private heardAt: number
  private pingedAt: number | undefined
  /** As of the last tick: a clock for each read would cost more than it is worth. */
  private now: number

  /** @param now ms */
  constructor(now: number) {
    this.openedAt = now
    this.heardAt = now
    this.now = now
  }

  /** Something came. */
  heard(): void {
    this.heardAt = this.now
    this.pingedAt = undefined
  }

  /**
   * What is to be done at this time.
   * @param now ms
   * @param stoodMs for which this process did not run since the last tick: what came meanwhile is not read yet, and nobody is to blame
   * @param spoke the client said that it speaks HTTP/2
   */
  tick(now: number, stoodMs: number, times: KeepaliveTimes, spoke: boolean): 'cut' | 'ping' | undefined {
    this.now = now
    if (this.pingedAt !== undefined) this.pingedAt += stoodMs
    if (!spoke && now - this.openedAt >= times.prefaceMs) return 'cut'
    if (this.pingedAt !== undefined) return now - this.pingedAt >= times.keepaliveTimeoutMs ? 'cut' : undefined
    if (now - this.heardAt < times.keepaliveMs) return undefined
    this.pingedAt = now
    return 'ping'
  }
}
