import { expect, it } from 'vitest'
import { readDocuments } from '../yaml/index.ts'
import { lineStarts, marksOf, offsetOf, problemsIn } from './problems.ts'

const text = 'a: 1\nb:\n  c: wrong # why\n---\nd: 2\n'
const complaint = (line: number, column: number) => ({
  code: 'X',
  severity: 'error' as const,
  message: 'no',
  file: 'f.yaml',
  line,
  column,
  path: '',
})

it('a place is an offset, and one beyond the text is its end', () => {
  const starts = lineStarts(text)
  expect(offsetOf(starts, text.length, 3, 6)).toBe(text.indexOf('wrong'))
  expect(offsetOf(starts, text.length, 1, 99)).toBe(4)
  expect(offsetOf(starts, text.length, 99, 1)).toBe(text.length)
})

it('a complaint marks the word it stands at', () => {
  expect(marksOf(text, [complaint(3, 6)], readDocuments(text)[0])).toMatchObject([
    { from: text.indexOf('wrong'), to: text.indexOf('wrong') + 5, severity: 'error', source: 'X' },
  ])
})

it('a text that is no YAML is marked where it breaks', () => {
  const broken = 'a: [1\nb: 2\n'
  expect(marksOf(broken, [], readDocuments(broken)[0])[0]).toMatchObject({ severity: 'error', source: 'YAML' })
})

it('complaints belong to the document they stand in', () => {
  const [first, second] = readDocuments(text)
  const found = [complaint(3, 1), complaint(5, 1)]
  expect(problemsIn(text, found, first)).toEqual([found[0]])
  expect(problemsIn(text, found, second)).toEqual([found[1]])
})
