import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Configuration } from '../configuration.ts'
import { Again, type NotUsed } from './again.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const configuration = (version: string): Configuration => ({
  version,
  protocols: [],
  listeners: [],
  routes: [],
  clusters: [],
})
const TAKEN: NotUsed = { kind: 'listener', name: 'l', message: 'EADDRINUSE', transient: true }
const WRONG: NotUsed = { kind: 'cluster', name: 'c', message: 'no such balancer' }

/** What was to be put in force, in order; each answered as `answer` says. */
function watched(answer: (version: string) => Promise<readonly NotUsed[]>) {
  const applied: string[] = []
  const told: number[] = []
  const warnings: string[] = []
  const again: Again = new Again({
    apply: ({ version }) => {
      applied.push(version)
      return answer(version)
    },
    changed: () => told.push(again.waiting.length),
    log: { warn: (_, text) => warnings.push(text) },
  })
  return { again, applied, told, warnings }
}

it('tries again what was not ready, after waits that double up to a quarter of a second, until it is; what is wrong is not tried', async () => {
  let taken = true
  const { again, applied, told } = watched(async () => (taken ? [TAKEN, WRONG] : [WRONG]))
  expect(await again.apply(configuration('a'))).toEqual([TAKEN, WRONG])
  expect(again.waiting).toEqual([TAKEN])
  const times: number[] = []
  for (let ms = 50; ms <= 1000; ms += 50) {
    const before = applied.length
    await vi.advanceTimersByTimeAsync(50)
    if (applied.length > before) times.push(ms)
  }
  expect(times).toEqual([100, 300, 550, 800])
  expect(told).toEqual([1])
  taken = false
  await vi.advanceTimersByTimeAsync(10_000)
  expect([again.waiting, told]).toEqual([[], [1, 0]])
  const { length } = applied
  await vi.advanceTimersByTimeAsync(60_000)
  expect(applied).toHaveLength(length)
})

it('what takes long to put in force is tried less often', async () => {
  const { again, applied } = watched(() => new Promise((resolve) => setTimeout(() => resolve([TAKEN]), 1000)))
  const first = again.apply(configuration('a'))
  await vi.advanceTimersByTimeAsync(1000)
  await first
  await vi.advanceTimersByTimeAsync(100 + 1000)
  expect(applied).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(19_000)
  expect(applied).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1000)
  expect(applied).toHaveLength(3)
  again.stop()
})

it('an older configuration is not tried again while a newer one is being put in force, nor after', async () => {
  let done = (_: readonly NotUsed[]) => {}
  const { again, applied } = watched(async (version) =>
    version === 'a' ? [TAKEN] : new Promise<readonly NotUsed[]>((resolve) => (done = resolve)),
  )
  await again.apply(configuration('a'))
  const newer = again.apply(configuration('b'))
  await vi.advanceTimersByTimeAsync(60_000)
  done([])
  await newer
  await vi.advanceTimersByTimeAsync(60_000)
  expect(applied).toEqual(['a', 'b'])
  expect(again.waiting).toEqual([])
})

it('where the newer one cannot be put in force, what waits of the older one is tried again', async () => {
  const { again, applied } = watched(async (version) => {
    if (version === 'b') throw new Error('no')
    return [TAKEN]
  })
  await again.apply(configuration('a'))
  await expect(again.apply(configuration('b'))).rejects.toThrow('no')
  await vi.advanceTimersByTimeAsync(150)
  expect(applied).toEqual(['a', 'b', 'a'])
  expect(again.waiting).toEqual([TAKEN])
})

it('a try that fails is made later, and said; nothing is tried once it is stopped', async () => {
  let fails = false
  const { again, applied, warnings } = watched(async () => {
    if (fails) throw new Error('busy')
    return [TAKEN]
  })
  await again.apply(configuration('a'))
  fails = true
  await vi.advanceTimersByTimeAsync(500)
  expect(applied).toHaveLength(3)
  expect(warnings).toEqual(Array(2).fill('what waits could not be tried again, and is later: busy'))
  again.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(applied).toHaveLength(3)
})
