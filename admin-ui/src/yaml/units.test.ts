import { describe, expect, it } from 'vitest'
import { readDocuments as sourceDocuments } from '../../../controlplane/sources/index.ts'
import { documentText, edit, formatPath, invertChanges, pathAt, readDocuments, textPosition } from './index.ts'

/** As kubectl prints what it found: `kind` behind the items. */
const LIST = `# of the cluster
apiVersion: v1
items:
# the first
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata:
    name: a   # kept
  spec:
    hosts: [a]
# the second
- kind: DestinationRule
  metadata: { name: b }
  spec:
    # about the host
    host: b
    text: |
      two
       lines
kind: List
metadata:
  resourceVersion: ""
---
kind: Gateway
metadata: {name: c}
`

const names = (text: string) =>
  readDocuments(text).map(({ value }) => (value as { metadata?: { name: string } } | null)?.metadata?.name)

describe('items of a List are documents', () => {
  it('with their values, and the stretch of text they take with the comments above', () => {
    const views = readDocuments(LIST)
    expect(views.map(({ document, place }) => [document, formatPath(place)])).toEqual([
      [0, 'items[0]'],
      [1, 'items[1]'],
      [2, '(root)'],
    ])
    expect(names(LIST)).toEqual(['a', 'b', 'c'])
    const [a, b] = views.map(({ from, to }) => LIST.slice(from, to))
    expect(a).toMatch(/^# the first\n- apiVersion[\s\S]*hosts: \[a\]\n$/)
    expect(b).toMatch(/^# the second\n- kind[\s\S]* {7}lines\n$/)
  })

  it('whose paths begin at the item', () => {
    expect(textPosition(LIST, 1, ['spec', 'host'])).toMatchObject({ line: 16, column: 5, exact: true, document: 1 })
    const at = (word: string) => pathAt(LIST, LIST.indexOf(word) + 1)
    expect(at('hosts: [a')).toEqual({ document: 0, path: ['spec', 'hosts'], on: 'key' })
    expect(at('host: b')).toEqual({ document: 1, path: ['spec', 'host'], on: 'key' })
    expect(at('# the second')).toMatchObject({ document: 1, path: [] })
    expect(at('kind: Gateway')).toEqual({ document: 2, path: ['kind'], on: 'key' })
    // The head of the List is in no item: it is shown as its nearest one, and as no field of it.
    expect(at('apiVersion: v1')).toMatchObject({ document: 0, path: [] })
    expect(at('resourceVersion')).toMatchObject({ document: 1, path: [] })
  })

  it('and are numbered as the control plane numbers them', () => {
    const inner = 'apiVersion: v1\n  kind: List\n  items: [{a: 1}, {b: 2}]'
    for (const text of [LIST, `${LIST}---\n${LIST}`, `kind: List\nitems:\n- ${inner}\n- {c: 3}\n---\nd: 4\n`]) {
      const theirs = sourceDocuments('a.yaml', Buffer.from(text)).documents.map(({ value }) => value)
      expect(readDocuments(text).map(({ value }) => value)).toEqual(theirs)
    }
  })

  it('of a List of one kind say version and kind as it does', () => {
    const text = 'apiVersion: x/v1\nkind: ThingList\nitems:\n- metadata: {name: a}\n- kind: Own\n'
    expect(readDocuments(text).map(({ value }) => value)).toEqual([
      { apiVersion: 'x/v1', kind: 'Thing', metadata: { name: 'a' } },
      { kind: 'Own' },
    ])
  })

  it.each([
    ['kind: List\nitems: []\n', 0],
    ['kind: List\nitems:\n', 0],
    ['kind: List\n', 1],
    ['kind: List\nitems: {a: 1}\n', 1],
    ['kind: List\nspec: {}\nitems: [{a: 1}]\n', 1],
    ['kind: List\nitems: [{a: 1}\n', 1],
    ['kind: Listed\nitems: [{a: 1}]\n', 1],
  ])('%j is %i documents', (text, count) => expect(readDocuments(text)).toHaveLength(count))
})

describe('an edit of an item', () => {
  it.each([
    [0, ['spec', 'hosts', 0], 'x', 'hosts: [a]', 'hosts: [x]'],
    [0, ['metadata', 'name'], 'x', 'name: a   # kept', 'name: x   # kept'],
    [1, ['spec', 'host'], 'x', 'host: b\n', 'host: x\n'],
    [1, ['metadata', 'labels', 'k'], 'v', '{ name: b }', '{ name: b, labels: { k: v } }'],
    [1, ['spec', 'more'], 1, '       lines\n', '       lines\n    more: 1\n'],
    [2, ['metadata', 'name'], 'x', '{name: c}', '{name: x}'],
  ] as const)('of document %i at %j changes only its bytes, and is undone', (document, path, value, before, after) => {
    const { text, changes } = edit(LIST, [{ document, path, op: 'set', value }])
    expect(text).toBe(LIST.replace(before, after))
    const back = invertChanges(LIST, changes)
    expect(back.reduceRight((out, { from, to, insert }) => out.slice(0, from) + insert + out.slice(to), text)).toBe(
      LIST,
    )
  })

  it('in a flow list stays in its braces', () => {
    const json = '{"apiVersion": "v1", "kind": "List", "items": [\n  {"kind": "A", "x": 1},\n  {"kind": "B"}\n]}\n'
    const { text } = edit(json, [{ document: 1, path: ['x'], op: 'set', value: 'y' }])
    expect(readDocuments(text)[1]?.value).toEqual({ kind: 'B', x: 'y' })
    expect(text.slice(0, text.indexOf('"B"'))).toBe(json.slice(0, json.indexOf('"B"')))
    expect(text.slice(text.indexOf(']'))).toBe(json.slice(json.indexOf(']')))
  })

  it('that deletes it leaves the others, and the last one an empty List', () => {
    const without = (text: string, ...documents: number[]) =>
      edit(
        text,
        documents.map((document) => ({ document, path: [], op: 'delete' })),
      ).text
    expect(names(without(LIST, 0))).toEqual(['b', 'c'])
    expect(without(LIST, 0)).not.toContain('# the first')
    expect(without(LIST, 0)).toContain('# the second\n- kind: DestinationRule')
    const none = without(LIST, 1, 0)
    expect(names(none)).toEqual(['c'])
    expect(none).toContain('items: []\nkind: List\n')
  })

  it('that cannot be made says the path as the item has it, and changes nothing', () => {
    const wrong = () => edit(LIST, [{ document: 1, path: ['spec', 'host', 'x'], op: 'delete' }])
    expect(wrong).toThrow(expect.objectContaining({ document: 1, path: ['spec', 'host', 'x'] }))
    expect(() => edit(LIST, [{ document: 3, path: ['a'], op: 'set', value: 1 }])).toThrow(/document number 4/)
  })

  it('that shares a value with another item asks first', () => {
    const shared = 'kind: List\nitems:\n- {x: &v {a: 1}}\n- {x: *v}\n'
    const set = { document: 1, path: ['x', 'a'], op: 'set', value: 2 } as const
    expect(() => edit(shared, [set])).toThrow(expect.objectContaining({ code: 'SHARED' }))
    const { text } = edit(shared, [set], { sharing: 'here' })
    expect(readDocuments(text).map(({ value }) => value)).toEqual([{ x: { a: 1 } }, { x: { a: 2 } }])
  })
})

describe('an item as a text of its own', () => {
  it('has no dash and no indentation, and keeps its comments', () => {
    expect(documentText(LIST, 1)).toBe(
      '# the second\nkind: DestinationRule\nmetadata: { name: b }\nspec:\n  # about the host\n  host: b\n' +
        '  text: |\n    two\n     lines\n',
    )
    expect(documentText(LIST, 2)).toBe('---\nkind: Gateway\nmetadata: {name: c}\n')
  })

  it.each([
    ['kind: List\nitems:\n  -\n    a: 1\n    # c\n    b: 2\n', 0, 'a: 1\n# c\nb: 2\n'],
    ['kind: List\nitems:\n  - # c\n    a: 1\n', 0, '# c\na: 1\n'],
    ['apiVersion: v2\nkind: AList\nitems:\n- x: 1\n', 0, 'apiVersion: v2\nkind: A\nx: 1\n'],
    ['kind: List\nitems: [{a: 1}, {b: 2}]\n', 1, '{b: 2}\n'],
    ['kind: List\nitems:\n- &a {x: 1}\n- *a\n', 1, 'x: 1\n'],
    ['kind: List\nitems:\n- x: 1', 0, 'x: 1\n'],
    ['items:\n- x: 1\n  # of x\n# of the List\nkind: List\n', 0, 'x: 1\n# of x\n'],
    ['items:\n- x: |\n    a\n\nkind: List\n', 0, 'x: |\n  a\n'],
  ])('of %j', (text, document, own) => expect(documentText(text, document)).toBe(own))
})
