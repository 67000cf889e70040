import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Unready } from './store.ts'
import { Waits } from './waits.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const one = (name: string, waitMs: number | undefined, version = '1'): Unready => ({
  type: 'mlds',
  name,
  version,
  secrets: ['s'],
  waitMs,
})

function followed() {
  const over: string[] = []
  return { over, waits: new Waits(({ name, version }) => over.push(`${name} ${version}`)) }
}

it('each has its time from the moment it came, and a new version a new one', () => {
  const { over, waits } = followed()
  waits.follow([one('a', 100)])
  vi.advanceTimersByTime(60)
  waits.follow([one('a', 100), one('b', 100)])
  vi.advanceTimersByTime(39)
  expect(over).toEqual([])
  vi.advanceTimersByTime(1)
  expect(over).toEqual(['a 1'])
  waits.follow([one('b', 100, '2')])
  vi.advanceTimersByTime(99)
  expect(over).toEqual(['a 1'])
  vi.advanceTimersByTime(1)
  expect(over).toEqual(['a 1', 'b 2'])
})

it('nothing is told of what has come, is gone, waits for ever or was not there before', () => {
  const { over, waits } = followed()
  waits.follow([one('a', 100), one('b', Number.POSITIVE_INFINITY), one('c', undefined)])
  waits.follow([one('b', Number.POSITIVE_INFINITY), one('c', undefined)])
  vi.advanceTimersByTime(2 ** 31)
  waits.follow([one('a', 100)])
  waits.stop()
  vi.advanceTimersByTime(2 ** 31)
  expect(over).toEqual([])
})
