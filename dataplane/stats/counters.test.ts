import { expect, it } from 'vitest'
import { histogramBounds, R, RouteStats } from './counters.ts'

it('routes share memory by the hundred, and each counts for itself alone, however many there are', () => {
  const routes = Array.from({ length: 1000 }, () => new RouteStats())
  routes.forEach((stats, i) => {
    stats.counters[R.rq_error] = i
    stats.counters[R.rq_total] = 2 * i
    stats.latency.observe(i)
  })
  routes.forEach((stats, i) => {
    expect([stats.counters[R.rq_error], stats.counters[R.rq_total], stats.latency.sum]).toEqual([i, 2 * i, i])
    const bucket = histogramBounds.findIndex((bound) => i <= bound)
    expect([...stats.latency.counts].flatMap((count, at) => (count > 0 ? [[at, count]] : []))).toEqual([[bucket, 1]])
  })
  expect(new Set(routes.map(({ block }) => block)).size).toBeLessThan(10)
})
