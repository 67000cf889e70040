import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDuration } from './duration.ts'

describe('durations are read as Go reads them', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['5s', 5000],
    ['1.1s', 1100],
    ['.5s', 500],
    ['1h30m', 5_400_000],
    ['300ms', 300],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['-10ms', -10],
    ['+2m', 120_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '5', 's', '5 s', '1d', 'apple', '1s2', '--1s', '1e3s', '5S', `${'1'.repeat(70)}s`])(
    '%j is no duration',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  )

  it('takes every combination of units apart and sums it', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(((h * 60 + m) * 60 + s) * 1000 + ms)
      }),
    )
  })
})
