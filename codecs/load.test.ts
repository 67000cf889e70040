import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadCodec, shippedCodec } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'codecs-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const module = (maxFrame: string) => `
export const codec = {
  name: 'lines', headerMin: 1, maxFrame: ${maxFrame}, modes: ['bound'], ordered: true, idBits: 0, fields: [], replies: [], errorCodes: {},
  slot: () => -1, read: () => false, field: () => undefined, inspect: () => 0,
  frameLength: (b, at, end) => { for (let p = at; p < end; p++) if (b[p] === 10) return p + 1 - at; return end - at + 1 },
}`

describe('a codec is loaded from', () => {
  test('a module that exports one', async () => {
    const codec = await loadCodec(file('lines.mjs', module('1000')))
    expect(codec.frameLength(Buffer.from('ab\nc'), 0, 4)).toBe(3)
  })

  test("a document that names a module, under the document's name", async () => {
    file('other.mjs', module('1000'))
    const path = file(
      'doc.yaml',
      'apiVersion: meshgate.io/v1\nkind: Protocol\nmetadata: {name: mine}\nspec: {module: ./other.mjs}\n',
    )
    expect((await loadCodec(path)).name).toBe('mine')
  })

  test('a layout that a module adds to', async () => {
    const dubbo = await shippedCodec('dubbo')
    expect(dubbo.slot('service')).toBeGreaterThanOrEqual(0)
    const slot = dubbo.slot('attachment.group')
    const request = Buffer.from(
      'dabbc20000000000075bcd150000000000'.slice(0, 24) +
        '0000001e' +
        '05322e302e32' +
        '0141' +
        '00' +
        '016d' +
        '0149' +
        '91' +
        '48' +
        '0567726f7570' +
        '04626c7565' +
        '5a',
      'hex',
    )
    request.writeUInt32BE(request.length - 16, 12)
    expect(dubbo.frameLength(request, 0, request.length)).toBe(request.length)
    expect(dubbo.field(slot, request, 0, request.length)).toBe('blue')
    // The trace stands in what the module reads.
    expect(dubbo.fields[dubbo.trace!]?.name).toBe('attachment.traceparent')
    expect(dubbo.field(dubbo.slot('attachment.other'), request, 0, request.length)).toBeUndefined()
  })
})

describe('refused with a reason', () => {
  test.each([
    ['an endless frame', 'big.mjs', module('Number.POSITIVE_INFINITY'), /maxFrame must be 1 to 1073741824 bytes/],
    ['a module without a codec', 'none.mjs', 'export const other = 1', /exports neither "codec"/],
    ['a broken module', 'broken.mjs', 'export const codec = (', /broken.mjs: /],
    [
      'an invalid document',
      'bad.yaml',
      'kind: Protocol\napiVersion: meshgate.io/v1\nmetadata: {name: x}\nspec: {frame: {length: {at: 0, type: u99, counts: all}}, message: {kind: request}}',
      /bad.yaml:4:\d+: there is no type "u99"/,
    ],
    ['a file of other things', 'vs.yaml', 'kind: VirtualService', /one Protocol document expected, 0 found/],
  ])('%s', async (_, name, text, reason) => {
    await expect(loadCodec(file(name, text))).rejects.toThrow(reason)
  })

  test('a module that adds to a layout where there is none, and one that brings its own beside a layout does', async () => {
    file('adds.mjs', 'export const extendCodec = (layout) => layout')
    const doc = (name: string, spec: string) =>
      file(name, `apiVersion: meshgate.io/v1\nkind: Protocol\nmetadata: {name: mine}\nspec: {${spec}}\n`)
    await expect(loadCodec(doc('adds.yaml', 'module: ./adds.mjs'))).rejects.toThrow(
      /give the Protocol document a "frame"/,
    )
    file('own.mjs', module('1000'))
    const both = doc(
      'both.yaml',
      'module: ./own.mjs, frame: {length: {at: 0, type: u16, counts: all}}, message: {kind: request}, reply: {error: close}',
    )
    expect((await loadCodec(both)).maxFrame).toBe(1000)
  })

  test('a file that is not there', async () => {
    await expect(loadCodec(join(folder, 'nothing.yaml'))).rejects.toThrow(/nothing.yaml: .*ENOENT/)
  })
})
