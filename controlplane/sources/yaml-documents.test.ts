import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Path } from '../diagnostics/diagnostic.ts'
import type { ReadLimits } from './limits.ts'
import { readDocuments } from './yaml-documents.ts'

const read = (text: string | Uint8Array, limits?: Partial<ReadLimits>) =>
  readDocuments('f.yaml', typeof text === 'string' ? Buffer.from(text) : text, limits)
const values = (text: string) => {
  const { documents, diagnostics } = read(text)
  expect(diagnostics.filter((it) => it.severity === 'error')).toEqual([])
  return documents.map((document) => document.value)
}
const only = (text: string) => values(text)[0]
/** `CODE line:column` of every complaint. */
const complaints = (text: string | Uint8Array, limits?: Partial<ReadLimits>) =>
  read(text, limits).diagnostics.map((it) => `${it.code} ${it.line}:${it.column}`)

describe('documents of a file', () => {
  test('are numbered from 0, empty ones left out', () => {
    const { documents } = read('# head\n---\na: 1\n---\n---\n# nothing\n---\nnull\n---\nb: 2\n')
    expect(documents.map(({ id, index, value }) => [id, index, value])).toEqual([
      ['f.yaml#0', 0, { a: 1 }],
      ['f.yaml#1', 1, { b: 2 }],
    ])
  })

  test('may be JSON, indented with tabs too', () => {
    expect(only('{\n\t"a": [1, "x", null],\n\t"b": {"c": true}\n}\n')).toEqual({ a: [1, 'x', null], b: { c: true } })
  })

  test('read the same with CRLF, with lone CR and after a byte order mark', () => {
    const text = 'a: 1\nb:\n- x\n- |\n  y\n  z\n'
    const expected = { a: 1, b: ['x', 'y\nz\n'] }
    expect(only(text)).toEqual(expected)
    expect(only(text.replaceAll('\n', '\r\n'))).toEqual(expected)
    expect(only(text.replaceAll('\n', '\r'))).toEqual(expected)
    expect(only(`\ufeff${text}`)).toEqual(expected)
  })

  test('one bad document does not take the others of the file', () => {
    for (const bad of ['a: "open', 'a: [1, 2', 'a: b: c', '\ta: 1', '- x\ny: 1', 'a: 1\na: 2', '*x', '{{ x }}']) {
      const { documents, diagnostics } = read(`a: 1\n---\n${bad}\n---\nb: 2\n`)
      expect(documents.map((it) => it.value)).toEqual([{ a: 1 }, { b: 2 }])
      expect(documents.map((it) => it.index)).toEqual([0, 2])
      expect(diagnostics).toHaveLength(1)
      expect(diagnostics[0]).toMatchObject({ severity: 'error', file: 'f.yaml' })
      expect(diagnostics[0]?.line).toBeGreaterThanOrEqual(3)
      expect(diagnostics[0]?.line).toBeLessThan(4 + bad.split('\n').length)
    }
  })
})

