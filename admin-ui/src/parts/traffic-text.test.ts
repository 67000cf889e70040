import { expect, it } from 'vitest'
import { failedShare, isFailing, milliseconds, perSecond } from './traffic-text.ts'

it('rates and shares are said as people say them', () => {
  expect(perSecond({ seconds: 300, requests: 600, failed: 0 })).toBe('2.0/s')
  expect(perSecond({ seconds: 0, requests: 0, failed: 0 })).toBe('–')
  expect(failedShare({ requests: 200, failed: 5 })).toBe('2.5 %')
  expect(failedShare({ requests: 0, failed: 0 })).toBe('–')
  expect([milliseconds(12.5), milliseconds(undefined)]).toEqual(['12.5 ms', '–'])
})

it('one in a hundred that fails is worth a look, one in a thousand is not', () => {
  expect(isFailing({ requests: 1_000, failed: 10 })).toBe(true)
  expect(isFailing({ requests: 1_000, failed: 9 })).toBe(false)
  expect(isFailing({ requests: 0, failed: 0 })).toBe(false)
})
