import { expect, it } from 'vitest'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { edit, openText, type Path, readDocuments, textPosition } from '../yaml/index.ts'
import { sampleFiles } from '../yaml/testing/samples.ts'
import { controlsOf, type ShownControl } from './controls.ts'
import { same, setField } from './edits.ts'
import { keptFields } from './fields.ts'
import { isMap, valueAt } from './schema.ts'

const samples = sampleFiles()

/** Documents of the cases whose kind has a form. */
function* forms() {
  for (const { name, text } of samples) {
    const open = openText(text)
    for (const { document, value, error } of readDocuments(open)) {
      const schema = isMap(value) ? kindSchema(String(value['kind'])) : undefined
      if (!error && schema) yield { name, text, open, document, value, schema }
    }
  }
}

it.skipIf(samples.length === 0)(
  'a form that is opened and saved untouched changes no byte, whatever the document',
  { timeout: 120_000 },
  () => {
    const seen = new Map<string, number>()
    for (const { name, text, document, value, schema } of forms()) {
      const controls = controlsOf(schema, value)
      const edits = controls.flatMap(({ path, value: held }) => setField(value, path, structuredClone(held)))
      expect(edits, `${name} #${document}`).toEqual([])
      expect(edit(text, edits).text).toBe(text)
      seen.set(schema.title!, (seen.get(schema.title!) ?? 0) + 1)
    }
    for (const kind of ['VirtualService', 'DestinationRule', 'MetaRouter'])
      expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(5)
  },
)

it.skipIf(samples.length === 0)(
  'every value of a document is either shown by a control or listed as kept, never both and never neither',
  { timeout: 120_000 },
  () => {
    for (const { name, value, schema, document } of forms()) {
      const kept = keptFields(schema, value).map(({ path }) => path)
      const shown = controlsOf(schema, value).map(({ path }) => path)
      const covers = (all: readonly Path[], leaf: Path) =>
        all.filter((path) => path.every((step, i) => leaf[i] === step))
      for (const leaf of leaves(value)) {
        const times = covers(kept, leaf).length + covers(shown, leaf).length
        expect(times, `${name} #${document} ${leaf.join('.')}`).toBe(1)
      }
    }
  },
)

it.skipIf(samples.length === 0)(
  'one control changed in a form changes the bytes of that one node',
  { timeout: 300_000 },
  () => {
    let fields = 0
    for (const { name, text, open, document, value, schema } of forms()) {
      const controls = controlsOf(schema, value)
      for (const one of controls.filter((_, i) => i % Math.max(1, Math.floor(controls.length / 2)) === 0)) {
        const after = changed(one)
        const edits = setField(value, one.path, after).map((made) => ({ ...made, document }))
        expect(edits).toHaveLength(1)
        const place = textPosition(open, document, one.path)
        const result = edit(text, edits, { sharing: 'everywhere' })
        const where = `${name} #${document} ${one.path.join('.')}`
        expect(result.reports, where).toEqual([])
        // An empty collection that gets an item loses the blank before it too; a new item may stand behind the last one's comment.
        const first = typeof one.value === 'object' ? (place.key?.from ?? place.value.from) : place.value.from
        if (place.exact)
          for (const { from, to } of result.changes)
            expect((from >= first && to <= place.value.to) || from === to, where).toBe(true)
        const now = readDocuments(result.text)[document]?.value
        expect(same(valueAt(now, one.path), after), where).toBe(true)
        fields++
      }
    }
    expect(fields).toBeGreaterThan(400)
  },
)

function changed({ control, value, schema }: ShownControl): unknown {
  switch (control) {
    case 'number':
      return Number(value) + 1
    case 'toggle':
      return !value
    case 'duration':
      return value === '7s' ? '8s' : '7s'
    case 'choice':
      return schema.enum?.find((one) => one !== value) ?? `${value}-x`
    case 'texts':
      return [...(value as readonly string[]), 'one-more']
    case 'pairs':
      return { ...(value as object), 'one-more': 'x' }
    case 'percent':
      return { value: ((value as { value?: number }).value ?? 0) + 1 }
    case 'match': {
      const [[kind, held] = ['exact', '']] = Object.entries(value as Readonly<Record<string, string>>)
      return { [kind]: `${held}x` }
    }
    case 'values':
      return Array.isArray(value) ? [...value, 'one-more'] : typeof value === 'number' ? value + 1 : `${value}x`
    default:
      return typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${value}x`
  }
}

function leaves(value: unknown, base: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return value === null ? [] : [base]
  return Object.entries(value).flatMap(([key, item]) =>
    leaves(item, [...base, Array.isArray(value) ? Number(key) : key]),
  )
}
