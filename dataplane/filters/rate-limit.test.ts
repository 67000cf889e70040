import { describe, expect, it } from 'vitest'
import { TokenBucket } from './rate-limit.ts'

const taken = (bucket: TokenBucket, now: number) => {
  let count = 0
  while (bucket.take(now)) count++
  return count
}

describe('a token bucket', () => {
  it('gives what it holds, then what each whole fill brings', () => {
    const bucket = new TokenBucket({ maxTokens: 5, tokensPerFill: 2, fillIntervalMs: 100 }, 1000)
    expect([1000, 1099.9, 1100, 1150, 1399, 1400].map((now) => taken(bucket, now))).toEqual([5, 0, 2, 0, 4, 2])
  })

  it('saves nothing up above its maximum, even when it was not empty for a long time', () => {
    const bucket = new TokenBucket({ maxTokens: 5, tokensPerFill: 5, fillIntervalMs: 100 }, 0)
    expect(bucket.take(0)).toBe(true)
    expect(taken(bucket, 60_000)).toBe(5)
    expect(taken(bucket, 60_099)).toBe(0)
    expect(taken(bucket, 60_100)).toBe(5)
  })
})
