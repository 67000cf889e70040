import { expect, it } from 'vitest'
import { cells, source } from './cells.ts'
import { sweeping, whilePresent } from './lasting.ts'

it('a table that gets new names keeps those that mean something, and the newest', () => {
  let present = new Set(['a', 'b'])
  const table = new Map<string, number>()
  const sweep = sweeping({ present: () => present, has: (all, key) => all.has(key) })
  const add = (key: string) => {
    table.set(key, 1)
    sweep(table, key)
  }
  add('a')
  add('b')
  present = new Set(['b', 'c'])
  add('c')
  expect([...table.keys()]).toEqual(['b', 'c'])
  add('unknown')
  expect([...table.keys()]).toEqual(['b', 'c', 'unknown'])
  present = new Set(['b'])
  add('unknown too')
  expect([...table.keys()]).toEqual(['b', 'unknown too'])
})

it('a large table is looked through once for a sixteenth of new names', () => {
  let looked = 0
  let round = 0
  const table = new Map<string, number>()
  const sweep = sweeping({
    present: () => ++round,
    has: () => {
      looked++
      return true
    },
  })
  for (let index = 0; index < 20_000; index++) {
    table.set(String(index), 1)
    sweep(table, String(index))
  }
  const before = looked
  for (let index = 0; index < 20_000; index++) {
    table.set(`more ${index}`, 1)
    sweep(table, `more ${index}`)
  }
  expect((looked - before) / 20_000).toBeLessThan(40)
})

it('a family of cells computes a name anew that meant nothing for a while, and who reads another is not disturbed', () => {
  const present = source<ReadonlySet<string>>(new Set(['a', 'b']))
  const computed: string[] = []
  const family = cells(
    (key) => {
      computed.push(key)
      return present.value.has(key)
    },
    undefined,
    { lasting: whilePresent({ present: () => present.value, has: (all, key) => all.has(key) }) },
  )
  expect([family('a'), family('b')]).toEqual([true, true])
  present.value = new Set(['b', 'c'])
  expect([family('c'), family('b')]).toEqual([true, true])
  computed.length = 0
  present.value = new Set(['a', 'b'])
  expect([family('b'), family('a'), family('a')]).toEqual([true, true, true])
  expect(computed).toEqual(['b', 'a'])
})
