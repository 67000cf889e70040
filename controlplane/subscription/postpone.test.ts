import { expect, test } from 'vitest'
import { removedNow } from './postpone.ts'

const map = (...names: readonly string[]) => new Map(names.map((name) => [name, undefined]))

test('removals go in turns: what the log says before what was left, each once, and the rest stays', () => {
  const state = { gone: map('b', 'c') }
  expect(removedNow(state, ['a', 'b'], 2)).toEqual(['a', 'b'])
  expect(state.gone).toEqual(map('c'))
  expect(removedNow(state, [], 2)).toEqual(['c'])
  expect(state.gone).toBeUndefined()
  expect(removedNow(state, [], 2)).toEqual([])
})

test('as many as go in one turn leave nothing for another', () => {
  const state = { gone: map('b', 'c') }
  expect(removedNow(state, [], 2)).toEqual(['b', 'c'])
  expect(state.gone).toBeUndefined()
  const gone = ['a', 'b']
  expect(removedNow(state, gone, 2)).toBe(gone)
})

test('without turns all of them go', () => {
  const state = { gone: map('b', 'c') }
  expect(removedNow(state, ['a', 'b'], undefined)).toEqual(['a', 'b', 'c'])
  expect(state.gone).toBeUndefined()
  const gone = ['a', 'b']
  expect(removedNow(state, gone, undefined), 'nearly always there is nothing else').toBe(gone)
})

test('a turn does not copy what is left of a hundred thousand', () => {
  const gone = map(...Array.from({ length: 1000 }, (_, index) => `n${index}`))
  const state = { gone }
  expect(removedNow(state, [], 64)).toHaveLength(64)
  expect(state.gone).toBe(gone)
  expect(gone.size).toBe(936)
})
