import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addLatency, quantileOf } from './latency.ts'
import { LatencySteps } from './latency-steps.ts'

test('a window has the histograms of its steps, whatever bounds they have', () => {
  const times = new LatencySteps(4)
  times.add(10, new Map([[5, 2]]))
  times.add(11, new Map([[10, 3]]))
  times.add(12, new Map([[5, 1]]))
  expect(times.between(11, 12)).toEqual(
    new Map([
      [5, 1],
      [10, 3],
    ]),
  )
  expect(times.between(10, 10)).toEqual(new Map([[5, 2]]))
})

test('a step that is a round later takes the place of the one before it, with nothing of it', () => {
  const times = new LatencySteps(4)
  times.add(10, new Map([[5, 2]]))
  times.add(14, new Map([[10, 1]]))
  expect(times.between(0, 20)).toEqual(new Map([[10, 1]]))
})

test('times one by one fall into the buckets their percentiles are told by', () => {
  const times = new LatencySteps(1)
  for (let ms = 1; ms <= 100; ms++) times.addTime(0, ms)
  expect(quantileOf(times.between(0, 0), 0.5)).toBe(50)
  expect(quantileOf(times.between(0, 0), 0.99)).toBe(99)
  times.addTime(0, 1e9)
  expect(times.between(0, 0).get(Number.POSITIVE_INFINITY)).toBe(1)
})

test('a proxy with more bounds than any has makes it no larger', () => {
  const times = new LatencySteps(1)
  for (let bound = 1; bound <= 1_000; bound++) times.add(0, new Map([[bound, 1]]))
  const sum = times.between(0, 0)
  expect(sum.size).toBe(64)
  expect(sum.get(Number.POSITIVE_INFINITY)).toBe(937)
})

test('it says what a list of all that was added says', () => {
  const step = fc.tuple(
    fc.nat(30),
    fc.array(fc.tuple(fc.constantFrom(1, 5, 10, 50, Number.POSITIVE_INFINITY), fc.nat(9))),
  )
  fc.assert(
    fc.property(fc.array(step), fc.nat(30), fc.nat(30), (added, from, to) => {
      const times = new LatencySteps(31)
      const expected = new Map<number, number>()
      for (const [at, buckets] of added) {
        const latency = new Map(buckets)
        times.add(at, latency)
        if (at >= from && at <= to) addLatency(expected, latency)
      }
      const withCounts = new Map([...expected].filter(([, count]) => count > 0))
      expect(times.between(from, to)).toEqual(withCounts)
    }),
  )
})
