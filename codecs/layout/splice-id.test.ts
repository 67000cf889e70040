import { describe, expect, test } from 'vitest'
import { emptyFrame } from '../contract.ts'
import { bytes, compile } from './fixture.ts'
import { varintSize } from './splice-id.ts'

const hexOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')

test('a varint takes a byte for each seven bits', () => {
  for (let bit = 0; bit < 64; bit++) {
    const value = 1n << BigInt(bit)
    const halves = (of: bigint) => [Number(of & 0xffffffffn) | 0, Number(of >> 32n) | 0] as const
    expect([bit, varintSize(...halves(value))]).toEqual([bit, Math.floor(bit / 7) + 1])
    expect(varintSize(...halves(2n * value - 1n))).toBe(Math.floor(bit / 7) + 1)
  }
})

describe('an id that stands twice, once as a varint and once in 32 bits', () => {
  const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  id: [{at: 3, type: leb128}, {after: id, type: u32}]
fields: {body: {after: id2, type: bytes, size: rest}}
reply: {error: close}
connections: [shared]`)
  const frame = bytes('000b 01 ac02 00000007 6869')

  test('is another in both and comes back as both were, where they differ too', () => {
    const seen = emptyFrame()
    expect(codec.inspect(frame, 0, frame.length, seen)).toBe(0)
    const shared = codec.spliceId?.(frame, 0, frame.length, 5, 0)
    expect(hexOf(shared)).toBe('000a0105000000056869')
    expect(hexOf(codec.spliceId?.(shared!, 0, shared!.length, seen.idLo, seen.idHi))).toBe(hexOf(frame))
  })
})

test('an id that stands twice, first in 32 bits and then as a varint: it is the varint whose length changes', () => {
  const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  id: [{at: 3, type: u32}, {after: id, type: leb128}]
fields: {body: {after: id2, type: bytes, size: rest}}
reply: {error: close}
connections: [shared]`)
  const frame = bytes('000b 01 00000007 ac02 6869')
  const seen = emptyFrame()
  expect(codec.inspect(frame, 0, frame.length, seen)).toBe(0)
  const shared = codec.spliceId?.(frame, 0, frame.length, 5, 0)
  expect(hexOf(shared)).toBe('000a0100000005056869')
  expect(hexOf(codec.spliceId?.(shared!, 0, shared!.length, seen.idLo, seen.idHi))).toBe(hexOf(frame))
})

test.each([
  ['leb128', 'ac02', '05'],
  ['zigzag', 'd804', '0a'],
  ['mqtt', 'ac02', '05'],
  ['ber', '82012c', '05'],
])('an id of type %s is written as such, and comes back as it was', (type, long, short) => {
  const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}, id: {at: 3, type: ${type}}}
fields: {body: {after: id, type: bytes, size: rest}}
reply: {error: close}
connections: [bound]`)
  const frame = (id: string) => bytes(`00${(5 + id.length / 2).toString(16).padStart(2, '0')} 01 ${id} 6869`)
  const [from, to] = [frame(long), frame(short)]
  const seen = emptyFrame()
  expect(codec.inspect(from, 0, from.length, seen)).toBe(0)
  expect(seen.idLo).toBe(300)
  const spliced = codec.spliceId?.(from, 0, from.length, 5, 0)
  expect(hexOf(spliced)).toBe(hexOf(to))
  expect(hexOf(codec.spliceId?.(spliced!, 0, spliced!.length, 300, 0))).toBe(hexOf(from))
})

test('ids of 64 bits in a varint: every length, and back', () => {
  const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}, id: {at: 3, type: leb128(64)}}
fields: {body: {after: id, type: bytes, size: rest}}
reply: {error: close}
connections: [shared]`)
  const frame = bytes('0006 01 05 6869')
  for (let bit = 0; bit < 64; bit++) {
    const id = 1n << BigInt(bit)
    const made = codec.spliceId!(frame, 0, frame.length, Number(id & 0xffffffffn) | 0, Number(id >> 32n) | 0)!
    expect(codec.field(codec.slot('id'), made, 0, made.length)).toBe(id)
    expect(codec.frameLength(made, 0, made.length)).toBe(made.length)
    expect(hexOf(made.subarray(-2))).toBe('6869')
    expect(hexOf(codec.spliceId!(made, 0, made.length, 5, 0))).toBe(hexOf(frame))
  }
})
