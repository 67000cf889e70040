import { expect, it } from 'vitest'
import { extend } from './numbers.ts'

it.each([
  [0x7f, 1, 127],
  [0x80, 1, -128],
  [0xffff, 2, -1],
  [0x7fffff, 3, 0x7fffff],
  [0x800000, 3, -0x800000],
  [-5, 4, -5],
  [0x7fffffff, 8, 0x7fffffff],
])('%d of %d bytes is %d with its sign', (value, bytes, signed) => {
  expect(extend(value, bytes)).toBe(signed)
})
