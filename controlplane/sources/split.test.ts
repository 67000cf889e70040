import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { checkEncoding, firstInvalidUtf8, splitDocuments } from './split.ts'

const split = (text: string) => splitDocuments(Buffer.from(text))
const texts = (text: string) => split(text).map((piece) => piece.text)

describe('a file is cut into its documents', () => {
  test('at lines that are --- or begin with --- and a blank', () => {
    expect(texts('a: 1\n---\nb: 2\n--- # c\nc: 3\n---\td\n')).toEqual([
      'a: 1\n',
      '---\nb: 2\n',
      '--- # c\nc: 3\n',
      '---\td\n',
    ])
  })

  test('not at ---x, at an indented --- or at dashes within a line', () => {
    const text = '---x: 1\na: |\n  ---\n  b\nc: x---\n'
    expect(texts(text)).toEqual([text])
  })

  test('a --- ends a block text and an open quote too, as YAML demands', () => {
    expect(texts('a: "open\n---\nb: |\n---\nc: 1\n')).toEqual(['a: "open\n', '---\nb: |\n', '---\nc: 1\n'])
  })

  test('... ends a document; what follows is a new one', () => {
    expect(texts('a: 1\n...\nb: 2\n...\n# end\n')).toEqual(['a: 1\n', 'b: 2\n'])
  })

  test('directives belong to the document below them', () => {
    expect(texts('%YAML 1.2\n---\na: 1\n...\n%TAG ! !x\n---\nb: 2\n')).toEqual([
      '%YAML 1.2\n---\na: 1\n',
      '%TAG ! !x\n---\nb: 2\n',
    ])
  })

  test('pieces of blanks and comments only are left out', () => {
    expect(texts('')).toEqual([])
    expect(texts('\n \t\n# only a comment\n---\n---\n# another\n--- # third\n')).toEqual([])
  })

  test('lines before each piece are counted, with LF, CRLF and lone CR', () => {
    for (const eol of ['\n', '\r\n', '\r']) {
      const pieces = split(['# head', '---', 'a: 1', '---', '# c', 'b: 2', ''].join(eol))
      expect(pieces.map((piece) => piece.line)).toEqual([0, 3])
    }
  })

  test('a byte order mark is taken off at the start of the file and of a document', () => {
    expect(texts('\ufeffa: 1\n\ufeff---\nb: 2\n')).toEqual(['a: 1\n', '---\nb: 2\n'])
  })

  test('the cut gives the same documents as parsing the whole file, for any text without errors', () => {
    const line = fc.constantFrom(
      'a: 1',
      'b:',
      '  c: x',
      '- d',
      '---',
      '--- e',
      '...',
      '# f',
      '',
      'g: |',
      '  h',
      ' ---',
      '"i',
      'j"',
      '%YAML 1.2',
      '---k',
    )
    const file = fc.array(line, { maxLength: 14 }).map((lines) => lines.join('\n'))
    fc.assert(
      fc.property(file, (text) => {
        const whole = parseAllDocuments(text, { logLevel: 'silent' })
        if (!Array.isArray(whole) || whole.some((document) => document.errors.length > 0)) return
        const values = whole.map((document) => document.toJS() as unknown).filter((value) => value !== null)
        const cut = texts(text)
          .map((piece) => parseAllDocuments(piece, { logLevel: 'silent' }))
          .flatMap((documents) => (Array.isArray(documents) ? documents : []))
          .map((document) => document.toJS() as unknown)
          .filter((value) => value !== null)
        expect(cut).toEqual(values)
      }),
      { numRuns: 1500 },
    )
  })

  test('together with the lines before them, pieces stand where they stood', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a: 1', '---', '# c', '', '...', 'b: |'), { maxLength: 20 }), (lines) => {
        for (const { text, line } of split(lines.join('\n'))) {
          const own = text.replace(/\n$/, '').split('\n')
          expect(lines.slice(line, line + own.length)).toEqual(own)
        }
      }),
    )
  })
})

describe('bytes that are no UTF-8 text', () => {
  test('the first bad byte is named by offset, line and column', () => {
    const bytes = Buffer.concat([Buffer.from('a: 1\nä: '), Buffer.from([0xc3, 0x28])])
    expect(checkEncoding(bytes)).toEqual({ message: 'invalid UTF-8 at byte 9 (0xc3)', line: 2, column: 4 })
  })

  test('a NUL byte makes a file binary', () => {
    expect(checkEncoding(Buffer.from('a: 1\nb: \0'))).toMatchObject({ line: 2, column: 4 })
  })

  test('UTF-16 is named as such', () => {
    expect(checkEncoding(Buffer.from('\ufeffa: 1', 'utf16le'))?.message).toContain('UTF-16')
  })

  test('the search agrees with the strict decoder of the platform', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const valid = (bytes: Uint8Array) => {
      try {
        strict.decode(bytes)
        return true
      } catch {
        return false
      }
    }
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => new Uint8Array(Buffer.from(text))),
      fc
        .constantFrom([0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82])
        .map((list) => Uint8Array.from(list)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const bytes = Buffer.concat(pieces)
        const bad = firstInvalidUtf8(bytes)
        expect(bad === bytes.length).toBe(valid(bytes))
        expect(valid(bytes.subarray(0, bad))).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })
})
