import { expect, test } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

/** How many of so many tries pass at a time. */
const taken = (bucket: TokenBucket, tries: number, now: number) =>
  Array.from({ length: tries }, () => bucket.take(now)).filter((passed) => passed).length

test('a burst passes at once, and then the rate', () => {
  const bucket = new TokenBucket(10, 5, 1000)
  expect([taken(bucket, 9, 1000), bucket.wait(1000), taken(bucket, 9, 1300), taken(bucket, 9, 9000)]).toEqual([
    5, 100, 3, 5,
  ])
})

test('one that begins without tokens has those of the time since it began, no more than a burst', () => {
  const emptyAt = (now: number) => taken(new TokenBucket(10, 5, 1000, 0), 9, now)
  expect([emptyAt(1000), emptyAt(1200), emptyAt(60_000)]).toEqual([0, 2, 5])
})
