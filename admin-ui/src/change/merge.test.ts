import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDocuments } from '../yaml/index.ts'
import { appendDocument, mergeTexts, withoutDocuments } from './merge.ts'
import { mergeLines } from './merge-lines.ts'

const base = `kind: VirtualService
metadata: { name: a }
spec:
  # stable first
  http:
    - route:
        - { destination: { host: a, subset: v1 }, weight: 90 }
        - { destination: { host: a, subset: v2 }, weight: 10 }
  timeout: 1s
---
kind: DestinationRule
metadata: { name: a }
spec:
  host: a
`

describe('lines', () => {
  it('that do not touch come together', () => {
    expect(mergeLines('a\nb\nc\nd\n', 'A\nb\nc\nd\n', 'a\nb\nc\nD\n')).toBe('A\nb\nc\nD\n')
  })

  it('that touch do not', () => {
    expect(mergeLines('a\nb\n', 'A\nb\n', 'a\nB\n')).toBeUndefined()
    expect(mergeLines('a\n', 'b\n', 'c\n')).toBeUndefined()
  })

  it('changed in the same way by both are changed once', () => {
    expect(mergeLines('a\nb\nc\n', 'A\nb\nc\n', 'A\nb\nC\n')).toBe('A\nb\nC\n')
  })

  it('of random texts: a merge with an unchanged side is the other side', () => {
    const text = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n', 'x\n')).map((lines) => lines.join(''))
    fc.assert(
      fc.property(text, text, (one, two) => {
        expect(mergeLines(one, two, one)).toBe(two)
        expect(mergeLines(one, one, two)).toBe(two)
        expect(mergeLines(one, two, two)).toBe(two)
      }),
    )
  })

  it('of random texts: what one side puts before a line and the other behind a later one both arrive', () => {
    const line = fc.constantFrom('a\n', 'b\n', 'c\n')
    fc.assert(
      fc.property(fc.array(line, { minLength: 3 }), (lines) => {
        const text = lines.join('')
        expect(mergeLines(text, `first\n${text}`, `${text}last\n`)).toBe(`first\n${text}last\n`)
      }),
    )
  })
})

describe('texts', () => {
  it('with changes on different lines keep every byte of both, comments included', () => {
    const theirs = base.replace('timeout: 1s', 'timeout: 2s # slower')
    const mine = base.replace('# stable first', '# stable goes first')
    expect(mergeTexts(base, theirs, mine)).toEqual({
      kind: 'merged',
      by: 'lines',
      text: base.replace('timeout: 1s', 'timeout: 2s # slower').replace('# stable first', '# stable goes first'),
    })
  })

  it('with different values on one line come together by value', () => {
    const flow = 'kind: X\nmetadata: { name: a }\nspec: { a: 1, b: 2 } # kept\n'
    const merged = mergeTexts(flow, flow.replace('a: 1', 'a: 10'), flow.replace('b: 2', 'b: 20'))
    expect(merged).toEqual({
      kind: 'merged',
      by: 'values',
      text: 'kind: X\nmetadata: { name: a }\nspec: { a: 10, b: 20 } # kept\n',
    })
  })

  it('that give one value two meanings clash, and a person picks', () => {
    const theirs = base.replace('weight: 90', 'weight: 80').replace('weight: 10', 'weight: 20')
    const mine = base.replace('weight: 90', 'weight: 75').replace('weight: 10', 'weight: 25')
    const clash = mergeTexts(base, theirs, mine)
    expect(clash).toMatchObject({
      kind: 'clash',
      clashes: [
        {
          object: 'VirtualService//a',
          path: ['spec', 'http', 0, 'route', 0, 'weight'],
          base: 90,
          theirs: 80,
          mine: 75,
        },
        {
          object: 'VirtualService//a',
          path: ['spec', 'http', 0, 'route', 1, 'weight'],
          base: 10,
          theirs: 20,
          mine: 25,
        },
      ],
    })
    const picks = {
      'VirtualService//a spec.http[0].route[0].weight': 'mine',
      'VirtualService//a spec.http[0].route[1].weight': 'mine',
    } as const
    const picked = mergeTexts(base, theirs, mine, picks)
    expect(picked.kind === 'merged' && picked.text).toBe(mine)
  })

  it('never come together by lines when the meaning would be neither side’s', () => {
    const both = 'kind: X\nmetadata: { name: a }\nspec:\n  a: 1\n  z: 1\n'
    const merged = mergeTexts(both, both.replace('  a: 1\n', '  b: 1\n  a: 1\n'), `${both}  b: 2\n`)
    expect(merged).toMatchObject({ kind: 'clash', clashes: [{ path: ['spec', 'b'], theirs: 1, mine: 2 }] })
  })

  it('with documents only one side has, or has deleted, keep and lose them', () => {
    const [first] = base.split('---\n')
    const merged = mergeTexts(base, first!, `${base}---\nkind: Mine\nmetadata: { name: m }\n`)
    expect(merged.kind).toBe('merged')
    const kinds = readDocuments(merged.kind === 'merged' ? merged.text : '').map(
      ({ value }) => (value as { kind: string }).kind,
    )
    expect(kinds).toEqual(['VirtualService', 'Mine'])
  })

  it('that cannot be read and overlap are not touched', () => {
    expect(mergeTexts('a: 1\n', 'a: 2\n', 'a: [\n')).toMatchObject({ kind: 'unreadable' })
  })
})

