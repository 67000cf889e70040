import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { casesFolder } from '../../../test/helpers/cases.ts'
import { defaultReadLimits } from '../limits.ts'
import { splitDocuments } from '../split.ts'
import { parseNow } from '../yaml-parse.ts'
import { resolveTree } from '../yaml-resolve.ts'
import { readPlainYaml } from './read.ts'

const DEPTH = 50

/** What the library makes of a text, or why a document with it would not be used as it stands. */
function byLibrary(text: string): { value: unknown } | { refused: unknown } {
  const parsed = parseNow(text, defaultReadLimits)
  if (!parsed.ok) return { refused: parsed.problem }
  if (!parsed.root) return { refused: 'empty' }
  try {
    const { value, warnings, duplicates, usesAliases } = resolveTree(parsed.root, defaultReadLimits)
    const told = [...parsed.warnings, ...warnings, ...duplicates]
    return told.length > 0 || usesAliases ? { refused: told } : { value }
  } catch (error) {
    return { refused: error }
  }
}

/** Whether it is read here; fails when it is, but not as the library reads it. */
function agrees(text: string): boolean {
  const value = readPlainYaml(text, DEPTH)
  if (value === undefined) return false
  expect({ text, ...byLibrary(text) }).toStrictEqual({ text, value })
  return true
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:ya?ml|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}

const examples = fileURLToPath(new URL('../../../examples', import.meta.url))
const samples = ['istio-samples', 'istio-crds', 'metarouter', 'envoy-gateway-xds'].map(casesFolder)
const documentsBelow = (folders: readonly string[]) =>
  folders
    .flatMap(filesBelow)
    .flatMap((file) => splitDocuments(readFileSync(file)))
    .map(({ text }) => text)
    .filter((text) => text.length < 4_000)
const ofOthers = documentsBelow(samples.filter((folder) => folder !== undefined))
const documents = [...documentsBelow([examples]), ...ofOthers]

