import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Recording } from './recording.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A history on a disk that may be full. */
function onDisk() {
  const disk = { problem: undefined as string | undefined, tries: 0 }
  const told: string[] = []
  const recording = new Recording({
    sync: async () => {
      disk.tries++
      if (disk.problem !== undefined) throw new Error(disk.problem)
    },
    warn: ({ message }) => told.push(message),
    again: () => told.push('again'),
  })
  return { disk, told, recording }
}

test('an edit is recorded, and nobody is told', async () => {
  const { recording, told, disk } = onDisk()
  expect([await recording.record(), told, disk.tries, vi.getTimerCount()]).toEqual([true, [], 1, 0])
})

test('what could not be recorded is tried again until it can, without another edit; each reason is told once, and the end of it', async () => {
  const { recording, told, disk } = onDisk()
  disk.problem = 'disk full'
  expect(await recording.record()).toBe(false)
  await vi.advanceTimersByTimeAsync(30_000)
  disk.problem = 'read-only'
  await vi.advanceTimersByTimeAsync(20_000)
  expect([told, disk.tries]).toEqual([['disk full', 'read-only'], 6])
  disk.problem = undefined
  await vi.advanceTimersByTimeAsync(60_000)
  expect([told, disk.tries, vi.getTimerCount()]).toEqual([['disk full', 'read-only', 'again'], 7, 0])
})

test('an edit meanwhile makes no second series of attempts', async () => {
  const { recording, disk } = onDisk()
  disk.problem = 'disk full'
  await Promise.all([recording.record(), recording.record()])
  expect(vi.getTimerCount()).toBe(1)
})

test('who stops is told nothing more', async () => {
  const { recording, told, disk } = onDisk()
  disk.problem = 'closed'
  const last = recording.record()
  recording.stop()
  expect([await last, told, vi.getTimerCount()]).toEqual([false, [], 0])
})
