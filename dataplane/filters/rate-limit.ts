import { type Codec, emptyRef } from '../../codecs/contract.ts'
import { fieldValue } from '../../codecs/values.ts'
import type { RateLimit } from '../configuration.ts'
import { type Condition, compileMatches } from '../route/condition.ts'
import { clock } from '../turn.ts'

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/v3/token_bucket.proto */
export class TokenBucket {
  readonly #config: RateLimit
  #tokens: number
  #nextFill: number

  constructor(config: RateLimit, now: number) {
    this.#config = config
    this.#tokens = config.maxTokens
    this.#nextFill = now + config.fillIntervalMs
  }

  /** Takes a token. @param now ms @returns false when there is none */
  take(now: number): boolean {
    // Also while there are some: what comes above the maximum is lost, and may not be saved up.
    if (now >= this.#nextFill) this.#fill(now)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Tokens come in whole fills. */
  #fill(now: number): void {
    const { fillIntervalMs, maxTokens, tokensPerFill } = this.#config
    const fills = 1 + Math.floor((now - this.#nextFill) / fillIntervalMs)
    this.#nextFill += fills * fillIntervalMs
    this.#tokens = Math.min(maxTokens, this.#tokens + fills * tokensPerFill)
  }
}

const mostBuckets = 10_000
const ref = emptyRef()

/** One limit: which messages it is for, and its bucket, or one bucket for each combination of values. */
export class Limiter {
  readonly config: RateLimit
  readonly #condition: Condition | undefined
  readonly #bucket: TokenBucket
  readonly codec: Codec
  readonly #slots: readonly number[]
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(codec: Codec, config: RateLimit) {
    this.config = config
    this.codec = codec
    this.#condition = compileMatches(codec, config.match ?? [])
    this.#bucket = new TokenBucket(config, clock.now)
    this.#slots = (config.per ?? []).map((field) => codec.slot(field))
  }

  /** Whether the limit is for this message. */
  applies(b: Uint8Array, at: number, length: number): boolean {
    return this.#condition === undefined || this.#condition(b, at, length)
  }

  /** Takes a token. @returns false when there is none. */
  allow(b: Uint8Array, at: number, length: number): boolean {
    if (this.#slots.length === 0) return this.#bucket.take(clock.now)
    let key = ''
    for (const slot of this.#slots) {
      const info = this.codec.fields[slot]
      const value = info && this.codec.read(slot, b, at, length, ref) ? fieldValue(info, b, ref) : ''
      key += `${value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value}\0`
    }
    let bucket = this.#buckets.get(key)
    if (bucket) {
      // Kept in the order of use, so that the first is the one unused for longest.
      this.#buckets.delete(key)
    } else {
      if (this.#buckets.size >= mostBuckets) this.#buckets.delete(this.#buckets.keys().next().value!)
      bucket = new TokenBucket(this.config, clock.now)
    }
    this.#buckets.set(key, bucket)
    return bucket.take(clock.now)
  }
}
