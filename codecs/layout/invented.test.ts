import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkProtocols } from '../document.ts'
import { codecSuite } from '../suite.ts'
import { parseHex } from '../tools/decode.ts'
import { parseVectors, runVectors } from '../tools/vectors.ts'

const folder = new URL('invented/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => /^(\w+)\.yaml$/.exec(file)?.[1] ?? [])

for (const name of names) {
  const file = new URL(`${name}.yaml`, folder)
  const [document] = checkProtocols(readFileSync(file, 'utf8'))
  const codec = document?.codec
  const vectors = parseVectors(readFileSync(new URL(`${name}.vectors.yaml`, folder), 'utf8'))

  test(`${name}: the document has nothing to complain of`, () => {
    expect(document?.issues).toEqual([])
    expect(document?.name).toBe(name)
  })
  if (!codec) continue

  describe(`${name}: known bytes`, () => {
    test.each(runVectors(codec, vectors).map((result) => [result.name, result] as const))('%s', (_, { failures }) => {
      expect(failures).toEqual([])
    })
  })

  const corpus = vectors.vectors
    .filter(({ error, needs, frames }) => !error && needs === undefined && !frames?.some(({ problem }) => problem))
    .map(({ hex }) => parseHex(hex))
  codecSuite(name, codec, corpus, { runs: 60 })
}

test('a text that is changed keeps its padding right, and so does all that stands around it', () => {
  const text = readFileSync(new URL('padded.yaml', folder), 'utf8')
  const { codec } = checkProtocols(text)[0]!
  const { vectors } = parseVectors(readFileSync(new URL('padded.vectors.yaml', folder), 'utf8'))
  const frame = parseHex(vectors[0]!.hex)
  const { slot, mutate, field, frameLength } = codec!
  const fields = ['name', 'tags.6', 'tags.7', 'method', 'body'] as const
  const values = (bytes: Uint8Array) =>
    Object.fromEntries(
      fields.map((name) => {
        const value = field(slot(name), bytes, 0, bytes.length)
        return [name, value instanceof Uint8Array ? Buffer.from(value).toString() : value]
      }),
    )
  for (const name of fields) {
    for (let length = 0; length < 10; length++) {
      const value = 'x'.repeat(length)
      const bytes = name === 'name' || name === 'method' ? value : Buffer.from(value)
      const changed = mutate!(frame, 0, frame.length, [{ slot: slot(name), value: bytes }])!
      expect(frameLength(changed, 0, changed.length)).toBe(changed.length)
      expect(changed.length % 4).toBe(0)
      expect(values(changed)).toEqual({ ...values(frame), [name]: value })
    }
  }
})

test.each([
  ['a number', 'id: {at: 4, type: u32, align: 4}', 'only a str, bytes or map can be padded, "id" is u32'],
  ['the rest', 'body: {at: 4, type: bytes, size: rest, align: 4}', 'goes to the end, nothing can follow it'],
])('what cannot be padded is told: %s', (_, field, message) => {
  const text = `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: own}
spec:
  frame: {length: {at: 0, type: u16, counts: all}}
  message: {kind: {at: 2, type: u8, is: {1: oneway}}}
  fields: {${field}}
  reply: {error: close}
`
  expect(checkProtocols(text)[0]!.issues.map((issue) => issue.message)).toEqual([expect.stringContaining(message)])
})
