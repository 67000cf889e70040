import fc from 'fast-check'
import { expect, test } from 'vitest'
import { History } from './history.ts'

test('a change that was made after a position is never missed, and none of before is told while all are near', () => {
  const step = fc.record({
    names: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.boolean(), { minKeys: 1 }),
    heard: fc.option(fc.nat(5)),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const history = new History()
      const made: ReadonlyMap<string, boolean>[] = []
      let heard = 0
      for (const { names, heard: back } of steps) {
        const changes = new Map(Object.entries(names))
        made.push(changes)
        history.add(made.length, changes)
        if (back !== null) {
          heard = Math.max(heard, made.length - back)
          history.trim(heard)
        }
        const from = Math.max(heard, made.length - 3)
        const expected = new Map<string, boolean>()
        for (const later of made.slice(from))
          for (const [name, wild] of later) expected.set(name, wild || (expected.get(name) ?? false))
        const told = history.after(from)
        // Only where more than 64 changes were not heard are some told together.
        if (made.length - heard <= 64) expect(new Map([...told].sort())).toEqual(new Map([...expected].sort()))
        else for (const [name, wild] of expected) expect(told.get(name)).toBe(wild || told.get(name))
      }
    }),
  )
})

test('what everybody heard is handed back once, and is not remembered', () => {
  const history = new History()
  for (const [index, name] of ['a', 'b', 'c'].entries()) history.add(index + 1, new Map([[name, false]]))
  expect(history.trim(2).flatMap((names) => [...names])).toEqual(['a', 'b'])
  expect(['a', 'b', 'c'].map((name) => history.has(name))).toEqual([false, false, true])
  expect(history.trim(2)).toEqual([])
  expect([...history.after(2)]).toEqual([['c', false]])
})

test('many changes that one slow client has not heard are folded, and none is lost', () => {
  const history = new History()
  const names = Array.from({ length: 200 }, (_, index) => `n${index}`)
  for (const [index, name] of names.entries()) {
    history.add(index + 1, new Map([[name, index % 2 === 0]]))
    history.trim(0)
  }
  expect(new Map([...history.after(0)].sort())).toEqual(
    new Map(names.map((name, index) => [name, index % 2 === 0] as const).sort()),
  )
  expect(history.after(199).get('n199')).toBe(false)
})
