import { expect, test } from 'vitest'
import { remember } from './remember.ts'

test('a memo keeps what it is given until it is too large, and begins anew with the next', () => {
  const memo = new Map<number, string>()
  for (let n = 0; n < 256; n++) remember(memo, n, `${n}`)
  expect([memo.size, memo.get(0), memo.get(255)]).toEqual([256, '0', '255'])
  remember(memo, 256, 'next')
  expect([...memo]).toEqual([[256, 'next']])
})
