import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Slices } from './slices.ts'

test('steps come in their order, at least so many in a turn, and others get their turn between', async () => {
  const order: string[] = []
  let left = 8
  let over = false
  let time = 0
  // Each step takes longer than the time a slice begins with, and all four less than the longest.
  const clocks = { now: () => time, used: () => time }
  new Slices(8, 4, clocks).run(
    () => {
      order.push('step')
      time += 1.9
      return --left > 0
    },
    (error) => {
      expect(error).toBeUndefined()
      over = true
    },
  )
  expect(order).toEqual([])
  while (!over) {
    await turn()
    order.push('other')
  }
  expect(order.slice(0, 5)).toEqual(['step', 'step', 'step', 'step', 'other'])
  expect(order.filter((what) => what === 'step')).toHaveLength(8)
})

test('where the end of a turn is dear, slices get shorter, and longer again when it is not', async () => {
  let time = 0
  const clocks = { now: () => time, used: () => time }
  const slices = new Slices(2, 1, clocks)
  /** Steps of each turn; what each of them costs at the end of its turn, in ms. */
  const turns: number[] = []
  let costs = 1
  let steps = 0
  let isNew = true
  let over = false
  slices.run(
    () => {
      time += 0.01
      if (isNew) {
        isNew = false
        turns.push(0)
        setImmediate(() => {
          time += turns.at(-1)! * costs
          isNew = true
        })
      }
      turns[turns.length - 1]!++
      if (++steps === 600) costs = 0
      return steps < 3000
    },
    () => {
      over = true
    },
  )
  while (!over) await turn()
  expect(turns[0]).toBeGreaterThan(90)
  expect(Math.min(...turns)).toBeLessThan(10)
  expect(turns.at(-2)).toBeGreaterThan(190)
})

test('what a step throws ends the work', async () => {
  let thrown: unknown
  new Slices(1, 1).run(
    () => {
      throw new Error('broken')
    },
    (error) => {
      thrown = error
    },
  )
  await turn()
  await turn()
  expect(thrown).toEqual(new Error('broken'))
})
