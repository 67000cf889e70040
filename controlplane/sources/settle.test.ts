import { describe, expect, test } from 'vitest'
import { type Change, Settler } from './settle.ts'

const times = { quietMs: 100, maxWaitMs: 1000 }
const seen = (changes: Record<string, string | undefined>): Map<string, Change> =>
  new Map(Object.entries(changes).map(([path, version]) => [path, { version }]))

describe('a change counts', () => {
  test('when it looked the same for the quiet time', () => {
    const settler = new Settler(times)
    expect(settler.observe(0, seen({ a: 'v1' }))).toEqual({ settled: [], waitMs: 100 })
    expect(settler.observe(60, seen({ a: 'v2' }))).toEqual({ settled: [], waitMs: 100 })
    expect(settler.observe(159, seen({ a: 'v2' }))).toEqual({ settled: [], waitMs: 1 })
    expect(settler.observe(160, seen({ a: 'v2' }))).toEqual({ settled: ['a'], waitMs: undefined })
  })

  test('together with the others of its batch: a rename is one step', () => {
    const settler = new Settler(times)
    settler.observe(0, seen({ old: undefined }))
    expect(settler.observe(100, seen({ old: undefined, new: 'v1' }))).toEqual({ settled: [], waitMs: 100 })
    expect(settler.observe(200, seen({ old: undefined, new: 'v1' })).settled).toEqual(['old', 'new'])
  })

  test('not at all when it is undone before', () => {
    const settler = new Settler(times)
    settler.observe(0, seen({ a: undefined }))
    expect(settler.observe(50, seen({}))).toEqual({ settled: [], waitMs: undefined })
    expect(settler.observe(60, seen({ a: undefined }))).toEqual({ settled: [], waitMs: 100 })
  })

  test('without a file that never rests, after the longest wait', () => {
    const settler = new Settler(times)
    for (let now = 0; now < 1000; now += 50) {
      expect(settler.observe(now, seen({ log: `v${now}`, a: 'v1' })).settled).toEqual([])
    }
    expect(settler.observe(1000, seen({ log: 'v', a: 'v1' })).settled).toEqual(['a'])
  })

  test('as a removal only after additions that have not come to rest, for twice the longest wait', () => {
    const settler = new Settler(times)
    for (let now = 0; now < 2000; now += 50) {
      expect(settler.observe(now, seen({ log: `v${now}`, gone: undefined })).settled).toEqual([])
    }
    expect(settler.observe(2000, seen({ log: 'v', gone: undefined })).settled).toEqual(['gone'])
  })

  test('later when its content asks for patience', () => {
    const settler = new Settler(times)
    settler.observe(0, seen({ a: 'v1' }))
    expect(settler.observe(100, seen({ a: 'v1' })).settled).toEqual(['a'])
    settler.need('a', 500)
    expect(settler.verdict(100)).toEqual({ settled: [], waitMs: 400 })
    expect(settler.verdict(500)).toEqual({ settled: ['a'], waitMs: undefined })
    settler.restless(500, 'a')
    expect(settler.verdict(999).settled).toEqual([])
  })

  test('once: what was taken over is forgotten', () => {
    const settler = new Settler({ ...times, quietMs: 0 })
    expect(settler.observe(0, seen({ a: 'v1' })).settled).toEqual(['a'])
    settler.done(0, ['a'])
    expect(settler.paths()).toEqual([])
    expect(settler.verdict(0)).toEqual({ settled: [], waitMs: undefined })
  })
})
