import { describe, expect, test } from 'vitest'
import { MemorySource } from './memory-source.ts'

const service = (name: string, port = 80) =>
  `kind: Service\nmetadata:\n  name: ${name}\nspec:\n  port: ${port}\n  hosts: [${name}.example]\n`
const broken = (name: string) => service(name).replace('spec:', 'spec: "open')
const file = (...documents: string[]) => documents.join('---\n')
const source = (text: string) => {
  const memory = MemorySource.of({ 'a.yaml': text })
  return {
    set: (next: string | Uint8Array) => memory.set({ 'a.yaml': next }),
    names: () => memory.snapshot.documents.map((it) => (it.value as { metadata: { name: string } }).metadata.name),
    get documents() {
      return memory.snapshot.documents
    },
    get diagnostics() {
      return memory.snapshot.diagnostics
    },
  }
}

describe('the last good version', () => {
  test('of an unreadable document stays, the others are as they are now', () => {
    const it = source(file(service('a'), service('b'), service('c')))
    const [, b] = it.documents
    it.set(file(service('a', 81), broken('b'), service('c', 82)))
    expect(it.names()).toEqual(['a', 'b', 'c'])
    expect(it.documents[1]?.value).toEqual(b?.value)
    expect(it.documents[0]?.value).toMatchObject({ spec: { port: 81 } })
    expect(it.documents[2]?.value).toMatchObject({ spec: { port: 82 } })
    expect(it.diagnostics[0]?.hint).toContain('last valid version of this document stays')
    it.set(file(service('a'), service('b', 90), service('c')))
    expect(it.documents[1]?.value).toMatchObject({ spec: { port: 90 } })
    expect(it.diagnostics).toEqual([])
  })

  test('stays through further edits while the document is still unreadable', () => {
    const it = source(file(service('a'), service('b')))
    it.set(file(service('a'), broken('b')))
    it.set(file(service('a', 85), `${broken('b')}more: "\n`))
    expect(it.names()).toEqual(['a', 'b'])
  })

  test('is found when documents are put before it or taken away', () => {
    const it = source(file(service('a'), service('b'), service('c')))
    it.set(file(service('new'), service('a'), broken('b'), service('c')))
    expect(it.names()).toEqual(['new', 'a', 'b', 'c'])
    it.set(file(broken('b'), service('c')))
    expect(it.names()).toContain('b')
    expect(it.names().filter((name) => name === 'b')).toHaveLength(1)
    expect(new Set(it.documents.map((document) => document.id)).size).toBe(it.documents.length)
  })

  test('of what stood behind stays when the file ends in the middle of a document, as a half-written one does', () => {
    const whole = file(service('a'), service('b'), service('c'), service('d'))
    const it = source(whole)
    it.set(whole.slice(0, whole.indexOf('[b.example') + 4))
    expect(it.names()).toEqual(['a', 'b', 'c', 'd'])
    it.set(file(service('a'), broken('b')))
    expect(it.names()).toEqual(['a', 'b', 'c', 'd'])
    it.set(file(service('a'), service('b')))
    expect(it.names()).toEqual(['a', 'b'])
  })

  test('is found for the beginning of a long document among short ones', () => {
    const ports = Array.from({ length: 40 }, (_, port) => `  - { number: ${port} }\n`).join('')
    const long = `${service('a')}  ports:\n${ports}`
    const whole = file(service('z'), long, service('b'), service('c'))
    const it = source(whole)
    it.set(whole.slice(0, whole.indexOf('number: 3 ')))
    expect(it.names()).toEqual(['z', 'a', 'b', 'c'])
    expect(it.documents[1]?.value).toMatchObject({ spec: { port: 80 }, metadata: { name: 'a' } })
  })

  test('of what stood before the unreadable end of a file does not stay when it is deleted', () => {
    const other = 'type: Other\nmetadata: { name: other }\n'
    const it = source(file(service('a'), other, service('c')))
    it.set(file(service('a'), broken('c')))
    expect(it.names()).toEqual(['a', 'c'])
  })

  test('of both stays when a lost --- joins two documents', () => {
    const it = source(file(service('a'), service('b'), service('c')))
    it.set(file(service('a'), service('b') + service('c')))
    expect(it.names().sort()).toEqual(['a', 'b', 'c'])
    expect(it.diagnostics.map((d) => d.code)).toContain('SOURCE_DUPLICATE_KEY')
  })

  test('stays when the text becomes something quite different', () => {
    const it = source(service('a'))
    it.set('{{{{')
    expect(it.names()).toEqual(['a'])
  })

  test('a document that never was good is absent', () => {
    const it = source(file(service('a'), broken('x')))
    expect(it.names()).toEqual(['a'])
    expect(it.diagnostics[0]?.hint).toContain('this document is absent')
  })

  test('of a whole file stays when it is no text or too large', () => {
    const it = source(file(service('a'), service('b')))
    const before = it.documents
    it.set(Buffer.from([0xff, 0x00, 0x01]))
    expect(it.documents).toEqual(before)
    expect(it.diagnostics).toMatchObject([{ code: 'SOURCE_ENCODING', hint: expect.stringContaining('stay in force') }])
  })

  test('of a whole file stays when too much changed at once to pair documents', () => {
    const many = (port: number) => Array.from({ length: 300 }, (_, i) => service(`s${i}`, port))
    const it = source(file(...many(80)))
    it.set(file(...many(81), broken('x')))
    expect(it.documents).toHaveLength(300)
    expect(it.documents[0]?.value).toMatchObject({ spec: { port: 80 } })
  })

  test('without an unreadable document, what is gone is gone', () => {
    const it = source(file(service('a'), service('b'), service('c')))
    it.set(service('b'))
    expect(it.names()).toEqual(['b'])
    it.set('')
    expect(it.names()).toEqual([])
  })
})

describe('objects', () => {
  test('of unchanged documents are the same, of moved ones new with the same value and right places', () => {
    const it = source(file(service('a'), service('b'), service('c')))
    const [a, b, c] = it.documents
    it.set(file(service('a'), service('b', 81), service('c')))
    expect(it.documents[0]).toBe(a)
    expect(it.documents[1]).not.toBe(b)
    expect(it.documents[2]).toBe(c)
    it.set(file(`# one line more\n${service('a')}`, service('b', 81), service('c')))
    expect(it.documents[2]).not.toBe(c)
    expect(it.documents[2]?.value).toBe(c?.value)
    expect(it.documents[2]?.locate(['kind']).line).toBe((c?.locate(['kind']).line ?? 0) + 1)
  })

  test('warnings of a document that only moved move with it', () => {
    const it = source('b: 1\n---\na: yes\n')
    expect(it.diagnostics.map((d) => d.line)).toEqual([3])
    const [, a] = it.documents
    it.set('b: 1\nc: 2\nd: 3\n---\na: yes\n')
    expect(it.documents[1]?.value).toBe(a?.value)
    expect(it.diagnostics.map((d) => d.line)).toEqual([5])
  })

  test('items of a List stay the same when another one changes, and know their places', () => {
    const list = (x: number) => `apiVersion: v1\nkind: List\nitems:\n- a: ${x}\n- b: 1\n  c: 2\n`
    const it = source(list(1))
    const [, b] = it.documents
    it.set(list(2))
    expect(it.documents[1]).toBe(b)
    expect(it.documents[0]?.value).toEqual({ a: 2 })
    expect(b?.locate(['c'])).toEqual({ file: 'a.yaml', line: 6, column: 6 })
  })
})
