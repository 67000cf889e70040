import { describe, expect, it } from 'vitest'
import { namedValues } from './named-values.ts'

describe('names of values', () => {
  it('stand for all numbers that have them, the first one first', () => {
    const values = namedValues({ '1': 'request', '2': 'response', '7': 'request' })
    expect([...values]).toEqual([
      ['request', [1, 7]],
      ['response', [2]],
    ])
  })
})
