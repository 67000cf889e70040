/** Lets `burst` pass at once and `rate` per second in the long run. Time is passed in, in ms. */
export class TokenBucket {
  private readonly rate: number
  private readonly burst: number
  private tokens: number
  private at: number

  /** @param tokens at the start; it is full by default */
  constructor(rate: number, burst: number, now: number, tokens = burst) {
    this.rate = rate
    this.burst = burst
    this.tokens = tokens
    this.at = now
  }

  /** Takes a token; false when there is none. */
  take(now: number): boolean {
    this.fill(now)
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }

  /** Milliseconds until there is one again; 0 when there is. */
  wait(now: number): number {
    this.fill(now)
    return this.tokens >= 1 ? 0 : Math.ceil(((1 - this.tokens) / this.rate) * 1000)
  }

  private fill(now: number): void {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) / 1000) * this.rate)
    this.at = now
  }
}