describe('plain YAML', () => {
  test.each([
    ['block mappings and lists', 'a:\n  b: 1\n  c:\n    - x\n    - y: 2\n      z: true\n  d:\n  - q\ne:\n'],
    [
      'scalars',
      'a: text of words\nb: "q: \\"x\\" # \\\\n"\nc: \'it\'\'s\'\nd: -3\ne: 0.5\nf: null\ng: 10.1.2.3\nh: http://x/y#z\n',
    ],
    ['comments and a document line', '# head\n---\n# more\na: 1 # one\n\n  # odd\nb: "x" # two\n# end\n'],
    ['flow', 'a: {b: [1, "x", y z], c: {}, "d": []}\ne: [\n  {f: g},\n  h\n ]\n'],
    ['JSON', '{"a": [1, {"b":"c"}],\n"d": null}\n'],
    ['literal text', 'a: |\n  x: 1\n    - y\n\n  z # no comment\n\nb:\n- |-\n  q\n- r\n'],
  ])('is read here: %s', (_, text) => {
    expect(agrees(text)).toBe(true)
  })

  test.each([
    'a: &x 1',
    'a: *x',
    'a: !!str 1',
    '<<: {a: 1}',
    'a: >\n  x\n',
    'a: 1\na: 2',
    '__proto__: 1',
    'a: yes',
    'a: 017',
    'a: 0x1f',
    'a: 12345678901234567890',
    'a: x\n  y',
    'a: "x\n  y"',
    '\ta: 1',
    'a: 1\r\n',
    '? a\n: b',
    'a: b: c',
    'null: 1',
    '~: 1',
    '1.0: x',
    'a: {b: 1, b: 2}',
    'a: [1',
    'a: "\\x41"',
    'a:\n  b: 1\n c: 2',
    'text',
    '',
    '# only\n',
    '- - a',
    'a: ::1',
    '%YAML 1.2\n---\na: 1\n',
    'a: |2\n   x\n',
    'a: -',
    'a: {b}',
    'a: [b: c]',
    'a: "x"#c',
    '{{ x }}',
    'a: {{ x }}',
    'a: |\n  x\n b: 1\n',
    'a: \u00a0x',
  ])('is left to the library: %j', (text) => {
    expect(readPlainYaml(text, DEPTH)).toBeUndefined()
  })

  test('is not read deeper than allowed', () => {
    const nested = `${'['.repeat(5)}${']'.repeat(5)}`
    expect([readPlainYaml(nested, 5), readPlainYaml(nested, 4)]).toEqual([[[[[[]]]]], undefined])
  })

  test.skipIf(ofOthers.length === 0)('is most of what people write', () => {
    const read = ofOthers.filter(agrees)
    expect(read.length).toBeGreaterThan(ofOthers.length * 0.8)
  })

  test('is what most examples are', () => {
    expect(documents.filter(agrees).length).toBeGreaterThan(documents.length / 2)
  })

  const runs = Number(process.env['MESHGATE_YAML_CASES'] ?? 1_000)

  test('real documents with changes read as the library reads them, or not at all', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\n',
        ' ',
        '  ',
        '-',
        '- ',
        ': ',
        ':',
        '#',
        ' #',
        '"',
        "'",
        '\\',
        '{',
        '}',
        '[',
        ']',
        ',',
        '|',
        '|\n',
        '>',
        '&a',
        '*a',
        '!',
      ),
      fc.constantFrom(
        '---',
        '\n---\n',
        '...',
        '?',
        '? ',
        '%',
        '@',
        '`',
        '~',
        '.',
        '0',
        '-0',
        '1e3',
        '0o7',
        'yes',
        'null',
        'True',
        '<<: ',
        '__proto__: ',
      ),
      fc.constantFrom(
        '\t',
        '\r\n',
        '\u00a0',
        '\u2028',
        'é',
        '中',
        'a: 1\n',
        '\n\n',
        '\n  ',
        '\n- x',
        ' x: y',
        '{a: b}',
        '[c]',
      ),
    )
    const change = fc.record({ at: fc.nat(), gone: fc.nat({ max: 4 }), come: fc.option(piece, { nil: '' }) })
    const changed = fc
      .tuple(fc.constantFrom(...documents), fc.array(change, { minLength: 1, maxLength: 4 }))
      .map(([text, changes]) =>
        changes.reduce((now, { at, gone, come }) => {
          const from = at % (now.length + 1)
          return now.slice(0, from) + come + now.slice(from + gone)
        }, text),
      )
    fc.assert(
      fc.property(changed, (text) => void onePiece(text).forEach(agrees)),
      { numRuns: runs },
    )
  })

  test('short texts of any signs read as the library reads them, or not at all', () => {
    const sign = fc.constantFrom(
      ...[
        'a',
        'b',
        'a',
        ': ',
        ':',
        ':\n',
        '\n',
        '\n',
        '\n  ',
        '\n ',
        '- ',
        '-',
        '  ',
        ' ',
        '#',
        ' # ',
        '"',
        "'",
        '{',
        '}',
        '[',
        ']',
        ', ',
        ',',
      ],
      ...[
        '|',
        '|-\n',
        '\n   ',
        '1',
        '0',
        '.',
        '-1',
        'e',
        'null',
        'no',
        '\\',
        '\\n',
        '/',
        '中',
        '---\n',
        '?',
        '!',
        '&',
        '*',
        '%',
        '~',
        '\t',
      ],
    )
    const text = fc.array(sign, { maxLength: 14 }).map((signs) => signs.join(''))
    fc.assert(
      fc.property(text, (it) => void onePiece(it).forEach(agrees)),
      { numRuns: runs * 2 },
    )
  })

  test('values in the notation of others read as the library reads them, or not at all', () => {
    const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' })
    const notation = fc.record({
      indent: fc.constantFrom(2, 4),
      indentSeq: fc.boolean(),
      lineWidth: fc.constantFrom(0, 40),
    })
    fc.assert(
      fc.property(value, notation, (it, options) => {
        for (const text of [stringify(it, options), `${JSON.stringify(it)}\n`, `${JSON.stringify(it, null, 2)}\n`])
          onePiece(text).forEach(agrees)
      }),
      { numRuns: runs },
    )
  })
})

/** Texts as the reader gets them: cut at their `---` lines, and without control characters. */
function onePiece(text: string): readonly string[] {
  return splitDocuments(Buffer.from(text)).map((piece) => piece.text)
}
