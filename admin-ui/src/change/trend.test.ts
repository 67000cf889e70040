import { expect, it } from 'vitest'
import { bars, countdown, placesOfMarks, rose } from './trend.ts'

it('a clear rise of failures is told, a few requests and noise are not', () => {
  const before = { seconds: 300, requests: 1_000, failed: 5 }
  expect(rose(before, { seconds: 60, requests: 200, failed: 20 })).toBe(true)
  expect(rose(before, { seconds: 60, requests: 200, failed: 2 })).toBe(false)
  expect(rose(before, { seconds: 5, requests: 3, failed: 3 })).toBe(false)
})

it('what is left of five minutes counts down to zero', () => {
  expect([299_001, 61_000, -5].map(countdown)).toEqual(['5:00', '1:01', '0:00'])
})

it('bars stand where their time is in the picture, the highest fills it', () => {
  const applied = 1_000_000
  const [first, second] = bars(
    [
      { at: applied - 150_000, requests: 5, failed: 0 },
      { at: applied, requests: 10, failed: 5 },
      { at: applied - 400_000, requests: 10, failed: 0 },
    ],
    { from: applied - 300_000, to: applied + 300_000 },
  )
  expect([first!.x, first!.height]).toEqual([0.25, 0.5])
  expect([second!.x, second!.height, second!.failed]).toEqual([0.5, 1, 0.5])
})

it('moments stand where they are in the picture, its bounds included; a picture of no time has none', () => {
  expect(placesOfMarks([99, 100, 150, 200, 201], { from: 100, to: 200 })).toEqual([0, 0.5, 1])
  expect(placesOfMarks([100], { from: 100, to: 100 })).toEqual([])
})
