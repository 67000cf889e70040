import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Saver } from './saver.ts'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A place that holds the last copy, and can be full. */
function place({ afterMs = 0 } = {}) {
  const state = { held: 0, full: false, copies: [] as number[], told: [] as string[] }
  const saver = new Saver({
    write: async () => {
      if (state.full) throw new Error('the disk is full')
      state.copies.push(state.held)
    },
    failed: ({ message }) => state.told.push(message),
    recovered: () => state.told.push('saved again'),
    afterMs,
    againMs: 1000,
  })
  const hold = (value: number) => {
    state.held = value
    saver.save()
  }
  return { state, saver, hold }
}

it('of what changes while a copy is being written one more copy is made', async () => {
  const copies: number[] = []
  let held = 0
  let written = () => {}
  const saver = new Saver({
    write: () => {
      copies.push(held)
      return new Promise<void>((resolve) => {
        written = resolve
      })
    },
    failed: () => expect.unreachable(),
    recovered: () => expect.unreachable(),
  })
  await saver.saved
  for (held = 1; held <= 3; held++) saver.save()
  expect(copies).toEqual([1])
  written()
  await vi.advanceTimersByTimeAsync(0)
  expect(copies).toEqual([1, 4])
  written()
  await saver.saved
  expect(copies).toEqual([1, 4])
})

it('what changes in quick succession is one copy', async () => {
  const { state, hold, saver } = place({ afterMs: 500 })
  for (let value = 1; value <= 3; value++) hold(value)
  await vi.advanceTimersByTimeAsync(499)
  expect(state.copies).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(state.copies).toEqual([3])
  hold(4)
  saver.upToDate()
  await vi.advanceTimersByTimeAsync(5000)
  expect(state.copies).toEqual([3])
})

it('under steady changes copies are as far apart as that, however long one takes', async () => {
  const begun: number[] = []
  const started = Date.now()
  const saver = new Saver({
    write: async () => {
      begun.push(Date.now() - started)
      await sleep(50)
    },
    failed: () => expect.unreachable(),
    recovered: () => expect.unreachable(),
    afterMs: 500,
  })
  for (let ms = 0; ms < 2000; ms += 10) {
    saver.save()
    await vi.advanceTimersByTimeAsync(10)
  }
  expect(begun).toEqual([500, 1000, 1500, 2000])
  saver.save()
  void saver.stop()
  await vi.advanceTimersByTimeAsync(100)
  expect(begun).toEqual([500, 1000, 1500, 2000, 2050])
})

it('what could not be saved is tried again although nothing changes, and both is told once', async () => {
  const { state, hold } = place()
  state.full = true
  hold(1)
  await vi.advanceTimersByTimeAsync(3500)
  hold(2)
  await vi.advanceTimersByTimeAsync(3500)
  expect(state).toMatchObject({ copies: [], told: ['the disk is full'] })
  state.full = false
  await vi.advanceTimersByTimeAsync(1000)
  expect(state).toMatchObject({ copies: [2], told: ['the disk is full', 'saved again'] })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(state.copies).toEqual([2])
})

it('at the end there is a last try of what is not saved, and none after it', async () => {
  const { state, hold, saver } = place({ afterMs: 500 })
  state.full = true
  hold(1)
  await vi.advanceTimersByTimeAsync(600)
  state.full = false
  await saver.stop()
  expect(state.copies).toEqual([1])

  const other = place()
  other.state.full = true
  other.hold(1)
  await other.saver.stop()
  other.state.full = false
  await vi.advanceTimersByTimeAsync(10_000)
  expect(other.state).toMatchObject({ copies: [], told: ['the disk is full'] })
  expect(vi.getTimerCount()).toBe(0)
})
