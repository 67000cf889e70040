import { expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'

it.each([
  ['300ms', 300],
  ['1.5s', 1500],
  ['1h30m', 5_400_000],
  ['0s', 0],
  ['0', 0],
  ['250us', 0.25],
])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms))

it.each(['', '5', 's', '1 s', '-1s', '1d'])('takes %j for no duration', (text) =>
  expect(parseDuration(text)).toBeUndefined(),
)

it.each([
  [300, '300ms'],
  [1500, '1.5s'],
  [90_000, '1m30s'],
  [5_400_000, '1h30m'],
  [3_600_000, '1h'],
])('writes %d as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
  expect(parseDuration(text)).toBe(ms)
})
