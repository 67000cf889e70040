import { expect, test } from 'vitest'
import { DrainAdvice } from './drain-advice.ts'

test('before anything was measured the advice is careful', () => {
  expect(new DrainAdvice().advice()).toEqual({ samples: 0, waitMs: 5_000 })
})

test('the advice is what the slowest of a hundred proxies took, and a second more', () => {
  const advice = new DrainAdvice()
  for (let ms = 1; ms <= 100; ms++) advice.add(ms === 100 ? 2_300 : ms)
  expect(advice.advice()).toEqual({ samples: 100, p50Ms: 51, p99Ms: 2_300, waitMs: 3_500 })
})

test('only the newest thousand count', () => {
  const advice = new DrainAdvice()
  for (let count = 0; count < 1_000; count++) advice.add(60_000)
  for (let count = 0; count < 1_000; count++) advice.add(10)
  expect(advice.advice()).toMatchObject({ samples: 1_000, p99Ms: 10 })
})
