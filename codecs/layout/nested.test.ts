import { describe, expect, test } from 'vitest'
import type { Codec, FieldValue } from '../contract.ts'
import { bytes, check, compile, field as read } from './fixture.ts'

/** Fields in entries, in protobuf and in Hessian texts: a change that makes one longer is known to all that count it. */

const head = `
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
reply: {error: close}
fields:`

/** The frame with a field written, in hex. */
function written(codec: Codec, frame: Uint8Array, name: string, value: FieldValue | undefined): string | undefined {
  const made = codec.mutate?.(frame, 0, frame.length, [{ slot: codec.slot(name), value }])
  return made && Buffer.from(made).toString('hex')
}

const plain = (hex: string) => hex.replace(/\s/g, '')

describe('maps in entries of maps', () => {
  const codec = compile(`${head}
  outer: {at: 3, type: map, size: rest, keys: u8, values: bytes(u8)}
  player: {in: outer, key: 0x10}
  inner: {in: player, at: 0, type: map, size: rest, keys: u8, values: bytes(u8)}
  zone: {in: inner, key: 1, type: str}
  deep: {in: inner, key: 5}
  deepest: {in: deep, at: 0, type: map, size: rest, keys: u8, values: bytes(u8)}
  name: {in: deepest, key: 7, type: str}
  level: {in: deep, at: 0, type: u16}`)
  const frame = bytes('0012 01 10 0b 01 02 6162 05 05 07 03 787978 03 00')

  test('are read, as texts where the field says so', () => {
    expect([read(codec, 'zone', frame), read(codec, 'name', frame)]).toEqual(['ab', 'xyx'])
    expect(read(codec, 'player', frame)).toBeInstanceOf(Uint8Array)
  })

  test('an entry that grows, shrinks, comes or goes changes every length around it', () => {
    expect(written(codec, frame, 'zone', 'abcd')).toBe(plain('0014 01 10 0d 01 04 61626364 05 05 07 03 787978 03 00'))
    expect(written(codec, frame, 'name', 'z')).toBe(plain('0010 01 10 09 01 02 6162 05 03 07 01 7a 03 00'))
    expect(written(codec, frame, 'zone', undefined)).toBe(plain('000e 01 10 07 05 05 07 03 787978 03 00'))
    expect(written(codec, frame, 'deepest.9', 'q')).toBe(
      plain('0015 01 10 0e 01 02 6162 05 08 07 03 787978 09 01 71 03 00'),
    )
  })

  test('what stays as long stays in its place', () => {
    expect(written(codec, frame, 'level', 0x0703)).toBe(plain('0012 01 10 0b 01 02 6162 05 05 07 03 787978 03 00'))
    expect(written(codec, frame, 'zone', 'ba')).toBe(plain('0012 01 10 0b 01 02 6261 05 05 07 03 787978 03 00'))
  })

  test('one too long for a length around it is not written', () => {
    expect(written(codec, frame, 'name', 'x'.repeat(239))).toMatch(/^00fe0110f7/)
    expect(written(codec, frame, 'name', 'x'.repeat(248))).toBeUndefined()
  })
})

test('a text behind its length in bytes of protobuf, and in a Hessian text', () => {
  const inProtobuf = compile(`${head}
  meta: {at: 3, type: bytes(u8)}
  body: {in: meta, pb: 2, type: bytes}
  user: {in: body, at: 0, type: str(u8)}`)
  const frame = bytes('000d 01 09 08 07 12 03 02 6162 18 01')
  expect(read(inProtobuf, 'user', frame)).toBe('ab')
  expect(written(inProtobuf, frame, 'user', 'abc')).toBe(plain('000e 01 0a 08 07 12 04 03 616263 18 01'))
  const inHessian = compile(`${head}
  text: {at: 3, type: hessian}
  first: {in: text, at: 0, type: until(=)}`)
  const said = bytes('0009 01 05 61 3d 626364')
  expect(written(inHessian, said, 'first', 'abc')).toBe(plain('000b 01 07 616263 3d 626364'))
})

test('entries in blocks of pairs cannot be written, nor what lies in them', () => {
  const codec = compile(`${head}
  info: {at: 3, type: map, size: rest, keys: str(leb128), values: str(leb128), count: leb128, blocks: [1]}
  user: {in: info, key: u}
  first: {in: user, at: 0, type: u8}
  rest: {in: user, at: 0, type: str(u8), writable: true}`)
  const writable = codec.fields.filter((info) => info.writable).map(({ name }) => name)
  expect(writable).toEqual(['first'])
})

test('an entry that says a number is refused, and told how a number in it is said', () => {
  const { issues } = check(`${head}
  tlv: {at: 3, type: map, size: rest, keys: u8, values: bytes(u8)}
  level: {in: tlv, key: 2, type: u16}`)
  expect(issues).toMatchObject([
    {
      severity: 'error',
      path: ['spec', 'fields', 'level', 'type'],
      message: '"level" is an entry of "tlv": its type is str or bytes',
      hint: 'a number in it is a field of its own: {in: level, at: 0, type: u16}',
    },
  ])
})
