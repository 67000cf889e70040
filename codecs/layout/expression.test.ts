import { expect, test } from 'vitest'
import { parseSize } from './expression.ts'

test.each([
  [4096, 4096],
  ['65536', 65536],
  ['512B', 512],
  ['4KiB', 4096],
  ['4K', 4096],
  ['2 MB', 2_000_000],
  ['3MiB', 3 * 1024 * 1024],
  ['1GB', 1_000_000_000],
  ['a lot', Number.NaN],
])('the size %j is %d bytes', (source, bytes) => {
  expect(parseSize(source)).toBe(bytes)
})
