import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Change } from './changes.ts'
import { applyChanges, ChangeLog, invertChanges } from './changes.ts'

/** Not overlapping changes of a text of a given length. */
function changesOf(length: number, cuts: readonly number[], inserts: readonly string[]): Change[] {
  const at = [...new Set(cuts.map((cut) => cut % (length + 1)))].sort((a, b) => a - b)
  const out: Change[] = []
  for (let i = 0; i + 1 < at.length; i += 2)
    out.push({ from: at[i]!, to: at[i + 1]!, insert: inserts[i % inserts.length] ?? '' })
  return out
}

const cuts = fc.array(fc.nat(100), { maxLength: 8 })
const inserts = fc.array(fc.string({ maxLength: 4 }), { minLength: 1, maxLength: 4 })

it('inverted changes give the original text back', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), cuts, inserts, (text, places, texts) => {
      const changes = changesOf(text.length, places, texts)
      const after = applyChanges(text, changes)
      expect(applyChanges(after, invertChanges(text, changes))).toBe(text)
    }),
  )
})

it('groups of changes, each on the result of the one before, become one list on the original text', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.array(fc.tuple(cuts, inserts), { maxLength: 5 }), (text, groups) => {
      const log = new ChangeLog(text.length)
      let now = text
      for (const [places, texts] of groups) {
        const changes = changesOf(now.length, places, texts)
        log.add(changes)
        now = applyChanges(now, changes)
      }
      const all = log.changes()
      expect(applyChanges(text, all)).toBe(now)
      expect(applyChanges(now, invertChanges(text, all))).toBe(text)
    }),
  )
})

it('changes that overlap or leave the text are refused', () => {
  expect(() =>
    applyChanges('abc', [
      { from: 0, to: 2, insert: '' },
      { from: 1, to: 3, insert: '' },
    ]),
  ).toThrow(RangeError)
  expect(() => applyChanges('abc', [{ from: 2, to: 9, insert: '' }])).toThrow(RangeError)
})
