import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Edit } from './index.ts'
import { edit, YamlEditError } from './index.ts'
import { checked, edited } from './testing/check.ts'
import { checkEdit } from './testing/properties.ts'
import { Random } from './testing/random.ts'

/** Texts that broke this editor, its prototype or a reader of the result. Each keeps its name. */
const classes: readonly (readonly [name: string, text: string, edit: Edit, after: string])[] = [
  ['a byte order mark before a list', '\ufeff- a\n', { op: 'append', path: [], value: 'b' }, '\ufeff- a\n- b\n'],
  [
    'a block scalar ends at the start of the next line',
    '- - |-\n    x\n- b\n',
    { op: 'delete', path: [0, 0] },
    '- []\n- b\n',
  ],
  [
    'a comment in what is replaced, under an anchor of the mapping around it',
    'host: &n0\n    host:\n       metadata:\n          &n0 false\n     # foot\n\n# end\n',
    { op: 'set', path: ['host', 'host'], value: 176 },
    'host: &n0\n    host: 176\n\n# end\n',
  ],
  [
    'an item behind a block scalar',
    'a:\n- |\n  x\n- b\n',
    { op: 'insert', path: ['a', 1], value: 'c' },
    'a:\n- |\n  x\n- c\n- b\n',
  ],
  [
    'a literal would swallow a deeper comment',
    '- 0\n      # c\n',
    { op: 'set', path: [0], value: 'a\nb' },
    '- "a\\nb"\n      # c\n',
  ],
  [
    'a literal with + would swallow blank lines',
    'a: 1\n\nb: 2\n',
    { op: 'set', path: ['a'], value: 'x\n\n' },
    'a: "x\\n\\n"\n\nb: 2\n',
  ],
  [
    'a blank line would join |+ above',
    'a: |+\n  x\nb: 1\n\nc: 2\n',
    { op: 'delete', path: ['b'] },
    'a: |+\n  x\nc: 2\n',
  ],
  [
    'a comment behind a root that becomes a block',
    '[] # c\n',
    { op: 'set', path: [], value: { a: 'x\ny' } },
    '# c\na: "x\\ny"\n',
  ],
  [
    'a pair in a list is replaced as one',
    '[1.2.3.4, 001:db8::]\n',
    { op: 'set', path: [1], value: 'x' },
    '[1.2.3.4, x]\n',
  ],
  [
    'moving in a list with one item a line',
    '[\n  a,\n  b\n]\n',
    { op: 'move', path: [1], value: 0 },
    '[\n  b,\n  a\n]\n',
  ],
  ['a text that starts with a line break', '\n- a\n', { op: 'insert', path: [0], value: 'b' }, '\n- b\n- a\n'],
  ['a key of digits', '8080: a\n', { op: 'set', path: ['8080'], value: 'b' }, '8080: b\n'],
  [
    'a value on the line below its key',
    'a.b/c:\n   1_000\nb: 1\n',
    { op: 'set', path: ['a.b/c'], value: [1] },
    'a.b/c:\n- 1\nb: 1\n',
  ],
  [
    'an empty map on the line below its key',
    '- k:\n     {}\n  # c\n',
    { op: 'set', path: [0, 'k', 'a'], value: 1 },
    '- k:\n    a: 1\n  # c\n',
  ],
  [
    '__proto__ is a key like any other',
    'a: 1\n',
    { op: 'set', path: ['__proto__', 'x'], value: 1 },
    'a: 1\n__proto__:\n  x: 1\n',
  ],
  ['the first document of several', 'a: 1\n---\nb: 1\n', { op: 'delete', path: ['a'] }, '{}\n---\nb: 1\n'],
  [
    'text behind the end of a document',
    'a: 1\n...\n# c\n',
    { op: 'set', path: ['b'], value: 2 },
    'a: 1\nb: 2\n...\n# c\n',
  ],
  [
    'spaces of dashes count as indentation',
    '- - a: 1\n',
    { op: 'set', path: [0, 0, 'b'], value: 2 },
    '- - a: 1\n    b: 2\n',
  ],
  ['a key without value in a flow map', '{a, b: 1}\n', { op: 'set', path: ['a'], value: 'x' }, '{a: x, b: 1}\n'],
]

