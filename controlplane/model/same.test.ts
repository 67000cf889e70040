import { expect, it } from 'vitest'
import { sameEntries, sameItems } from './cells.ts'

it.each([
  [[], [], true],
  [[['a', 1]], [['a', 1]], true],
  [[['a', 1]], [['a', 2]], false],
  [[['a', 1]], [['b', 1]], false],
  [[['a', 1]], [], false],
  // What joins alone changes nothing of what was there.
  [
    [['a', 1]],
    [
      ['a', 1],
      ['b', 2],
    ],
    false,
  ],
  [[['a', undefined]], [['b', undefined]], false],
] as const)('maps of %j and %j are the same: %s', (a, b, same) => {
  expect(sameEntries<string, unknown>(new Map(a), new Map(b))).toBe(same)
  expect(sameEntries<string, unknown>(new Map(b), new Map(a))).toBe(same)
})

it.each([
  [[], [], true],
  [[1, 2], [1, 2], true],
  [[1, 2], [2, 1], false],
  [[1], [1, 2], false],
] as const)('lists %j and %j are the same: %s', (a, b, same) => {
  expect(sameItems<number>(a, b)).toBe(same)
  expect(sameItems<number>(b, a)).toBe(same)
})
