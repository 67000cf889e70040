import { expect, it } from 'vitest'
import type { Edit } from './index.ts'
import { applyChanges, edit, invertChanges, readDocuments, YamlEditError } from './index.ts'
import { checked } from './testing/check.ts'
import { documentText, dressed, key, scalar } from './testing/generate.ts'
import { intended, randomEdit } from './testing/model.ts'
import { Random } from './testing/random.ts'

const text = '\ufeffa: 1 # one\r\n---\r\nb: [1]\r\n---\r\nc: 3\r\n'

it('edits of several documents give one list of changes on the text as it was', () => {
  const result = checked(text, [
    { op: 'set', document: 2, path: ['c'], value: 30 },
    { op: 'append', document: 1, path: ['b'], value: 2 },
    { op: 'set', document: 0, path: ['d'], value: null },
    { op: 'set', document: 2, path: ['c'], value: 300 },
  ])
  expect(result.text).toBe('\ufeffa: 1 # one\r\nd: null\r\n---\r\nb: [1, 2]\r\n---\r\nc: 300\r\n')
  expect(result.changes).toHaveLength(3)
})

it('all edits are made or none: the error names the edit and the place in the text as it then stood', () => {
  const edits: Edit[] = [
    { op: 'set', document: 0, path: ['x'], value: 1 },
    { op: 'rename', document: 2, path: ['nope'], value: 'y' },
  ]
  try {
    edit(text, edits)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(YamlEditError)
    expect(error).toMatchObject({
      code: 'NO_PATH',
      edit: 1,
      document: 2,
      path: ['nope'],
      position: { line: 6, column: 1 },
    })
  }
})

it('an edit that changes nothing changes no byte', () => {
  const again = readDocuments(text).map(({ document, value }): Edit => ({ op: 'set', document, path: [], value }))
  expect(edit(text, again)).toEqual({ text, changes: [], reports: [] })
})

it('any number of edits in a row mean what they should and are undone at once', () => {
  const random = new Random(11)
  for (let i = 0; i < 150; i++) {
    const start = dressed(random, documentText(random))
    const view = readDocuments(start)[0]
    if (!view || view.error) continue
    let wanted = view.value
    const edits: Edit[] = []
    for (let n = random.below(8); n > 0; n--) {
      const one = randomEdit(random, wanted, 0)
      const made = intended(wanted, one)
      if (made === 'invalid') continue
      wanted = made.after
      edits.push(one)
    }
    const result = edit(start, edits, { sharing: 'here' })
    expect(readDocuments(result.text)[0]?.value, start).toEqual(wanted)
    expect(applyChanges(result.text, invertChanges(start, result.changes))).toBe(start)
  }
})

it('everywhere: all who share a value see the edit, whichever way it was reached', () => {
  const random = new Random(5)
  for (let i = 0; i < 200; i++) {
    const shared = { [key(random)]: scalar(random), list: [scalar(random)] }
    const flow = JSON.stringify(shared)
      .replaceAll('\u0085', '\\N')
      .replaceAll('\u2028', '\\L')
      .replaceAll('\ufeff', '\\uFEFF')
    const source = `top: &t ${flow}\nuse: *t\nagain: [*t, {deep: *t}]\n`
    const before = (readDocuments(source)[0]?.value as { top: unknown } | undefined)?.top
    if (before === undefined) continue
    const one = randomEdit(random, before, 0)
    if (one.path.length === 0 || intended(before, one) === 'invalid') continue
    const base = random.pick([['top'], ['use'], ['again', 0], ['again', 1, 'deep']])
    const result = checked(source, [{ ...one, path: [...base, ...one.path] }], { sharing: 'everywhere' })
    const made = intended(before, one) as { after: unknown }
    expect(readDocuments(result.text)[0]?.value).toEqual({
      top: made.after,
      use: made.after,
      again: [made.after, { deep: made.after }],
    })
    expect(result.text).toContain('*t')
  }
})
