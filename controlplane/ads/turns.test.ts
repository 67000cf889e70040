import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('a turn has time until its answers have taken that long; the next one has time again', async () => {
  let now = 0
  const turns = new Turns(2, () => now)
  expect(turns.hasTime()).toBe(true)
  now = 1.9
  expect(turns.hasTime()).toBe(true)
  now = 2
  expect(turns.hasTime()).toBe(false)
  await turn()
  expect(turns.hasTime()).toBe(true)
})

test('what there was no time for is done later, all of it and in its order, what comes meanwhile behind it', async () => {
  const turns = new Turns(2)
  const done: number[] = []
  for (let index = 0; index < 20; index++)
    turns.later(() => {
      done.push(index)
      if (index === 3) turns.later(() => done.push(20))
    })
  expect(done).toEqual([])
  for (let count = 0; count < 50 && done.length < 21; count++) await turn()
  expect(done).toEqual(Array.from({ length: 21 }, (_, index) => index))
  turns.later(() => done.push(21))
  for (let count = 0; count < 50 && done.length < 22; count++) await turn()
  expect(done.at(-1)).toBe(21)
})
