import { expect, it } from 'vitest'
import type { Path } from './index.ts'
import { diffToEdits, edit, openText, readDocuments, textPosition } from './index.ts'
import { sampleFiles } from './testing/samples.ts'

const samples = sampleFiles()

it.skipIf(samples.length === 0)(
  'every document of the cases, opened and left alone, keeps every byte',
  { timeout: 120_000 },
  () => {
    let documents = 0
    for (const { name, text } of samples) {
      for (const { document, value, error } of readDocuments(text)) {
        expect(error, name).toBeUndefined()
        expect(diffToEdits(value, structuredClone(value), { document })).toEqual([])
        expect(edit(text, [{ op: 'set', document, path: [], value }])).toEqual({ text, changes: [], reports: [] })
        documents++
      }
    }
    expect(documents).toBeGreaterThan(samples.length)
  },
)

it.skipIf(samples.length === 0)(
  'one field changed in every document of the cases changes the bytes of that value alone',
  { timeout: 300_000 },
  () => {
    let fields = 0
    for (const { name, text } of samples) {
      const open = openText(text)
      for (const { document, value, error } of readDocuments(open)) {
        const all = error ? [] : leaves(value)
        for (const path of all.filter((_, i) => i % Math.max(1, Math.floor(all.length / 3)) === 0)) {
          const after = structuredClone(value)
          const fresh = changed(after, path)
          const place = textPosition(open, document, path)
          const result = edit(text, diffToEdits(value, after, { document }), { sharing: 'everywhere' })
          expect(result.reports, `${name} ${path.join('.')}`).toEqual([])
          expect(result.changes.length).toBeLessThanOrEqual(2)
          if (place.exact) {
            for (const { from, to } of result.changes)
              expect(from >= place.value.from && to <= place.value.to, `${name} ${path.join('.')}`).toBe(true)
          }
          const now = readDocuments(result.text)[document]?.value
          expect(path.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], now)).toBe(fresh)
          fields++
        }
      }
    }
    expect(fields).toBeGreaterThan(800)
  },
)

function leaves(value: unknown, base: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return base.length > 0 && value !== null ? [base] : []
  return Object.entries(value).flatMap(([key, item]) =>
    leaves(item, [...base, Array.isArray(value) ? Number(key) : key]),
  )
}

function changed(root: unknown, path: Path): unknown {
  const holder = path.slice(0, -1).reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], root) as Record<
    string | number,
    unknown
  >
  const last = path.at(-1)!
  const old = holder[last]
  holder[last] = typeof old === 'number' ? old + 1 : typeof old === 'boolean' ? !old : `${String(old).split('\n')[0]}-x`
  return holder[last]
}
