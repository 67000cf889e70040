import { expect, test } from 'vitest'
import { CallBook } from './call-book.ts'

const MINUTE = 60_000
const START = 1_800_000_000_000

test('calls are summed over a window that begins with a step, and it says how long that is', () => {
  const book = new CallBook()
  book.add('web.shop', 'cart', { requests: 9, failed: 9 }, START)
  book.add('web.shop', 'cart', { requests: 4, failed: 1 }, START + 4 * MINUTE)
  book.add('web.shop', 'cart', { requests: 2, failed: 0 }, START + 5 * MINUTE + 10_000)
  book.add('job.shop', 'cart', { requests: 1, failed: 0 }, START + 5 * MINUTE + 10_000)
  expect(book.recent(2 * MINUTE, 0, START + 5 * MINUTE + 20_000)).toEqual({
    ms: 2 * MINUTE + 20_000,
    calls: [
      { caller: 'web.shop', host: 'cart', requests: 6, failed: 1, latency: new Map() },
      { caller: 'job.shop', host: 'cart', requests: 1, failed: 0, latency: new Map() },
    ],
  })
  expect(book.recent(15 * MINUTE, START + 4 * MINUTE, START + 5 * MINUTE).ms).toBe(MINUTE)
})

test('a quarter of an hour is remembered, and nothing of what came before it', () => {
  const book = new CallBook()
  for (let at = START; at < START + 40 * MINUTE; at += 10_000) book.add('a', 'b', { requests: 1, failed: 0 }, at)
  const { ms, calls } = book.recent(15 * MINUTE, 0, START + 40 * MINUTE - 1)
  expect([ms, calls[0]?.requests]).toEqual([15.5 * MINUTE - 1, 93])
  expect(book.recent(15 * MINUTE, 0, START + 60 * MINUTE).calls).toEqual([])
  expect(book.size).toBe(0)
})

test('no more calls are remembered than there is room for; those that ended make room', () => {
  const book = new CallBook()
  for (let i = 0; i < 30_000; i++) book.add(`w${i}`, 'b', { requests: 1, failed: 0 }, START)
  expect(book.size).toBe(20_000)
  book.add('late', 'b', { requests: 1, failed: 0 }, START + 20 * MINUTE)
  expect(book.recent(MINUTE, 0, START + 20 * MINUTE).calls).toEqual([
    { caller: 'late', host: 'b', requests: 1, failed: 0, latency: new Map() },
  ])
})

test('how long calls took is remembered with them, also where it is told some time after', () => {
  const book = new CallBook()
  book.add('a', 'b', { requests: 9, failed: 0, latency: new Map([[5, 9]]) }, START)
  book.add('a', 'b', { requests: 2, failed: 0, latency: new Map([[5, 1]]) }, START + 5 * MINUTE)
  book.addTimes('a', 'b', new Map([[50, 1]]), START + 5 * MINUTE + 1)
  book.addTimes('nobody', 'b', new Map([[50, 1]]), START + 5 * MINUTE)
  const [call] = book.recent(2 * MINUTE, 0, START + 5 * MINUTE + 2).calls
  expect([...(call?.latency ?? [])]).toEqual([
    [5, 1],
    [50, 1],
  ])
  expect(book.size).toBe(1)
})

test('times are remembered of so many calls, and of others again when these have ended', () => {
  const book = new CallBook()
  const latency = new Map([[5, 1]])
  const timed = (now: number) => book.recent(MINUTE, 0, now).calls.filter((call) => call.latency.size > 0).length
  for (let i = 0; i < 6_000; i++) book.add(`w${i}`, 'b', { requests: 1, failed: 0, latency }, START)
  expect(timed(START)).toBe(5_000)
  const later = START + 20 * MINUTE
  expect(timed(later)).toBe(0)
  for (let i = 0; i < 6_000; i++) book.add(`w${i}`, 'b', { requests: 1, failed: 0, latency }, later)
  expect(timed(later)).toBe(5_000)
})
