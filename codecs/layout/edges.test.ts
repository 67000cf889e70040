import { describe, expect, test } from 'vitest'
import { type Codec, emptyFrame } from '../contract.ts'
import { compile } from './fixture.ts'

const field = (codec: Codec, name: string, frame: Uint8Array) => codec.field(codec.slot(name), frame, 0, frame.length)

describe('at the edges of widths', () => {
  test('a text behind a length of four bytes has as many as all four say, and is written so', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u32, counts: all}, max: 32MiB}
message: {kind: {at: 4, type: u8, is: {1: request, 2: response}}}
fields: {text: {at: 5, type: str(u32)}, after: {after: text, type: u8}}
reply: {error: close}
`)
    const frame = Buffer.from('0000000a 01 00000000 07'.replaceAll(' ', ''), 'hex')
    for (const length of [1, 255, 256, 65_535, 65_536, 0x20304, 0x1000005]) {
      const value = 'y'.repeat(length)
      const changed = codec.mutate!(frame, 0, frame.length, [{ slot: codec.slot('text'), value }])!
      expect(codec.frameLength(changed, 0, changed.length)).toBe(changed.length)
      expect((field(codec, 'text', changed) as string).length).toBe(length)
      expect(field(codec, 'after', changed)).toBe(7)
    }
  })

  test('a field within a padded one grows and shrinks, and the padding behind the outer one follows', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields:
  block: {at: 3, type: bytes(u8), align: 4, writable: false}
  name: {in: block, at: 0, type: str(u8)}
  after: {after: block, type: u8}
reply: {error: close}
`)
    const slot = codec.slot('name')
    // The block takes 4 bytes: its own length, that of the name, and two letters.
    let frame: Uint8Array = Buffer.from('0008 01 03 02 6162 09'.replaceAll(' ', ''), 'hex')
    for (const value of ['abc', 'a', 'abcdef', 'abcdefg', '', 'abcde', 'ab']) {
      const changed = codec.mutate!(frame, 0, frame.length, [{ slot, value }])!
      expect(changed, value).toBeDefined()
      expect(changed.length).toBe(3 + Math.ceil((2 + value.length) / 4) * 4 + 1)
      expect(codec.frameLength(changed, 0, changed.length)).toBe(changed.length)
      expect([field(codec, 'name', changed), field(codec, 'after', changed)]).toEqual([value, 9])
      frame = changed
    }
  })

  test('an error is told by the bits of a masked byte, whatever the others are', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  flags: {at: 3, type: u8, mask: 0xf0}
  error: {flags: 0x10}
reply: {error: close}
`)
    const out = emptyFrame()
    const errorOf = (flags: number) => {
      expect(codec.inspect(Uint8Array.of(0, 4, 2, flags), 0, 4, out)).toBe(0)
      return out.error
    }
    for (let low = 0; low < 16; low++)
      expect([errorOf(0x10 | low), errorOf(low), errorOf(0x30 | low), errorOf(0xf0 | low)]).toEqual([1, 0, 0, 0])
  })

  test('of two ids the one that grows keeps its own value, and the other differs from it as it did', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  id: [{at: 7, type: leb128}, {at: 3, type: u32}]
reply: {error: close}
connections: [shared]
`)
    const out = emptyFrame()
    const frame = Buffer.from('0008 01 00000005 05'.replaceAll(' ', ''), 'hex')
    for (const [lo, hi] of [
      [9, 0],
      [9, 0x55],
      [300, 0x55],
      [0x7fffffff, 1],
    ] as const) {
      const changed = codec.spliceId!(frame, 0, frame.length, lo, hi)!
      expect(codec.inspect(changed, 0, changed.length, out)).toBe(0)
      expect([out.idLo, out.idHi]).toEqual([lo, hi])
    }
  })

  test('a reply whose length takes more bytes than that of the request is whole, and a field the request lacks is 0 in it', () => {
    const codec = compile(`
frame: {check: {at: 0, type: u8, equals: 0x7e}, length: {at: 1, type: leb128, counts: rest}}
message:
  kind: {after: length, type: u8, is: {1: request, 2: response}}
  id: {after: kind, type: u32}
fields: {extra: {after: id, type: u16, optional: true}}
reply: {error: {from: request, bytes: end(id), set: {kind: response}, body: "u16 extra, str(u16) message"}}
`)
    const out = emptyFrame()
    for (const [request, extra] of [
      ['7e05 01 00000007', 0],
      ['7e07 01 00000007 1234', 0x1234],
    ] as const) {
      const frame = Buffer.from(request.replaceAll(' ', ''), 'hex')
      for (const size of [0, 110, 130, 20_000]) {
        const reply = codec.reply!('error', frame, 0, frame.length, 1, 'm'.repeat(size))!
        expect(codec.frameLength(reply, 0, reply.length)).toBe(reply.length)
        expect(codec.inspect(reply, 0, reply.length, out)).toBe(0)
        expect([out.kind, out.idLo, field(codec, 'extra', reply)]).toEqual([2, 7, extra])
      }
    }
  })
})
