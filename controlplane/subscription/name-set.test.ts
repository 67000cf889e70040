import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameSet } from './name-set.ts'

const name = fc.constantFrom(...Array.from({ length: 60 }, (_, index) => `n${index}`))

test('behaves like a set, whatever is added and dropped', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ add: fc.array(name), drop: fc.array(name) }), { maxLength: 30 }), (changes) => {
      let set = NameSet.empty
      const model = new Set<string>()
      for (const { add, drop } of changes) {
        set = set.change(add, drop)
        for (const one of add) model.add(one)
        for (const one of drop) model.delete(one)
        expect([...set].sort()).toEqual([...model].sort())
        expect(set.size).toBe(model.size)
        for (const one of model) expect(set.has(one)).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

test('equal sets are one object, in whatever order their names came', () => {
  expect(NameSet.of(['a', 'b', 'c'])).toBe(NameSet.of(['c', 'a', 'b', 'a']))
  expect(NameSet.of([])).toBe(NameSet.empty)
})

test('a set does not change when another is made from it', () => {
  // Names of no other test, here and below: a set that is still around would be found again, in its own order.
  const before = NameSet.of(['first', 'second'])
  before.change(['third'], ['first'])
  expect([...before]).toEqual(['first', 'second'])
})

test('a list is recognised only name by name, in order', () => {
  const set = NameSet.of(['1', '2', '3'])
  expect(set.lists(['1', '2', '3'])).toBe(true)
  expect(set.change(['4'], ['2']).lists([...set.change(['4'], ['2'])])).toBe(true)
  for (const other of [[], ['1', '2'], ['1', '2', '2'], ['1', '1', '3'], ['1', '2', '4'], ['1', '2', '3', '3']])
    expect(set.lists(other)).toBe(false)
})
