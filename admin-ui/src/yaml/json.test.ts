import { describe, expect, it } from 'vitest'
import { type Edit, edit, readDocument, YamlEditError } from './index.ts'
import { edited } from './testing/check.ts'
import { documentText } from './testing/generate.ts'
import { randomEdit, readAll } from './testing/model.ts'
import { Random } from './testing/random.ts'

const RULE = `{
  "kind": "VirtualService",
  "spec": {
    "hosts": ["reviews"],
    "http": [
      {
        "route": []
      }
    ]
  }
}
`
const asJson = (text: string, ...edits: readonly Edit[]) => {
  const after = edited(text, ...edits)
  JSON.parse(after)
  return after
}

describe('a document that is JSON stays JSON', () => {
  it('an entry that is added takes a line for each of its own, as its neighbours do', () => {
    expect(asJson(RULE, { op: 'set', path: ['spec', 'http', 0, 'timeout'], value: '5s' })).toBe(
      RULE.replace('"route": []', '"route": [],\n        "timeout": "5s"'),
    )
    expect(asJson(RULE, { op: 'set', path: ['spec', 'http', 0, 'fault', 'abort', 'httpStatus'], value: 503 })).toBe(
      RULE.replace(
        '"route": []',
        `"route": [],
        "fault": {
          "abort": {
            "httpStatus": 503
          }
        }`,
      ),
    )
  })

  it('what was empty opens', () => {
    expect(asJson(RULE, { op: 'append', path: ['spec', 'http', 0, 'route'], value: { weight: 1 } })).toBe(
      RULE.replace(
        '[]',
        `[
          {
            "weight": 1
          }
        ]`,
      ),
    )
  })

  it('what stands on one line stays on it', () => {
    expect(asJson(RULE, { op: 'append', path: ['spec', 'hosts'], value: 'cart' })).toBe(
      RULE.replace('["reviews"]', '["reviews", "cart"]'),
    )
    expect(asJson('{"a":{"b":1},"c":[]}', { op: 'set', path: ['a', 'd'], value: { e: [1, 'x'] } })).toBe(
      '{"a":{"b":1,"d":{"e":[1,"x"]}},"c":[]}',
    )
    expect(asJson('{"c": {}}', { op: 'set', path: ['c', 'd'], value: null })).toBe('{"c": {"d": null}}')
  })

  it('a value that is replaced, taken out or moved, and a key that gets another name', () => {
    expect(asJson(RULE, { op: 'set', path: ['spec', 'hosts', 0], value: 'y' })).toBe(RULE.replace('reviews', 'y'))
    expect(asJson(RULE, { op: 'delete', path: ['spec', 'http'] })).toBe(
      RULE.replace(/,\n {4}"http"[^$]*? {4}\]\n/, '\n'),
    )
    expect(asJson(RULE, { op: 'delete', path: ['spec', 'hosts', 0] })).toBe(RULE.replace('["reviews"]', '[]'))
    expect(asJson(RULE, { op: 'rename', path: ['spec', 'http'], value: 'tcp' })).toBe(RULE.replace('http', 'tcp'))
    expect(asJson('{\n\t"a": 1,\n\t"b": 2\n}', { op: 'move', path: ['b'], value: 0 })).toBe('{\n\t"b": 2,\n\t"a": 1\n}')
  })

  it('as a whole, and with nothing left in it', () => {
    expect(asJson('{"a": 1}', { op: 'set', path: [], value: { b: [true] } })).toBe('{"b": [true]}')
    expect(asJson('{"a": 1}\n', { op: 'delete', path: ['a'] })).toBe('{}\n')
  })

  it('tabs and CRLF are kept', () => {
    expect(asJson('{\r\n\t"a": {}\r\n}\r\n', { op: 'set', path: ['a', 'b'], value: { c: 1 } })).toBe(
      '{\r\n\t"a": {\r\n\t\t"b": {\r\n\t\t\t"c": 1\r\n\t\t}\r\n\t}\r\n}\r\n',
    )
  })

  it.each(['', 'a"b\\c', 'two\nlines\t\0', '\u0085\u2028\ufeff', '\ud800', '😀', 'true', '\x7f'])(
    'the text %j comes back as it was',
    (value) => {
      const after = asJson('{"a": 1}', { op: 'set', path: ['a'], value }, { op: 'set', path: [`k${value}`], value })
      expect(JSON.parse(after)).toEqual({ a: value, [`k${value}`]: value })
    },
  )

  it('a number that JSON cannot write is refused, and one that is written otherwise in YAML is written its way', () => {
    expect(() => edited('{"a": 1}', { op: 'set', path: ['a'], value: Number.POSITIVE_INFINITY })).toThrow(/JSON/)
    expect(asJson('{"a": 1.50}', { op: 'set', path: ['b'], value: 1e21 })).toBe('{"a": 1.50, "b": 1e+21}')
  })

  it('braces that are no JSON are written as YAML', () => {
    expect(edited('{a: 1, "b": x}', { op: 'set', path: ['c'], value: 'z' })).toBe('{a: 1, "b": x, c: z}')
    expect(edited('{}\n', { op: 'set', path: ['c'], value: 'z' })).toBe('c: z\n')
  })

  it('whatever the edit, with the layout of whoever wrote it', () => {
    let written = 0
    for (let seed = 1; seed <= 600; seed++) {
      const random = new Random(seed)
      const [data] = readAll(documentText(random)) ?? []
      const layouts = [undefined, 2, '\t'] as const
      const text = JSON.stringify({ first: data ?? null, second: [] }, null, random.pick(layouts))
      const value = readDocument(text, 0).value
      if (value === undefined) continue
      try {
        const { text: after } = edit(text, [randomEdit(random, value, 0)])
        expect(() => JSON.parse(after), `seed ${seed}: ${after}`).not.toThrow()
        written++
      } catch (problem) {
        if (!(problem instanceof YamlEditError)) throw problem
      }
    }
    expect(written).toBeGreaterThan(300)
  })
})
