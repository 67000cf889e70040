import { expect, it } from 'vitest'
import { comparedTwo, filesOf, isUndoable, markedTwo } from './marks.ts'

it('two revisions are marked at most; the one that was first is let go, and each is marked once', () => {
  expect(markedTwo([], 3, true)).toEqual([3])
  expect(markedTwo([3, 7], 5, true)).toEqual([7, 5])
  expect(markedTwo([3, 7], 3, true)).toEqual([7, 3])
  expect(markedTwo([3, 7], 3, false)).toEqual([7])
})

it('the older one is compared with the newer one, whichever was marked first', () => {
  expect(comparedTwo([12, 9])).toEqual({ from: 9, to: 12 })
  expect(comparedTwo([12])).toBeUndefined()
})

it('a revision of many files names the first and how many more', () => {
  const file = (name: string) => ({ file: name, change: 'changed' as const })
  expect(filesOf({ files: [file('a.yaml'), file('b.yaml'), file('c.yaml')] } as never)).toEqual({
    first: 'a.yaml',
    more: 2,
  })
  expect(filesOf({ files: [] })).toEqual({ first: '', more: 0 })
})

it('the first reading of the files cannot be undone', () => {
  expect([1, 2].map((id) => isUndoable({ id }))).toEqual([false, true])
})
