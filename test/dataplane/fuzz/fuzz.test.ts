import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { seedFor } from '../../helpers/repeat.ts'
import { Fuzz, Harm, type Stream } from './driver.ts'
import { keepHarm } from './keep.ts'

const seeds = new URL('./seeds/', import.meta.url)
const fuzz: Fuzz[] = []
afterEach(() => {
  for (const one of fuzz.splice(0)) one.stop()
})

async function started(seed: number): Promise<Fuzz> {
  const one = new Fuzz(seed)
  fuzz.push(one)
  await one.start()
  return one
}

describe('a proxy under bad bytes from clients and upstreams', () => {
  it('answers good clients of every protocol and keeps nothing of the bad ones', async ({ task }) => {
    // What is drawn is the same each time; when it arrives is not.
    const seed = seedFor(task, 20_260_101)
    const one = await started(seed)
    try {
      for (let round = 0; round < 3; round++) {
        await one.storm(300, 32)
        await one.check()
      }
      await one.settle()
    } catch (error) {
      if (error instanceof Harm) error.message = keepHarm(error, seed, one.streams)
      throw error
    }
    expect(one.answered).toBe(3 * 9)
  })

  const files = existsSync(seeds) ? readdirSync(seeds) : []
  it.each(files)('what once did harm does none: %s', async (file) => {
    const { streams } = JSON.parse(readFileSync(new URL(file, seeds), 'utf8')) as { streams: Stream[] }
    const one = await started(1)
    await one.replay(streams)
    await one.check()
    await one.settle()
    expect(one.streams).toBe(streams.length)
  })
})
