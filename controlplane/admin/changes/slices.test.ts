import { expect, test } from 'vitest'
import { slice } from './slices.ts'

function* busy(pieces: number, log: string[]): Generator<void, string> {
  for (let piece = 0; piece < pieces; piece++) {
    const end = performance.now() + 11
    while (performance.now() < end);
    log.push(`piece ${piece}`)
    yield
  }
  return 'done'
}

test('others come first between pieces of work', async () => {
  const log: string[] = []
  const work = slice(busy(3, log))
  setImmediate(() => log.push('other'))
  expect(await work).toBe('done')
  expect(log.indexOf('other')).toBeLessThan(log.indexOf('piece 2'))
})

test('work that is out of date ends', async () => {
  const log: string[] = []
  expect(await slice(busy(3, log), () => true)).toBeUndefined()
  expect(log).toEqual(['piece 0'])
})

test('what a piece throws ends the work', async () => {
  const failing = (function* (): Generator<void, never> {
    yield
    throw new Error('broken')
  })()
  await expect(slice(failing)).rejects.toThrow('broken')
})
