import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { emptyFrame } from '../contract.ts'
import { checkDocument } from '../document.ts'
import type { ProtocolSpec } from './schema.ts'

const spec = parse(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: [{is: oneway, when: {type: 1}}, {is: request}]
  id: {in: head, pb: 3, type: uint64}
fields:
  size: {at: 2, type: u8, writable: false}
  head: {at: 3, type: bytes, size: size}
  type: {in: head, pb: 1, type: uint32}
  delta: {in: head, pb: 4, type: sint32}
  deep: {in: head, pb: [5, 2], type: string}
  same: {in: head, pb: "5.2", type: string}
  info: {in: head, pb: 6, type: map}
  nested: {in: head, pb: [7, 2], type: map}
reply: {error: close}
connections: [shared]`) as ProtocolSpec
const { codec, issues } = checkDocument({
  apiVersion: 'meshgate.io/v1',
  kind: 'Protocol',
  metadata: { name: 'test' },
  spec,
})

const frame = (head: string) => {
  const bytes = Buffer.from(`000000${head.replace(/\s/g, '')}`, 'hex')
  bytes[1] = bytes.length
  bytes[2] = bytes.length - 3
  return new Uint8Array(bytes)
}
const field = (name: string, bytes: Uint8Array) => codec!.field(codec!.slot(name), bytes, 0, bytes.length)
const head = (bytes: Uint8Array) => Buffer.from(bytes.subarray(3)).toString('hex')
const set = (bytes: Uint8Array, name: string, value: string | number | undefined) =>
  codec!.mutate!(bytes, 0, bytes.length, [{ slot: codec!.slot(name), value }])!

describe('protobuf in a frame', () => {
  test('the layout compiles', () => {
    expect(issues).toEqual([])
  })

  test('of a field that comes twice the last one counts, when inspecting as when reading', () => {
    const bytes = frame('0801 1807 0800 18ac02')
    const seen = emptyFrame()
    expect(codec!.inspect(bytes, 0, bytes.length, seen)).toBe(0)
    expect(seen).toMatchObject({ kind: 1, idLo: 300 })
    expect(field('type', bytes)).toBe(0)
    expect(field('id', bytes)).toBe(300n)
  })

  test('a path may be written with dots', () => {
    const bytes = frame('2a04 1202 6869')
    expect([field('deep', bytes), field('same', bytes)]).toEqual(['hi', 'hi'])
  })

  test('a number of 32 bits is written with as many, with its sign where it has one, and no larger', () => {
    const bytes = frame('0801 2001')
    expect(head(set(bytes, 'type', 2 ** 32 - 1))).toBe('08ffffffff0f2001')
    expect(set(bytes, 'type', 2 ** 32)).toBeUndefined()
    expect(set(bytes, 'type', -1)).toBeUndefined()
    expect(head(set(bytes, 'delta', -(2 ** 31)))).toBe('080120ffffffff0f')
    expect(set(bytes, 'delta', 2 ** 31)).toBeUndefined()
    expect(set(bytes, 'delta', -(2 ** 31) - 1)).toBeUndefined()
  })

  test('a field of another wire type is another field', () => {
    expect(field('type', frame('0a0131'))).toBeUndefined()
  })

  test('more fields than the index holds are still found', () => {
    const seen = emptyFrame()
    const bytes = frame(`${'3801'.repeat(40)}1805`)
    codec!.inspect(bytes, 0, bytes.length, seen)
    expect(seen.idLo).toBe(5)
  })

  test('paths, zigzag and map entries', () => {
    const bytes = frame('2003 2a04 1202 6869 3206 0a0161 120162')
    expect([field('delta', bytes), field('deep', bytes), field('info.a', bytes)]).toEqual([-2, 'hi', 'b'])
    expect(field('info.z', bytes)).toBeUndefined()
  })

  test('writing keeps what it does not know and every length around it', () => {
    const bytes = frame('2a04 1202 6869 7a0178')
    const changed = set(bytes, 'deep', 'hello')
    expect(head(changed)).toBe('2a07120568656c6c6f7a0178')
    expect(codec!.frameLength(changed, 0, changed.length)).toBe(changed.length)
    expect(field('size', changed)).toBe(12)
  })

  test('what is absent is added, an entry is set and taken out', () => {
    expect(head(set(frame('7a0178'), 'type', 5))).toBe('7a01780805')
    const added = set(frame('7a0178'), 'info.a', 'b')
    expect(head(added)).toBe('7a017832060a0161120162')
    expect(head(set(added, 'info.a', undefined))).toBe('7a0178')
  })

  test('an entry of a map in a message is set where that message is, and its length follows', () => {
    const bytes = frame('3a09 1202 0a00 7a03616263')
    expect(head(set(bytes, 'nested.a', 'b'))).toBe('3a1112020a007a0361626312060a0161120162')
    expect(set(frame('7a0178'), 'nested.a', 'b')).toBeUndefined()
  })

  test('a broken message has no fields and is not written to', () => {
    const bytes = frame('08ff')
    expect(field('type', bytes)).toBeUndefined()
    expect(codec!.mutate!(bytes, 0, bytes.length, [{ slot: codec!.slot('type'), value: 1 }])).toBeUndefined()
  })
})