describe('a List', () => {
  const list = 'apiVersion: v1\nkind: List\nitems:\n- kind: A\n  x: 1\n- kind: B\n  y: {z: 2}\n---\nkind: C\n'

  test('gives a document per item, each with exact places', () => {
    const { documents } = read(list)
    expect(documents.map((it) => it.value)).toEqual([{ kind: 'A', x: 1 }, { kind: 'B', y: { z: 2 } }, { kind: 'C' }])
    expect(documents.map((it) => it.id)).toEqual(['f.yaml#0', 'f.yaml#1', 'f.yaml#2'])
    expect(documents[0]?.locate(['x'])).toEqual({ file: 'f.yaml', line: 5, column: 6 })
    expect(documents[1]?.locate(['y', 'z'], 'key')).toEqual({ file: 'f.yaml', line: 7, column: 7 })
    expect(documents[1]?.locate([])).toEqual({ file: 'f.yaml', line: 6, column: 3 })
    expect(documents[2]?.locate(['kind'])).toEqual({ file: 'f.yaml', line: 9, column: 7 })
  })

  test('may hold Lists', () => {
    const inner = 'apiVersion: v1, kind: List'
    expect(values(`{${inner}, items: [{${inner}, items: [{a: 1}, {b: 2}]}, {c: 3}]}`)).toEqual([
      { a: 1 },
      { b: 2 },
      { c: 3 },
    ])
  })

  test('an edit changes the revision of the item it is in, and of no other', () => {
    const before = read(list).documents
    const after = read(list.replace('x: 1', 'x: 9')).documents
    expect(after.map((it, index) => it.revision === before[index]?.revision)).toEqual([false, true, true])
  })

  test('with aliases between items, an edit changes all of them', () => {
    const shared = 'apiVersion: v1\nkind: List\nitems:\n- a: &x 1\n- b: *x\n'
    const before = read(shared).documents
    const after = read(shared.replace('&x 1', '&x 2')).documents
    expect(after[1]?.value).toEqual({ b: 2 })
    expect(after[1]?.revision).not.toBe(before[1]?.revision)
  })

  test('with a key twice in one item gives the others, and that one as broken', () => {
    const { documents, diagnostics } = read(list.replace('  x: 1\n', '  x: {a: 1, a: 2}\n'))
    expect(documents.map(({ broken, value }) => [(value as { kind: string }).kind, broken])).toEqual([
      ['A', true],
      ['B', false],
      ['C', false],
    ])
    expect(diagnostics).toMatchObject([{ code: 'SOURCE_DUPLICATE_KEY', line: 5, path: 'items[0].x.a' }])
    expect(read(list.replace('kind: List', 'kind: List\nkind: List')).documents).toHaveLength(1)
  })

  test('of one kind says version and kind of items that say neither, as for kubectl', () => {
    const typed = 'apiVersion: b/v1\nkind: AList\nmetadata: {resourceVersion: "7"}\nitems:\n- x: 1\n- kind: C\n'
    const { documents } = read(typed)
    expect(documents.map((it) => it.value)).toEqual([{ apiVersion: 'b/v1', kind: 'A', x: 1 }, { kind: 'C' }])
    expect(documents[0]?.locate(['x'])).toEqual({ file: 'f.yaml', line: 5, column: 6 })
    const other = read(typed.replace('b/v1', 'b/v2')).documents
    expect(other.map((it, index) => it.revision === documents[index]?.revision)).toEqual([false, true])
  })

  test.each(['items: []', 'items: ~', 'items:'])('with %s gives nothing, and no complaint', (items) => {
    expect(read(`apiVersion: v1\nkind: List\n${items}\n`)).toMatchObject({ documents: [], diagnostics: [] })
  })

  test('gives items that are no objects as they are: they are complained about by their place', () => {
    const { documents } = read('kind: List\nitems:\n- ~\n- text\n- {a: 1}\n')
    expect(documents.map((it) => it.value)).toEqual([null, 'text', { a: 1 }])
    expect(documents.map((it) => it.locate([]).line)).toEqual([3, 4, 5])
  })

  test.each(['kind: List', 'kind: List\nspec: {}\nitems: []', 'kind: List\nitems: {}', 'items: [{a: 1}]'])(
    'is not %j: that is a document as any other',
    (text) => expect(read(text).documents).toHaveLength(1),
  )
})

describe('values are read by the YAML 1.2 core schema', () => {
  test('a %YAML 1.1 directive changes nothing', () => {
    expect(only('%YAML 1.1\n---\na: yes\nb: 0o17\nc: 2001-01-01\n')).toEqual({ a: 'yes', b: 15, c: '2001-01-01' })
  })

  test('words that Kubernetes reads as booleans stay text, with a warning at the place', () => {
    const { documents, diagnostics } = read('a: on\nb: [No, "off"]\non: 1\n')
    expect(documents[0]?.value).toEqual({ a: 'on', b: ['No', 'off'], on: 1 })
    expect(diagnostics.map((it) => [it.code, it.severity, it.line, it.column, it.path])).toEqual([
      ['SOURCE_AMBIGUOUS', 'warning', 1, 4, 'a'],
      ['SOURCE_AMBIGUOUS', 'warning', 2, 5, 'b[0]'],
    ])
  })

  test('0755 is decimal, with a warning', () => {
    expect(only('a: 0755')).toEqual({ a: 755 })
    expect(complaints('a: 0755')).toEqual(['SOURCE_AMBIGUOUS 1:4'])
  })

  test('timestamps, base 60 and underscores stay text', () => {
    expect(only('[2001-12-14t21:59:43.10-05:00, 12:30, 1_000]')).toEqual([
      '2001-12-14t21:59:43.10-05:00',
      '12:30',
      '1_000',
    ])
  })

  test('whole numbers beyond 2^53 become text with all digits', () => {
    const text =
      '[9007199254740991, 9007199254740993, -9007199254740993, +0012345678901234567890, 0xffffffffffffffff, 1e3]'
    expect(only(text)).toEqual([
      9007199254740991,
      '9007199254740993',
      '-9007199254740993',
      '12345678901234567890',
      '18446744073709551615',
      1000,
    ])
  })

  test('unknown tags are ignored with a warning; !!str is understood', () => {
    expect(only('a: !!str 12\nb: !mine x\n')).toEqual({ a: '12', b: 'x' })
    expect(complaints('a: !!str 12\nb: !mine x\n')).toEqual(['SOURCE_TAG 2:4'])
  })
})

