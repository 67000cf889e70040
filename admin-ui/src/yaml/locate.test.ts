import { describe, expect, it } from 'vitest'
import type { Path } from './index.ts'
import { openText, pathAt, readDocuments, textPosition } from './index.ts'
import { sampleFiles } from './testing/samples.ts'

const text = `# head
a:
- name: one
  # about b
  b: 2 # two

- {c: [x, yy]}
---
d: &d
  e: 1
f: *d
`

describe('textPosition', () => {
  it.each([
    [0, ['a'], 2, 1, true],
    [0, ['a', 0, 'b'], 5, 3, true],
    [0, ['a', 1, 'c', 1], 7, 11, true],
    [0, ['a', 0, 'nope', 'x'], 3, 3, false],
    [1, ['d', 'e'], 10, 3, true],
    [1, ['f', 'e'], 11, 1, false],
  ] as const)('document %i, %j: line %i, column %i, exact %s', (document, path, line, column, exact) => {
    expect(textPosition(text, document, path)).toMatchObject({ line, column, exact })
  })

  it('follows aliases when asked', () => {
    expect(textPosition(text, 1, ['f', 'e'], { aliases: true })).toMatchObject({ line: 10, column: 3, exact: true })
  })

  it('gives the stretches of key and value, also behind a byte order mark and CRLF', () => {
    const dressed = `\ufeff${text.replaceAll('\n', '\r\n')}`
    const { key, value, column } = textPosition(dressed, 0, ['a', 0, 'b'])
    expect([dressed.slice(key!.from, key!.to), dressed.slice(value.from, value.to), column]).toEqual(['b', '2', 3])
  })
})

describe('pathAt', () => {
  const at = (mark: string, shift = 0) => pathAt(text, text.indexOf(mark) + shift)

  it('knows key and value, and the comment an item owns', () => {
    expect(at('name')).toEqual({ document: 0, path: ['a', 0, 'name'], on: 'key' })
    expect(at('one', 1)).toEqual({ document: 0, path: ['a', 0, 'name'], on: 'value' })
    expect(at('about')).toEqual({ document: 0, path: ['a', 0, 'b'], on: 'key' })
    expect(at('two')).toEqual({ document: 0, path: ['a', 0, 'b'], on: 'value' })
    expect(at('yy')).toEqual({ document: 0, path: ['a', 1, 'c', 1], on: 'value' })
    expect(at('*d')).toEqual({ document: 1, path: ['f'], on: 'value' })
  })

  it('lets the column decide on a blank line', () => {
    const spaced = 'a:\n  b:\n    c: 1\n      \n'
    const line = spaced.lastIndexOf('\n', spaced.length - 2) + 1
    expect(pathAt(spaced, line)?.path).toEqual([])
    expect(pathAt(spaced, line + 2)?.path).toEqual(['a'])
    expect(pathAt(spaced, line + 4)?.path).toEqual(['a', 'b'])
    expect(pathAt(spaced, line + 6)?.path).toEqual(['a', 'b', 'c'])
  })

  it('is undefined while the document cannot be read', () => {
    expect(pathAt('a: [', 2)).toBeUndefined()
  })

  it('finds every key of every case again', { timeout: 120_000 }, () => {
    for (const sample of sampleFiles()) {
      const open = openText(sample.text)
      for (const { document, value, error } of readDocuments(open)) {
        if (error || sample.text.length > 6_000) continue
        for (const path of paths(value)) {
          const place = textPosition(open, document, path)
          if (!place.exact || place.key === undefined) continue
          expect(pathAt(open, place.key.from), sample.name).toEqual({ document, path, on: 'key' })
        }
      }
    }
  })
})

function paths(value: unknown, base: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return base.length > 0 ? [base] : []
  const below = Object.entries(value).flatMap(([key, item]) =>
    paths(item, [...base, Array.isArray(value) ? Number(key) : key]),
  )
  return base.length > 0 ? [base, ...below] : below
}
