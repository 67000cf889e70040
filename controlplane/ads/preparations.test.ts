import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Preparations } from './preparations.ts'

test('those who want the same wait for one work, and are told in their order', async () => {
  const told: string[] = []
  let begun = 0
  let steps = 0
  const preparations = new Preparations<string>(0, (error) => {
    throw error
  })
  const begin = () => {
    begun++
    return (function* () {
      for (; steps < 20; steps++) yield
    })()
  }
  for (const who of ['a', 'b', 'c'])
    expect(preparations.wait('class', begin, () => told.push(`${who} after ${steps}`))).toBe(true)
  expect(
    preparations.wait(
      'other',
      () => undefined,
      () => told.push('never'),
    ),
  ).toBe(false)
  let turns = 0
  while (told.length < 3) {
    await turn()
    turns++
  }
  expect(told).toEqual(['a after 20', 'b after 20', 'c after 20'])
  expect(begun).toBe(1)
  expect(turns, 'others get their turn meanwhile').toBeGreaterThan(20)
})

test('work that fails is told of, and lets go those who wait for it', async () => {
  const errors: unknown[] = []
  const preparations = new Preparations<string>(1, (error) => errors.push(error))
  const told: string[] = []
  preparations.wait(
    'broken',
    // biome-ignore lint/correctness/useYield: it never comes to that
    function* () {
      throw new Error('broken')
    },
    () => told.push('broken'),
  )
  preparations.wait(
    'fine',
    function* () {
      yield
    },
    () => told.push('fine'),
  )
  while (told.length < 2) await turn()
  expect(told).toEqual(['broken', 'fine'])
  expect(errors).toEqual([new Error('broken')])
})

test('who comes when the work is done begins it anew', async () => {
  let begun = 0
  let told = 0
  const preparations = new Preparations<string>(1, () => {})
  const want = () =>
    preparations.wait(
      'class',
      () => {
        begun++
        return (function* () {
          yield
        })()
      },
      () => told++,
    )
  want()
  while (told < 1) await turn()
  want()
  while (told < 2) await turn()
  expect(begun).toBe(2)
})
