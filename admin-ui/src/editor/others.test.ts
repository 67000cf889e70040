import { expect, it } from 'vitest'
import { othersOf } from './others.ts'

const current = { text: 'now: 1\n', revision: 5 }
const base = { base: 3 }

it('nobody did anything where the plan says nothing and the configuration stands where it stood', () => {
  expect(othersOf('a.yaml', undefined, false, current, base)).toBeUndefined()
  const elsewhere = { conflicts: [{ file: 'b.yaml', theirs: 'x' }], revision: 6 }
  expect(othersOf('a.yaml', elsewhere, false, current, base)).toBeUndefined()
})

it('what the plan tells counts before what the page has read', () => {
  const conflict = { conflicts: [{ file: 'a.yaml', theirs: 'newer: 1\n' }], revision: 6 }
  expect(othersOf('a.yaml', conflict, true, current, base)).toEqual({ theirs: 'newer: 1\n', revision: 6 })
  expect(othersOf('a.yaml', undefined, true, current, base)).toEqual({ theirs: 'now: 1\n', revision: 5 })
})

it('a file that is gone has no text of theirs, whatever was read before', () => {
  const conflict = { conflicts: [{ file: 'a.yaml' }], revision: 6 }
  expect(othersOf('a.yaml', conflict, true, current, base)).toEqual({ theirs: undefined, revision: 6 })
  expect(othersOf('a.yaml', undefined, true, undefined, base)).toEqual({ theirs: undefined, revision: 3 })
})
