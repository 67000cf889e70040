import { expect, test, vi } from 'vitest'
import { MemorySource } from './memory-source.ts'

test('gives documents by file name and position', async () => {
  const source = MemorySource.of({ 'b.yaml': 'x: 3', 'a.yaml': 'x: 1\n---\nx: 2\n' })
  const { documents } = await source.start()
  expect(documents.map(({ id, value }) => [id, value])).toEqual([
    ['a.yaml#0', { x: 1 }],
    ['a.yaml#1', { x: 2 }],
    ['b.yaml#0', { x: 3 }],
  ])
})

test('tells of changes, not of equal files, and not after the end of a subscription or of the source', async () => {
  const source = MemorySource.of({ 'a.yaml': 'x: 1' })
  const listener = vi.fn()
  const end = source.onChange(listener)
  source.set({ 'a.yaml': 'x: 1' })
  expect(listener).not.toHaveBeenCalled()
  source.set({ 'a.yaml': 'x: 2' })
  expect(listener).toHaveBeenCalledExactlyOnceWith(source.snapshot)
  end()
  source.set({})
  expect(listener).toHaveBeenCalledTimes(1)
  source.onChange(listener)
  await source.stop()
  source.set({ 'a.yaml': 'x: 3' })
  expect(listener).toHaveBeenCalledTimes(1)
})

test('file names of the object prototype are names as any other', () => {
  const source = MemorySource.of({ constructor: 'x: 1' })
  source.set({ toString: 'x: 2' })
  expect(source.snapshot.documents.map((it) => it.id)).toEqual(['toString#0'])
})
