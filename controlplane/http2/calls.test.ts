import { describe, expect, test } from 'vitest'
import type { Call } from './call.ts'
import { Calls } from './calls.ts'

const call = (id: number) => ({ id }) as Call

describe('the calls of a connection', () => {
  test('are found while they are open', () => {
    const calls = new Calls()
    const [first, second] = [call(1), call(3)]
    calls.add(first)
    calls.add(second)
    expect(calls.find(3)).toBe(second)
    calls.remove(first)
    expect(calls.find(1)).toBeUndefined()
    expect(calls.all).toEqual([second])
    calls.remove(second)
    expect(calls.all).toEqual([])
  })

  test('may end while somebody walks over them', () => {
    const calls = new Calls()
    for (const id of [1, 3, 5]) calls.add(call(id))
    const seen: number[] = []
    for (const one of calls.all) {
      seen.push(one.id)
      calls.remove(one)
    }
    expect(seen).toEqual([1, 3, 5])
  })

  test('a stream that never was is told from one that is over', () => {
    const calls = new Calls()
    calls.last = 5
    for (const stream of [1, 3, 5]) expect(() => calls.mustHaveBeen(stream)).not.toThrow()
    for (const stream of [0, 2, 7]) expect(() => calls.mustHaveBeen(stream)).toThrow(`stream ${stream} does not exist`)
  })

  test('the last hundred that we ended are remembered', () => {
    const calls = new Calls()
    for (let stream = 1; stream <= 201; stream += 2) calls.rememberReset(stream)
    expect(calls.wasReset(1)).toBe(false)
    expect(calls.wasReset(3)).toBe(true)
    expect(calls.wasReset(201)).toBe(true)
  })
})
