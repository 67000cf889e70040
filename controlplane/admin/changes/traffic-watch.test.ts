import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FigureBook } from '../../figures/index.ts'
import { type RevisionTraffic, TrafficWatch } from './traffic-watch.ts'

const APPLIED = 1_800_000_000_000
const MINUTE = 60_000
const HOST = 'reviews.default.svc.cluster.local'

let kept: Map<number, string>
let book: FigureBook
beforeEach(() => {
  vi.useFakeTimers({ now: APPLIED })
  kept = new Map()
  book = new FigureBook()
})
afterEach(() => {
  vi.useRealTimers()
})

function watch(keepFigures?: () => Promise<void>, warn: (error: Error) => void = () => {}) {
  const ledger = {
    figures: (revision: number) => kept.get(revision),
    keepFigures: keepFigures ?? (async (revision: number, text: string) => void kept.set(revision, text)),
  }
  return new TrafficWatch({ ledger, figures: { book, reading: ['a'], since: APPLIED - 2 * MINUTE }, warn })
}
const requests = (count: number, failed = 0, host = HOST) =>
  book.add(`outbound|80||${host}`, { requests: count, failed })
const sums = (traffic: RevisionTraffic | undefined) =>
  traffic?.services.map(({ before, after }) => [before.requests, after.requests, after.failed, after.seconds])

test('five minutes after a change are told while they pass, kept when they are over, and there when nobody counts any more', () => {
  const traffic = watch()
  vi.setSystemTime(APPLIED - MINUTE)
  requests(7)
  vi.setSystemTime(APPLIED)
  traffic.begin(4, [HOST], APPLIED)
  vi.advanceTimersByTime(2 * MINUTE)
  requests(3, 1)
  vi.advanceTimersByTime(1_000)
  expect(sums(traffic.of(4))).toEqual([[7, 3, 1, 121]])
  expect(kept.size).toBe(0)
  vi.advanceTimersByTime(2 * MINUTE)
  requests(2)
  vi.advanceTimersByTime(MINUTE + 10_000)
  requests(50)
  expect(kept.size).toBe(1)
  vi.advanceTimersByTime(60 * MINUTE)
  const seen = traffic.of(4)
  expect(sums(seen)).toEqual([[7, 5, 1, 300]])
  expect(seen).toMatchObject({ reading: 1, more: 0, services: [{ before: { seconds: 120 } }] })
  expect(seen?.services[0]?.steps).toHaveLength(3)
  expect(traffic.of(5)).toBeUndefined()
})

test('who stops before keeps what was seen, and says when that ended', () => {
  const traffic = watch()
  traffic.begin(4, [HOST], APPLIED)
  vi.advanceTimersByTime(MINUTE)
  requests(3)
  vi.advanceTimersByTime(1_000)
  traffic.stop()
  vi.advanceTimersByTime(60 * MINUTE)
  expect(sums(traffic.of(4))).toEqual([[0, 3, 0, 61]])
  expect(traffic.of(4)?.until).toBe(new Date(APPLIED + MINUTE + 1_000).toISOString())
})

test('of many services the busiest are kept, and of the busiest their course; of many revisions no more than some are watched', () => {
  const traffic = watch()
  const hosts = Array.from({ length: 30 }, (_, i) => `s${i}`)
  for (const [index, host] of hosts.entries()) requests(index + 1, 0, host)
  vi.advanceTimersByTime(1_000)
  traffic.begin(1, hosts, APPLIED)
  for (let revision = 2; revision <= 51; revision++) traffic.begin(revision, [HOST], APPLIED)
  expect([...kept.keys()]).toEqual([1])
  const seen = traffic.of(1)!
  expect([seen.more, seen.services.length, seen.services[0]?.hostname]).toEqual([10, 20, 's29'])
  expect(seen.services.map(({ steps }) => steps.length)).toEqual([...Array(5).fill(1), ...Array(15).fill(0)])
})

test('figures that cannot be kept are told of, and are those of nobody', async () => {
  const told: string[] = []
  const traffic = watch(
    () => Promise.reject(new Error('the disk is full')),
    ({ message }) => told.push(message),
  )
  traffic.begin(4, [HOST], APPLIED)
  await vi.advanceTimersByTimeAsync(6 * MINUTE)
  expect([told, traffic.of(4)]).toEqual([['the disk is full'], undefined])
})
