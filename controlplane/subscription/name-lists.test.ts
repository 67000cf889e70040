import { expect, test } from 'vitest'
import { NameLists } from './name-lists.ts'

const list = (seed: number, length = 200) => Buffer.alloc(length, seed)

test('equal bytes give the same list; one other byte does not', () => {
  const lists = new NameLists()
  const bytes = list(1)
  const names = ['a', 'b']
  lists.add(bytes, names)
  expect(lists.find(Buffer.from(bytes))).toBe(names)
  for (let at = 0; at < bytes.length; at++) {
    const other = Buffer.from(bytes)
    other[at]! ^= 1
    expect(lists.find(other)).toBeUndefined()
  }
  bytes.fill(7)
  expect(lists.find(list(1)), 'the buffer of the request may be used again').toBe(names)
})

test('however many different lists there are, a bounded number of bytes is kept: the newest', () => {
  const lists = new NameLists()
  const large = (seed: number) => {
    const bytes = list(0, 200_000)
    bytes.writeUInt32BE(seed)
    bytes[0] = seed
    return bytes
  }
  for (let seed = 0; seed < 100; seed++) lists.add(large(seed), [`${seed}`])
  const kept = Array.from({ length: 100 }, (_, seed) => seed).filter((seed) => lists.find(large(seed)))
  expect(kept.length).toBeLessThanOrEqual(10)
  expect(kept.at(-1)).toBe(99)
})

test('short lists and very long ones are not kept', () => {
  const lists = new NameLists()
  for (const bytes of [list(1, 10), list(1, 300_000)]) {
    lists.add(bytes, ['a'])
    expect(lists.find(bytes)).toBeUndefined()
  }
})
