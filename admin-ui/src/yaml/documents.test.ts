import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { segmentsOf } from './documents.ts'

const line = fc.constantFrom(
  '---',
  '--- # c',
  '--- a',
  '...',
  '... # c',
  'a: 1',
  '- b',
  '# c',
  '',
  '  # c',
  '---a',
  '%YAML 1.2',
  '|',
  ' x',
  '---\t',
)

it('documents are cut where the library cuts them, and their texts join to the whole', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 9 }), fc.constantFrom('\n', '\r\n'), fc.boolean(), (lines, eol, last) => {
      const text = lines.join(eol) + (last ? eol : '')
      const documents = parseAllDocuments(text, { logLevel: 'silent' })
      const list = Array.isArray(documents) ? [...documents] : []
      if (list.some(({ errors }) => errors.length > 0) || ('empty' in documents && documents.errors.length > 0)) return
      const segments = segmentsOf(text)
      const count = segments.reduce((total, segment) => total + segment.count, 0)
      expect(count).toBe('empty' in documents ? 0 : list.length)
      expect(segments.map(({ from, to }) => text.slice(from, to)).join('')).toBe(text)
      if (segments.length !== list.length || count === 0) return
      const alone = segments.map(({ from, to }) => parseAllDocuments(text.slice(from, to))[0]?.toJS())
      expect(alone).toEqual(list.map((document) => document.toJS()))
    }),
    { numRuns: 1500 },
  )
})
