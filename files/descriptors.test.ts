import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchDescriptors } from './descriptors.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('that no file can be opened any more is told once, and once when one can again', () => {
  const told: string[] = []
  let code: string | undefined
  const stop = watchDescriptors({
    none: () => told.push('none'),
    again: () => told.push('again'),
    everyMs: 10,
    attempt: () => {
      if (code) throw Object.assign(new Error(code), { code })
    },
  })
  for (const now of [undefined, 'EACCES', 'EMFILE', 'ENFILE', undefined, undefined, 'EMFILE']) {
    code = now
    vi.advanceTimersByTime(20)
  }
  expect(told).toEqual(['none', 'again', 'none'])
  stop()
  code = undefined
  vi.advanceTimersByTime(20)
  expect(told).toEqual(['none', 'again', 'none'])
})

it('where files can be opened nothing is told', () => {
  const stop = watchDescriptors({
    none: () => expect.unreachable(),
    again: () => expect.unreachable(),
    everyMs: 10,
  })
  vi.advanceTimersByTime(30)
  stop()
})
