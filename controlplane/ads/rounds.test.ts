import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { Rounds } from './rounds.ts'
import { TokenBucket } from './token-bucket.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('requests in one turn are one round, and rounds keep their distance', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
  const begun = performance.now()
  const starts: number[] = []
  const rounds = new Rounds({
    gapMs: 40,
    sliceMs: 2,
    // biome-ignore lint/correctness/useYield: a round too short to be interrupted
    *work() {
      starts.push(performance.now() - begun)
    },
    failed: (error) => {
      throw error
    },
  })
  for (let index = 0; index < 5; index++) rounds.request()
  vi.advanceTimersByTime(10)
  expect(starts).toHaveLength(1)
  for (let index = 0; index < 20; index++) {
    rounds.request()
    vi.advanceTimersByTime(5)
  }
  vi.advanceTimersByTime(100)
  expect(starts).toHaveLength(4)
  for (const [index, start] of starts.slice(1).entries()) expect(start - starts[index]!).toBeGreaterThanOrEqual(40)
  rounds.stop()
})

test('a round that took longer than the distance is followed by a pause of half its length', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
  const starts: number[] = []
  const ends: number[] = []
  const rounds = new Rounds({
    gapMs: 40,
    sliceMs: 2,
    *work() {
      starts.push(performance.now())
      vi.advanceTimersByTime(100)
      yield
      rounds.request()
      ends.push(performance.now())
    },
    failed: (error) => {
      throw error
    },
  })
  rounds.request()
  while (starts.length < 3) vi.advanceTimersByTime(1)
  rounds.stop()
  for (const [index, start] of starts.slice(1).entries()) expect(start - ends[index]!).toBeGreaterThanOrEqual(50)
})

test('a long round lets other work pass, and a failing one does not end the next', async () => {
  const errors: unknown[] = []
  const order: string[] = []
  let rounds = 0
  const paced = new Rounds({
    gapMs: 0,
    sliceMs: 0,
    *work() {
      if (rounds++ === 0) throw new Error('broken')
      for (let index = 0; index < 3; index++) {
        order.push('round')
        yield
      }
    },
    failed: (error) => errors.push(error),
  })
  paced.request()
  while (errors.length === 0) await turn()
  paced.request()
  while (order.filter((what) => what === 'round').length < 3) {
    await turn()
    order.push('other')
  }
  paced.stop()
  expect(order.join(' ')).toMatch(/round other.* round other.* round/)
})

test('a bucket lets its burst pass, then its rate', () => {
  const bucket = new TokenBucket(10, 3, 0)
  expect([0, 0, 0, 0].map((at) => bucket.take(at))).toEqual([true, true, true, false])
  expect(bucket.wait(0)).toBe(100)
  expect(bucket.take(99)).toBe(false)
  expect(bucket.take(100)).toBe(true)
  expect([10_000, 10_000, 10_000, 10_000].map((at) => bucket.take(at))).toEqual([true, true, true, false])
})
