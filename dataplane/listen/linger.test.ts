import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Linger } from './linger.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('who has all of it has some seconds to end; who takes a little now and then is waited for; who takes nothing is not', () => {
  let left = 0
  const seconds = (): number => {
    let cut = false
    const linger = new Linger(
      () => left,
      () => {
        cut = true
      },
    )
    for (let passed = 0; passed < 10_000; passed++) {
      if (cut) return passed
      if (passed % 250 === 0 && left > 0) left -= step
      vi.advanceTimersByTime(1000)
    }
    linger.stop()
    return Number.POSITIVE_INFINITY
  }
  let step = 1
  expect(seconds()).toBe(6)
  left = 10
  expect(seconds()).toBe(2250 + 6)
  step = 0
  left = 10
  expect(seconds()).toBe(301)
  expect(vi.getTimerCount()).toBe(0)
})