describe('classes of texts that broke once', () => {
  it.each(classes)('%s', (_, text, one, after) => {
    expect(edited(text, one)).toBe(after)
  })

  it('an alias means the nearest node above with its anchor, also when that stands inside another of the same name', () => {
    const text = 'a: &n\n  b: &n 1\nc: *n\n'
    expect(checked(text, [{ op: 'rename', path: ['a', 'b'], value: 'd' }], { sharing: 'here' }).text).toBe(
      'a: &n\n  d: &n 1\nc: *n\n',
    )
  })

  it('an item put behind an inherited list keeps what is in it', () => {
    const text = 'a: &n\n  b: [1]\nc:\n  <<: *n\n'
    const append: Edit = { op: 'append', path: ['c', 'b'], value: 2 }
    const here = checked(text, [append], { sharing: 'here' })
    expect(parseAllDocuments(here.text, { merge: true }).map((document) => document.toJS())).toEqual([
      { a: { b: [1] }, c: { b: [1, 2] } },
    ])
    expect(here.reports.map(({ code }) => code)).toEqual(['overridden'])
    expect(checked(text, [append], { sharing: 'everywhere' }).text).toBe('a: &n\n  b: [1, 2]\nc:\n  <<: *n\n')
  })

  it('a key without text that << brings has the name it has where it stands, also when it was written out', () => {
    const text = 'a: &n\n  null:\n    b: 1\n<<: *n\n'
    const rename: Edit = { document: 0, op: 'rename', path: ['a', '', 'b'], value: 'c' }
    const { failure, after } = checkEdit(0, text, () => rename, new Random(1))
    expect(failure).toBeUndefined()
    expect(after).toBe('a: &n\n  null:\n    c: 1\n<<:\n  "":\n    b: 1\n')
  })

  it('an item does not move above the anchor it needs', () => {
    const result = checked('- &n 1\n- - *n\n- 2\n', [{ op: 'move', path: [0], value: 1 }])
    expect(result.text).toBe('- - 1\n- &n 1\n- 2\n')
    expect(result.reports.map(({ code }) => code)).toEqual(['copied'])
  })

  it('a pair in a list that gets a second entry is written with braces', () => {
    const result = checked('[a: 1, b] # c\n', [{ op: 'set', path: [0, 'x'], value: 2 }])
    expect(result.text).toBe('[{a: 1, x: 2}, b] # c\n')
    expect(result.reports.map(({ code }) => code)).toEqual(['rerendered'])
  })

  it('a key with ? and no colon is written anew, with a report', () => {
    const result = checked('? a\n    # c\nb: 1\n', [{ op: 'set', path: ['a'], value: 1 }])
    expect(parseAllDocuments(result.text).map((document) => document.toJS())).toEqual([{ a: 1, b: 1 }])
    expect(result.reports.map(({ code }) => code)).toEqual(['rerendered'])
  })

  it('numbers and strings of one name are two keys for YAML and one here: refused', () => {
    expect(() => edit('8080: a\n"8080": b\n', [{ op: 'set', path: ['8080'], value: 1 }])).toThrow(/stands twice/)
  })

  it('%YAML 1.1 changes what words mean, for the documents after it', () => {
    const text = '%YAML 1.1\n---\na: yes\n---\nb: no\n'
    expect(edited(text, { op: 'set', path: ['a'], value: true })).toBe(text)
    expect(edited(text, { op: 'set', path: ['a'], value: 'yes' })).toBe(text.replace('yes', '"yes"'))
  })

  it('a tab behind a dash is an error: nothing is edited, the place is told', () => {
    try {
      edit('a: 1\n---\nb:\n-\ta: 1\n', [{ op: 'set', path: ['b'], value: 1, document: 1 }])
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(YamlEditError)
      expect((error as YamlEditError).code).toBe('SYNTAX')
      expect((error as YamlEditError).position?.line).toBe(4)
    }
  })

  it('a broken document does not keep the others from being edited', () => {
    expect(edited('a: [\n---\nb: 1\n', { op: 'set', document: 1, path: ['b'], value: 2 })).toBe('a: [\n---\nb: 2\n')
  })
})

describe('an error has the place the reader needs', () => {
  it.each([
    ['a: b: c\n', 1, 4],
    ['a:\n  - b\n c: 1\n', 3, 1],
    ['a: 1\nb: [1,,2]\n', 2, 7],
    ['a: 1\nb: 2\na: 3\n', 3, 1],
    ['a: *x\n', 1, 4],
    ['a: "x\n', 2, 1],
  ])('%j: line %i, column %i', (text, line, column) => {
    try {
      edit(text, [{ op: 'set', path: ['z'], value: 1 }])
      expect.unreachable()
    } catch (error) {
      expect((error as YamlEditError).position).toMatchObject({ line, column })
    }
  })
})

describe('refusals', () => {
  const harmless: Edit = { op: 'set', path: ['ok'], value: 1 }

  const cases: readonly (readonly [string, Edit, string])[] = [
    ['a: 1\n', { op: 'set', path: ['a', 'b'], value: 1 }, 'KIND'],
    ['a: 1\n', { op: 'append', path: ['a'], value: 1 }, 'KIND'],
    ['a: 1\n', { op: 'delete', path: ['b'] }, 'NO_PATH'],
    ['a: [1]\n', { op: 'set', path: ['a', 3], value: 1 }, 'NO_PATH'],
    ['a: [1]\n', { op: 'move', path: ['a', 0], value: 1 }, 'NO_PATH'],
    ['a: 1\nb: 2\n', { op: 'rename', path: ['a'], value: 'b' }, 'EXISTS'],
    ['a: 1\n', { op: 'insert', path: ['a'], value: 1 }, 'EXISTS'],
    ['a: 1\n', { op: 'set', path: ['a'], value: new Date(0) }, 'VALUE'],
    ['a: 1\n', { op: 'set', path: ['k'.repeat(2000)], value: 1 }, 'VALUE'],
    ['a: 1\n', { op: 'set', document: 3, path: ['a'], value: 1 }, 'NO_DOCUMENT'],
    ['a: [1\n', { op: 'set', path: ['a'], value: 1 }, 'SYNTAX'],
    ['a: *x\n', { op: 'set', path: ['a'], value: 1 }, 'SYNTAX'],
    ['a: &x [*x]\n', { op: 'set', path: ['b'], value: 1 }, 'CIRCULAR'],
  ]

  it.each(cases)('%j, %j: %s', (text, one, code) => {
    try {
      edit(text, code === 'SYNTAX' || code === 'CIRCULAR' ? [one] : [harmless, one])
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof YamlEditError)) throw error
      expect(error.code).toBe(code)
      expect(error.path).toEqual(one.path)
      if (code !== 'NO_DOCUMENT') expect(error.position?.line).toBeGreaterThan(0)
    }
  })
})
