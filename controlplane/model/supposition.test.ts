import { expect, it } from 'vitest'
import { cell, recorded, source } from './cells.ts'
import { suppose, supposing } from './supposition.ts'

it('what a cell reads within a recording is supposed too', () => {
  const written = source(1)
  const inner = cell(() => written.value)
  const outer = cell(() => recorded(inner).value * 10)
  expect(outer()).toBe(10)
  expect(supposing(suppose(new Map([[written, 2]])), outer)).toBe(20)
  expect(outer()).toBe(10)
  written.value = 3
  expect(outer()).toBe(30)
})