describe('items of a List', () => {
  const list = (...items: string[]) =>
    `apiVersion: v1\nitems:\n${items.map((one) => `- kind: A\n  metadata: {name: ${one}}\n`).join('')}kind: List\n`

  it('are merged each by itself, by its name', () => {
    const theirs = list('a', 'b', 'c # theirs').replace('{name: a}', '{name: a, labels: {x: "1"}}')
    const mine = list('a', 'c').replace('{name: a}', '{name: a, labels: {y: "2"}}')
    const merged = mergeTexts(list('a', 'b', 'c'), theirs.replace('c # theirs}', 'c} # theirs'), mine)
    expect(merged).toMatchObject({ kind: 'merged', by: 'values' })
    const text = (merged as { text: string }).text
    expect(readDocuments(text).map(({ value }) => value)).toEqual([
      { kind: 'A', metadata: { name: 'a', labels: { x: '1', y: '2' } } },
      { kind: 'A', metadata: { name: 'c' } },
    ])
    expect(text).toContain('{name: c} # theirs\nkind: List\n')
  })

  it('that only mine has come behind as documents of their own', () => {
    const theirs = list('a').replace('{name: a}', '{name: a, x: 1}')
    const mine = list('a', 'b # mine').replace('b # mine}', 'b} # mine').replace('{name: a}', '{name: a, z: 1}')
    const merged = mergeTexts(list('a'), theirs, mine) as { text: string }
    expect(merged.text).toBe(
      `${list('a').replace('{name: a}', '{name: a, x: 1, z: 1}')}---\nkind: A\nmetadata: {name: b} # mine\n`,
    )
  })

  it('are taken out one by one, beside documents', () => {
    expect(withoutDocuments(`${list('a', 'b')}---\nc: 1\n---\n${list('d')}`, [0, 2, 3])).toBe(
      `${list('b')}---\n${list('d').replace(/items:\n[\s\S]*(?=kind: List)/, 'items: []\n')}`,
    )
  })
})

describe('documents of a text', () => {
  it('are taken out with their marker', () => {
    expect(withoutDocuments('a: 1\n---\nb: 1\n---\nc: 1\n', [1])).toBe('a: 1\n---\nc: 1\n')
    expect(withoutDocuments('a: 1\n---\nb: 1\n', [0])).toBe('b: 1\n')
    expect(withoutDocuments('a: 1\n', [0])).toBe('')
  })

  it('are put behind with a marker', () => {
    expect(appendDocument('a: 1\n', '---\nb: 1\n')).toBe('a: 1\n---\nb: 1\n')
    expect(appendDocument('', '---\nb: 1\n')).toBe('b: 1\n')
    expect(appendDocument('a: 1\r\n', 'b: 1\r\n')).toBe('a: 1\r\n---\r\nb: 1\r\n')
  })
})