describe('keys', () => {
  test('numbers and booleans become text', () => {
    const value = only('8080: a\ntrue: b\n0x10: c\n1.5: d\n12345678901234567890: e\n') as Record<string, unknown>
    expect(Object.keys(value).sort()).toEqual(['1.5', '12345678901234567890', '16', '8080', 'true'])
  })

  test('that stand twice are an error at the second one, all of them, naming the first', () => {
    const { documents, diagnostics } = read('a: 1\nb:\n  x: 1\n  "x": 2\na: 2\n8: x\n"8": y\n')
    expect(documents).toEqual([])
    expect(diagnostics.map((it) => `${it.code} ${it.line}:${it.column} ${it.path}`)).toEqual([
      'SOURCE_DUPLICATE_KEY 4:3 b.x',
      'SOURCE_DUPLICATE_KEY 5:1 a',
      'SOURCE_DUPLICATE_KEY 7:1 ["8"]',
    ])
    expect(diagnostics[1]?.message).toContain('first at line 1')
  })

  test('that are mappings, lists or nothing are refused', () => {
    expect(complaints('? {a: 1}\n: 2\n')).toEqual(['SOURCE_KEY 1:3'])
    expect(complaints('a:\n  : 2\n')).toEqual(['SOURCE_KEY 2:3'])
    expect(complaints('host: {{ .Values.host }}\n')).toEqual(['SOURCE_KEY 1:8'])
  })

  test('of the object prototype are harmless: __proto__ is refused, the others are keys', () => {
    expect(complaints('a:\n  __proto__: {polluted: true}\n')).toEqual(['SOURCE_KEY 2:3'])
    expect(complaints('b: &b {"__proto__": {polluted: true}}\na: {<<: *b}\n')).toEqual(['SOURCE_KEY 1:8'])
    const value = only('constructor: {prototype: {polluted: true}}\ntoString: x\nhasOwnProperty: y\n') as Record<
      string,
      unknown
    >
    expect(Object.keys(value)).toEqual(['constructor', 'toString', 'hasOwnProperty'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('anchors, aliases and merge keys', () => {
  test('own keys win over merged ones, earlier mappings over later ones, wherever << stands', () => {
    const text = 'base: &b {x: 1, y: 2}\nmore: &m {y: 5, z: 3}\nv: {x: 9, <<: [*b, *m]}\nw:\n  <<: *m\n  z: 0\n'
    expect(only(text)).toMatchObject({ v: { x: 9, y: 2, z: 3 }, w: { y: 5, z: 0 } })
  })

  test('a merge takes an inline mapping and an alias of a list', () => {
    expect(only('a: {<<: {x: 1}, y: 2}')).toEqual({ a: { x: 1, y: 2 } })
    expect(only('l: &l [{x: 1}, {x: 2, y: 3}]\na: {<<: *l}')).toMatchObject({ a: { x: 1, y: 3 } })
  })

  test('a quoted "<<" is a key as any other', () => {
    expect(only('"<<": {x: 1}')).toEqual({ '<<': { x: 1 } })
  })

  test('an alias means the last anchor of its name before it', () => {
    expect(only('[&a 1, *a, &a 2, *a]')).toEqual([1, 1, 2, 2])
  })

  test('an alias without anchor, inside itself, or a merge of something else is an error at its place', () => {
    expect(complaints('a: 1\nb: *a\n')).toEqual(['SOURCE_ANCHOR 2:4'])
    expect(complaints('a: &a\n  b: [*a]\n')).toEqual(['SOURCE_ANCHOR 2:7'])
    expect(complaints('a: &a 1\nb:\n  <<: *a\n')).toEqual(['SOURCE_ANCHOR 3:7'])
    expect(complaints('a: {<<: }\n')).toEqual(['SOURCE_ANCHOR 1:9'])
  })

  test('a host that begins with a star says what to do', () => {
    const { diagnostics } = read('hosts:\n- *.example.com\n')
    expect(diagnostics[0]).toMatchObject({
      code: 'SOURCE_ANCHOR',
      line: 2,
      column: 3,
      hint: 'Put the value in quotes: "*.example.com".',
    })
  })
})

describe('syntax errors name the place and what to do', () => {
  test.each([
    ['a:\n\tb: 1\n', '2:1', 'tab'],
    ['a: b: c\n', '1:4', 'second "key:"'],
    ['a:\n  b: 1\n c: 2\n', '3:2', 'column'],
    ['x: 1\na: "open\nb: 1\n', '2:4', 'never closed'],
    ['a:\n  b: "open\n  c: 1\nd: "x"\n', '2:6', 'not closed before a line that is not indented'],
    ["a:\n  b: 'one\n two'\nc: 'x'\n", '2:6', 'not closed before a line that is not indented'],
    ['a: [{b: "one\ntwo"}]\nc: "x"\n', '1:9', 'not closed before a line that is not indented'],
    ["a: 'it's\n", '1:8', 'after the closing quote'],
    ['a: [1, 2\nb: 3\n', '1:4', 'not closed'],
    ['{"a": {"b": 1}\n', '1:1', 'not closed'],
    ['a: 1\nb\nc: 2\n', '2:1', 'without ":"'],
    ['a: 1\n- b\n', '2:1', 'list item'],
    ['- a\nb: 1\n', '2:1', 'does not belong here'],
    ['a: "\\d"\n', '1:5', 'escape'],
    ['a: @x\n', '1:4', 'cannot start with @'],
    ['a: ]\n', '1:4', 'without its opening'],
    ['{"a":1}\n{"b":2}\n', '2:1', 'second value'],
    ['a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n', '2:1', 'merge conflict'],
    ['a: x\u0001y\n', '1:5', 'control character'],
  ])('%j', (text, place, words) => {
    const { documents, diagnostics } = read(text)
    expect(documents).toEqual([])
    expect(diagnostics).toHaveLength(1)
    expect(`${diagnostics[0]?.line}:${diagnostics[0]?.column}`).toBe(place)
    expect(diagnostics[0]?.message).toContain(words)
    expect(diagnostics[0]?.hint).toBeTruthy()
  })

  test('an unfilled template is named as such', () => {
    expect(read('a: {{ x }} y\n').diagnostics[0]?.hint).toContain('template')
  })
})

describe('limits', () => {
  test('a file over the size limit is not parsed', () => {
    expect(complaints('a: 123456\n', { fileBytes: 9 })).toEqual(['SOURCE_TOO_LARGE 1:1'])
  })

  test('nesting is limited, written out or by aliases, in any style', () => {
    for (const deep of ['['.repeat(50_000), '{a: '.repeat(50_000), '- '.repeat(50_000), nestedBlock(300)]) {
      expect(complaints(deep).map((it) => it.split(' ')[0])).toEqual(['SOURCE_TOO_DEEP'])
    }
    const chain = Array.from({ length: 200 }, (_, i) => (i === 0 ? 'k0: &k0 [x]' : `k${i}: &k${i} [*k${i - 1}]`)).join(
      '\n',
    )
    expect(complaints(chain)[0]).toMatch(/^SOURCE_TOO_DEEP/)
    expect(complaints(`${'['.repeat(100)}1${']'.repeat(100)}`)).toEqual([])
    expect(complaints(`${'['.repeat(101)}1${']'.repeat(101)}`)).toHaveLength(1)
  })

  test('nested aliases cannot make billions of values', () => {
    const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 12; i++)
      rows.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    expect(complaints(rows.join('\n'))[0]).toMatch(/^SOURCE_ALIAS_LIMIT/)
    const maps = rows.map((row) =>
      row
        .replace('[x, x, x, x, x, x, x, x, x]', '{p: x, q: x}')
        .replace(/\[(\*a\d+).*\]/, '{p: $1, q: $1, r: $1, s: $1, t: $1}'),
    )
    expect(complaints(maps.join('\n'))[0]).toMatch(/^SOURCE_ALIAS_LIMIT/)
  })

  test('merge keys cannot either, nor thousands of aliases of one large mapping', () => {
    const large = `base: &b {${Array.from({ length: 1000 }, (_, i) => `k${i}: 1`).join(', ')}}\n`
    const merges = Array.from({ length: 1000 }, (_, i) => `m${i}: {<<: *b}`).join('\n')
    expect(complaints(large + merges)[0]).toMatch(/^SOURCE_ALIAS_LIMIT/)
    expect(complaints(`${large}m: {<<: [${Array(9000).fill('*b').join(', ')}]}`)[0]).toMatch(/^SOURCE_ALIAS_LIMIT/)
    expect(complaints(`a: &a 1\nb: [${Array(20).fill('*a').join(', ')}]`, { aliases: 10 })).toEqual([
      'SOURCE_ALIAS_LIMIT 2:45',
    ])
  })

  test('values of a document are limited', () => {
    expect(complaints(`[${'1,'.repeat(1000)}]`, { nodes: 500 })[0]).toMatch(/^SOURCE_TOO_LARGE/)
    expect(complaints(`[${'1,'.repeat(400)}]`, { nodes: 500 })).toEqual([])
  })

  test('documents of a file are limited', () => {
    expect(complaints('a\n---\n'.repeat(6), { documents: 5 })).toEqual(['SOURCE_TOO_LARGE 1:1'])
  })

  test.each([
    ['blank lines', `a: 1\n${'\n'.repeat(20_000)}`],
    ['comments', `[\n${'# c\n'.repeat(20_000)}]`],
    ['aliases', `a: &a 1\nb:\n${'- *a\n'.repeat(20_000)}`],
    ['tags', '!!str '.repeat(20_000)],
    ['anchors', '&a '.repeat(20_000)],
    ['commas', `[${','.repeat(20_000)}`],
    ['question marks', '? '.repeat(20_000)],
    ['unclosed keys', `{${'"a\n'.repeat(20_000)}`],
  ])('a document of nothing but %s ends in one complaint, early', (_, text) => {
    const { documents, diagnostics } = read(text, { nodes: 1000 })
    expect(documents).toEqual([])
    expect(diagnostics).toHaveLength(1)
  })

  test('complaints about one file are limited and counted', () => {
    const { diagnostics } = read(Array.from({ length: 50 }, () => 'a: *x').join('\n---\n'), { diagnostics: 10 })
    expect(diagnostics).toHaveLength(11)
    expect(diagnostics[10]?.message).toContain('40 complaints')
  })

  test('no bytes make it throw, and every complaint stands in the file', () => {
    const token = fc.constantFrom(
      'a: ',
      '- ',
      '? ',
      ': ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '&a ',
      '*a',
      '<<: ',
      '|',
      '>-',
      '"',
      "'",
      '#',
      '\n',
      '\n  ',
      '\n---\n',
      '\t',
      '!!str ',
      '!x ',
      '%YAML 1.1\n',
      '\\',
      '0x',
      'é',
      '\ufeff',
      '\r',
      '...\n',
      '@',
      '`',
      '__proto__: ',
    )
    const file = fc.oneof(
      fc.array(token, { maxLength: 30 }).map((tokens) => Buffer.from(tokens.join(''))),
      fc.uint8Array({ maxLength: 40 }),
    )
    fc.assert(
      fc.property(file, (bytes) => {
        const { documents, diagnostics } = read(bytes)
        const lines = Buffer.from(bytes)
          .toString('latin1')
          .split(/\r\n|\r|\n/).length
        for (const it of diagnostics) {
          expect(it.line).toBeLessThanOrEqual(lines)
          expect(it.line * it.column).toBeGreaterThan(0)
          expect(it.message).not.toBe('')
        }
        for (const document of documents) document.locate([])
      }),
      { numRuns: 2000 },
    )
  })
})

describe('locate', () => {
  test('key, value, missing and nothing', () => {
    const [document] = read(
      '# c\nspec:\n  hosts:\n  - a.example\n  - "b"\n  http: &h\n    - match: {uri: {exact: /x}}\n  empty:\n  text: |\n    x\n',
    ).documents
    const at = (path: Path, on?: 'key' | 'value') => {
      const { line, column } = document?.locate(path, on) ?? { line: 0, column: 0 }
      return `${line}:${column}`
    }
    expect(at([])).toBe('2:1')
    expect(at(['spec'], 'key')).toBe('2:1')
    expect(at(['spec'])).toBe('3:3')
    expect(at(['spec', 'hosts', 0])).toBe('4:5')
    expect(at(['spec', 'hosts', 1], 'key')).toBe('5:5')
    expect(at(['spec', 'http', 0, 'match', 'uri', 'exact'])).toBe('7:28')
    expect(at(['spec', 'http', 0, 'match', 'uri', 'exact'], 'key')).toBe('7:21')
    expect(at(['spec', 'empty'], 'key')).toBe('8:3')
    expect(at(['spec', 'empty'])).toBe('8:9')
    expect(at(['spec', 'text'])).toBe('9:9')
    expect(at(['spec', 'hosts', 7])).toBe('3:3')
    expect(at(['spec', 'http', 0, 'route', 3, 'weight'])).toBe('7:7')
    expect(at(['nowhere', 'at', 'all'])).toBe('2:1')
  })

  test('through an alias and a merge key it leads to where the text is', () => {
    const [document] = read('base: &b\n  port: 80\nx: *b\ny:\n  <<: *b\n').documents
    expect(document?.locate(['x'])).toMatchObject({ line: 3, column: 4 })
    expect(document?.locate(['x', 'port'])).toMatchObject({ line: 2, column: 9 })
    expect(document?.locate(['y', 'port'], 'key')).toMatchObject({ line: 2, column: 3 })
  })

  test('points at the node, for any document in any layout', () => {
    fc.assert(
      fc.property(randomFile, ({ text, nodes }) => {
        const { documents, diagnostics } = read(text)
        expect(diagnostics).toEqual([])
        const lines = text.split('\n')
        for (const { index, path, word, on } of nodes) {
          const { line, column } = documents[index]?.locate(path, on) ?? { line: 0, column: 0 }
          const rest = lines[line - 1]?.slice(column - 1)
          expect(rest?.replace(/^["']/, '').startsWith(word), `${word} at ${line}:${column} of\n${text}`).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('revision', () => {
  test('is equal for equal text at an equal place only', () => {
    const first = (text: string, index = 0) => read(text).documents[index]?.revision
    expect(first('a: 1\n')).toBe(first('a: 1\n'))
    expect(first('a: 2\n')).not.toBe(first('a: 1\n'))
    expect(first('# one line more\n---\na: 1\n')).not.toBe(first('---\na: 1\n'))
    expect(first('a: 1\n---\nb: 1\n', 1)).toBe(first('c: 1\n---\nb: 1\n', 1))
  })
})

function nestedBlock(depth: number): string {
  return Array.from({ length: depth }, (_, i) => `${' '.repeat(i)}k:`).join('\n')
}

interface Node {
  readonly index: number
  readonly path: Path
  readonly word: string
  readonly on: 'key' | 'value'
}

/** Files written out by hand here, every key and scalar a word of its own, so that its place is known without a parser. */
const randomFile = fc.array(fc.infiniteStream(fc.nat(7)), { minLength: 1, maxLength: 4 }).map((streams) => {
  const nodes: Node[] = []
  let word = 0
  const documents = streams.map((stream, index) => {
    const pick = () => stream.next().value as number
    const scalar = (path: Path): string => {
      const text = `w${word++}w`
      nodes.push({ index, path, word: text, on: 'value' })
      return [text, `"${text}"`, `'${text}'`, text][pick() % 4] as string
    }
    const key = (path: Path): [string, Path] => {
      const text = `w${word++}w`
      const own = [...path, text]
      nodes.push({ index, path: own, word: text, on: 'key' })
      return [pick() === 0 ? `"${text}"` : text, own]
    }
    const flow = (path: Path, depth: number): string => {
      const kind = depth > 3 ? 0 : pick() % 3
      if (kind === 0) return scalar(path)
      const count = 1 + (pick() % 3)
      if (kind === 1) return `[${Array.from({ length: count }, (_, i) => flow([...path, i], depth + 1)).join(', ')}]`
      const entries = Array.from({ length: count }, () => {
        const [text, own] = key(path)
        return `${text}: ${flow(own, depth + 1)}`
      })
      return `{${entries.join(pick() % 2 ? ', ' : ' ,  ')}}`
    }
    const block = (path: Path, indent: string, depth: number): string => {
      const noise = () => (pick() === 0 ? `${indent}# comment: [w\n` : '')
      const kind = depth > 3 ? 2 : pick() % 3
      const count = 1 + (pick() % 3)
      if (kind === 2) return `${noise()}${indent}${flow(path, depth)}${pick() === 0 ? ' # c' : ''}\n`
      return Array.from({ length: count }, (_, i) => {
        if (kind === 0) return `${noise()}${indent}-\n${block([...path, i], `${indent}  `, depth + 1)}`
        const [text, own] = key(path)
        const below = pick() % 2 ? `\n${block(own, `${indent}  `, depth + 1)}` : ` ${flow(own, depth + 1)}\n`
        return `${noise()}${indent}${text}:${below}`
      }).join('')
    }
    return block([], '', 0)
  })
  return { text: documents.join('---\n'), nodes }
})
