import { describe, expect, it } from 'vitest'
import { edit, formatPath, OpenText, pathAt, readDocument, readDocuments, YamlEditError } from './index.ts'
import { checked } from './testing/check.ts'
import { sampleFiles } from './testing/samples.ts'

const LIST = `apiVersion: v1
items:
# the first
- kind: VirtualService
  metadata: {name: a}
  spec:
    hosts: [a]
    # about a

- kind: DestinationRule
  metadata: {name: b}
  spec:
    text: |
      two

       lines
# the third
- kind: Gateway
  metadata: {name: c}
kind: List
metadata: {}
---
kind: Sidecar
metadata: {name: d}
`
const BROKEN = LIST.replace('{name: b}', '{name: b')

const samples = sampleFiles()
const nameOf = (value: unknown) => (value as { metadata?: { name?: string } } | undefined)?.metadata?.name
const everything = (open: OpenText) =>
  Array.from({ length: open.count }, (_, document) => ({
    ...readDocument(open, document),
    head: open.head(document),
    error: undefined,
  }))
/** The same, of a List that is read as a whole and of one whose items are read one by one. */
const bothWays = (text: string) =>
  [Number.POSITIVE_INFINITY, 0].map((largest) => everything(new OpenText(text, largest)))

describe('a List with an item that is no YAML', () => {
  it('has that item broken, and no other: they keep their numbers, their places and their values', () => {
    const views = readDocuments(BROKEN)
    expect(views.map(({ value }) => nameOf(value))).toEqual(['a', undefined, 'c', 'd'])
    expect(views.map(({ place }) => formatPath(place))).toEqual(['items[0]', 'items[1]', 'items[2]', '(root)'])
    expect(views.map(({ error }) => error?.code)).toEqual([undefined, 'SYNTAX', undefined, undefined])
    expect(views[1]!.error!.position!.line).toBeGreaterThanOrEqual(11)
    expect(views[1]!.error!.position!.line).toBeLessThanOrEqual(17)
  })

  it('takes edits of the others, and keeps every byte of the rest', () => {
    const set = { op: 'set', path: ['spec', 'hosts', 0], value: 'z' } as const
    expect(checked(BROKEN, [set]).text).toBe(BROKEN.replace('hosts: [a]', 'hosts: [z]'))
    expect(checked(BROKEN, [{ ...set, document: 2, path: ['spec', 'servers'], value: [] }]).text).toBe(
      BROKEN.replace('{name: c}\n', '{name: c}\n  spec:\n    servers: []\n'),
    )
    expect(() => edit(BROKEN, [{ ...set, document: 1 }])).toThrow(YamlEditError)
    expect(() => edit(BROKEN, [{ document: 0, op: 'delete', path: [] }])).toThrow(/mend it/)
  })

  it('tells where the cursor is, in its items and around them', () => {
    const at = (word: string) => pathAt(BROKEN, BROKEN.indexOf(word) + 1)
    expect(at('hosts')).toEqual({ document: 0, path: ['spec', 'hosts'], on: 'key' })
    expect(at('name: b')).toBeUndefined()
    expect(at('kind: Gateway')).toEqual({ document: 2, path: ['kind'], on: 'key' })
    expect(at('apiVersion')).toEqual({ document: 0, path: [], on: 'value' })
    expect(at('kind: List')).toEqual({ document: 2, path: [], on: 'value' })
    expect(at('kind: Sidecar')).toEqual({ document: 3, path: ['kind'], on: 'key' })
  })

  it.each([
    ['what is around the items', BROKEN.replace('metadata: {}', 'metadata: {')],
    ['the line where items begin', LIST.replace('items:', 'items: [')],
    ['an item that ends nowhere', LIST.replace('{name: a}', '{name: a\n}}')],
  ])('is one document that cannot be read where it is %s', (_, text) => {
    const [list, next, ...others] = readDocuments(text)
    expect([list!.error?.code, nameOf(next!.value), others]).toEqual(['SYNTAX', 'd', []])
  })
})

describe('a large List, whose items are read one by one', () => {
  it.each([
    LIST,
    LIST.replaceAll('\n', '\r\n'),
    `\ufeff${LIST}`,
    `---\n${LIST}`,
    `kind: VirtualServiceList\napiVersion: networking.istio.io/v1\nitems:\n  # c\n  - metadata: {name: a}\n  # deeper\n\n  -\n    metadata: {name: b}\n  # last\n`,
    'kind: List\nitems: # none\n',
    'kind: List\nitems: []\n',
    'kind: List\n"items":\n- &a {b: 1}\n- *a\n',
    'kind: List\nitems:\n- kind: List\n  items:\n  - {a: 1}\n- {b: 2}\n',
    'kind: List\nitems:\n- {a: 1}\n- - 2\n- text\n-\n',
    'kind: List\nitems:\n- a: |\n    text\n    # text, too\n\n- b: >+\n   c\n\n\nmetadata: {}\n',
    'kind: List\nspec: {}\nitems:\n- {a: 1}\n',
  ])('is the same as one that is read as a whole: %j', (text) => {
    const [whole, cut] = bothWays(text)
    expect(cut).toEqual(whole)
  })

  it.skipIf(samples.length === 0)('is the same for everything people write', () => {
    const items = samples
      .filter(({ text }) => text.length < 20_000)
      .flatMap(({ text }) => readDocuments(text).map(({ from, to, error }) => (error ? '' : text.slice(from, to))))
      .map((text) =>
        text
          .replaceAll('\r', '')
          .replace(/^(?:---.*|\.\.\..*|%.*)$/gm, '')
          .trim(),
      )
      .filter((text) => /^(?:[a-z]|#)/.test(text) && !/\t|[&*]|List/.test(text))
    const asItem = (text: string) => `- ${text.replaceAll('\n', '\n  ')}\n`
    const readable = items.map(asItem).filter((one) => readDocuments(one).every(({ error }) => !error))
    expect(readable.length).toBeGreaterThan(100)
    for (let from = 0; from < readable.length; from += 25) {
      const [whole, cut] = bothWays(`kind: List\nitems:\n${readable.slice(from, from + 25).join('')}`)
      expect(whole!.length).toBeGreaterThan(1)
      expect(cut).toEqual(whole)
    }
  })

  it('costs what the item costs that is asked for', () => {
    const open = new OpenText(
      `kind: List\nitems:\n${Array.from({ length: 5_000 }, (_, i) => `- {name: n${i}}\n`).join('')}`,
    )
    expect(readDocument(open, 4_321).value).toEqual({ name: 'n4321' })
    expect(Array.from({ length: open.count }, (_, i) => i).filter((i) => open.isRead(i))).toEqual([4_321])
  })
})
