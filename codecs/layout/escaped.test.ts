import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../../dataplane/framing/reader.ts'
import { emptyFrame, emptyRef, frameErrorName } from '../contract.ts'
import { codecSuite } from '../suite.ts'
import { parseHex } from '../tools/decode.ts'
import { check, compile } from './fixture.ts'

/** Frames whose content is escaped, in four forms; the content is the same: kind, id, tag, text. */

const content = `
message:
  kind: {at: 0, type: u8, is: {1: request, 2: response}}
  id: {at: 1, type: u32}
  error: {kind: response}
fields:
  tag: {at: 5, type: u16}
  text: {at: 7, type: str, size: rest}
reply: {error: {from: request, bytes: 7, set: {kind: response}, body: str message}}
connections: [shared]
`
interface Form {
  readonly frame: string
  readonly opens: readonly number[]
  readonly end: readonly number[]
  /** How a byte is written. */
  readonly write: (byte: number) => readonly number[]
}
const table =
  (written: Readonly<Record<number, readonly number[]>>): Form['write'] =>
  (byte) =>
    written[byte] ?? [byte]
const forms: Readonly<Record<string, Form>> = {
  slip: {
    frame: '{until: 0xc0, opens: 0xc0, escape: {by: 0xdb, is: {0xdc: 0xc0, 0xdd: 0xdb}}, max: 4KiB}',
    opens: [0xc0],
    end: [0xc0],
    write: table({ 192: [0xdb, 0xdc], 219: [0xdb, 0xdd] }),
  },
  hdlc: {
    frame: '{until: 0x7e, opens: 0x7e, escape: {by: 0x7d, xor: 0x20}, max: 4KiB}',
    opens: [0x7e],
    end: [0x7e],
    write: table({ 126: [0x7d, 0x5e], 125: [0x7d, 0x5d] }),
  },
  dle: {
    frame: "{opens: '\\x10\\x02', until: '\\x10\\x03', escape: {by: 0x10}, max: 4KiB}",
    opens: [0x10, 2],
    end: [0x10, 3],
    write: table({ 16: [0x10, 0x10] }),
  },
  stx: {
    frame: '{opens: 2, until: [3, 4], escape: {by: 0x10}, max: 4KiB}',
    opens: [2],
    end: [3],
    write: table({ 3: [0x10, 3], 4: [0x10, 4], 16: [0x10, 0x10] }),
  },
}
const plain = (kind: number, id: number, tag: number, text: readonly number[]) => {
  const head = Buffer.alloc(7)
  head.writeUInt8(kind)
  head.writeUInt32BE(id, 1)
  head.writeUInt16BE(tag, 5)
  return [...head, ...text]
}
const wrap = ({ opens, end, write }: Form, bytes: readonly number[]) =>
  Uint8Array.from([...opens, ...bytes.flatMap((byte) => [...write(byte)]), ...end])
const letters = [...Buffer.from('hello')]

describe.each(Object.entries(forms))('%s', (name, form) => {
  const codec = compile(`frame: ${form.frame}\n${content}`)
  const kinds = [0xc0, 0xdb, 0xdc, 0xdd, 0x7e, 0x7d, 0x5e, 0x5d, 0x10, 2, 3, 4, 0x41]
  const byte = fc.constantFrom(...kinds)
  const word = fc.array(byte, { minLength: 4, maxLength: 4 }).map((four) => Buffer.from(four).readUInt32BE())
  const frames = fc.array(
    fc.record({ kind: fc.constantFrom(1, 2), id: word, tag: word.map((n) => n & 0xffff), text: fc.array(byte) }),
    { minLength: 1, maxLength: 5 },
  )

  test('what was meant is read, whatever bytes it has, at every cutting, and the frames are those that came', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (list, sizes) => {
        const wire = list.map(({ kind, id, tag, text }) => wrap(form, plain(kind, id, tag, text)))
        const stream = Uint8Array.from(wire.flatMap((one) => [...one]))
        const got: Uint8Array[] = []
        const reader = new FrameReader(codec, {
          onFrame: (b, at, length) => got.push(b.slice(at, at + length)) > 0,
          onFrameError: (code) => expect.fail(`${frameErrorName(code)}`),
        })
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length]!
          const piece = stream.slice(at, at + size)
          reader.feed(piece, 0, piece.length)
          at += size
        }
        expect(got).toEqual(wire)
        const out = emptyFrame()
        got.forEach((bytes, i) => {
          const { kind, id, tag } = list[i]!
          expect(codec.inspect(bytes, 0, bytes.length, out)).toBe(0)
          expect([out.kind, out.idLo >>> 0, out.idAt]).toEqual([kind, id, -1])
          expect(codec.field(codec.slot('tag'), bytes, 0, bytes.length)).toBe(tag)
        })
      }),
      { numRuns: 200 },
    )
  })

  test('an id and a number are written with their escapes, in place where they take as many bytes', () => {
    const bytes = wrap(form, plain(1, 0x41414141, 7, letters))
    for (const id of [0x42424242, 0xc07d1003, 0xdb7e0410]) {
      const copy = bytes.slice()
      const other = wrap(form, plain(1, id, 7, letters))
      const inPlace = codec.writeId!(copy, 0, copy.length, id | 0, 0)
      expect(inPlace).toBe(other.length === bytes.length)
      expect(inPlace ? copy : codec.spliceId!(bytes, 0, bytes.length, id | 0, 0)).toEqual(other)
    }
    const slot = codec.slot('tag')
    expect(codec.mutate!(bytes, 0, bytes.length, [{ slot, value: 0xc010 }])).toEqual(
      wrap(form, plain(1, 0x41414141, 0xc010, letters)),
    )
  })

  test('an error reply has the id of its request and its own text, escaped', () => {
    const request = wrap(form, plain(1, 0x107ec003, 7, letters))
    expect(codec.reply!('error', request, 0, request.length, 1, 'no\x03\x10~}')).toEqual(
      wrap(form, plain(2, 0x107ec003, 7, [...Buffer.from('no\x03\x10~}')])),
    )
  })

  test('a text is told as it stands in the frame, and not written where a byte of it is escaped', () => {
    const [text, tag] = [codec.slot('text'), codec.slot('tag')]
    const ref = emptyRef()
    const special = kinds.find((one) => form.write(one).length > 1)!
    const bytes = wrap(form, plain(1, special, 7, [0x41, special]))
    expect(codec.read(text, bytes, 0, bytes.length, ref)).toBe(true)
    expect([...bytes.subarray(ref.start, ref.end)]).toEqual([0x41, ...form.write(special)])
    expect(codec.mutate!(bytes, 0, bytes.length, [{ slot: text, value: 'x' }])).toBeUndefined()
    expect(codec.mutate!(bytes, 0, bytes.length, [{ slot: tag, value: 8 }])).toBeDefined()
    const clear = wrap(form, plain(1, special, 7, letters))
    const value = String.fromCharCode(special)
    if (special < 0x80) expect(codec.mutate!(clear, 0, clear.length, [{ slot: text, value }])).toBeUndefined()
    expect(codec.mutate!(clear, 0, clear.length, [{ slot: text, value: 'x' }])).toEqual(
      wrap(form, plain(1, special, 7, [0x78])),
    )
  })

  test('escapes without end take no more memory or time than others, and are no frame', () => {
    const [by] = form.write(kinds.find((one) => form.write(one).length > 1)!)
    const stream = Uint8Array.from([...form.opens, ...new Array<number>(8000).fill(by!)])
    let error = 0
    const reader = new FrameReader(codec, { onFrame: () => true, onFrameError: (code) => (error = code) })
    for (let at = 0; at < stream.length; at++) reader.feed(stream.slice(at, at + 1), 0, 1)
    expect(frameErrorName(error)).toBe(name === 'dle' || name === 'stx' ? 'tooLong' : 'malformed')
  })

  const corpus = [plain(1, 5, 6, letters), plain(2, 0x41c07d10, 0x0304, letters), plain(1, 0x10101010, 0x7edb, [])]
  codecSuite(
    name,
    codec,
    corpus.map((one) => wrap(form, one)),
    { runs: 60 },
  )
})

test('a row of escapes is counted on where the search stopped, byte by byte as at once', () => {
  const codec = compile(`frame: ${forms['dle']!.frame}\n${content}`)
  for (const escapes of [100, 101, 1000, 1001]) {
    const text = new Array<number>(escapes).fill(0x10)
    const bytes = wrap(forms['dle']!, [...plain(1, 1, 1, text), 3])
    const room = new Uint8Array(bytes.length + 10)
    for (let have = 1; have < bytes.length; have++) {
      room.set(bytes.subarray(0, have))
      expect(codec.frameLength(room, 0, have, have - 1)).toBeGreaterThan(have)
    }
    expect(codec.frameLength(bytes, 0, bytes.length, bytes.length - 1)).toBe(bytes.length)
    room.set(bytes)
    expect(codec.frameLength(room, 0, bytes.length, bytes.length - 1)).toBe(bytes.length)
  }
})

test('flags may stand between frames once, twice or often, and a frame may lack those before it', () => {
  const codec = compile(`frame: ${forms['hdlc']!.frame}\n${content}`)
  const one = plain(1, 1, 1, [])
  const bytes = Uint8Array.from([0x7e, 0x7e, 0x7e, ...one, 0x7e, ...one, 0x7e])
  expect(codec.frameLength(bytes, 0, bytes.length)).toBe(11)
  expect(codec.frameLength(bytes, 11, bytes.length)).toBe(8)
  expect(frameErrorName(codec.frameLength(new Uint8Array(70).fill(0x7e), 0, 70))).toBe('badMagic')
})

test('frames without an escape begin and end with their marks, and only with them', () => {
  const codec = compile(String.raw`
frame: {opens: 0x0b, until: "\x1c\r", max: 64}
message: {kind: either}
fields: {words: {at: 0, type: list, size: rest, items: until(|)}, first: {in: words, key: 0}}
reply: {error: close}`)
  const bytes = Uint8Array.from(Buffer.from('\x0bMSH|a\x1c\r'))
  expect(codec.frameLength(bytes, 0, bytes.length)).toBe(8)
  expect(codec.field(codec.slot('first'), bytes, 0, 8)).toBe('MSH')
  expect(frameErrorName(codec.frameLength(bytes, 1, bytes.length))).toBe('badMagic')
  const set = (value: string) => codec.mutate!(bytes, 0, 8, [{ slot: codec.slot('first'), value }])
  expect(Buffer.from(set('PID')!).toString()).toBe('\x0bPID|a\x1c\r')
  expect(set('x\x1c\ry')).toBeUndefined()
})

describe('one of several delimiters', () => {
  const codec = compile(String.raw`
frame: {until: ["\r\n", "\n", "\0"], max: 16}
message: {kind: push}
fields: {head: {at: 0, type: u16}, line: {at: 2, type: str, size: rest}}
reply: {error: close}`)
  const bytes = Uint8Array.from(Buffer.from('\0\nab\r\n\0\rc\n\0\rde\0'))

  test('the first that comes ends the frame, and no byte of it is in a field', () => {
    const found: (string | number)[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = codec.frameLength(bytes, at, bytes.length)
      found.push(length, String(codec.field(codec.slot('line'), bytes, at, length)))
      at += length
    }
    expect(found).toEqual([6, 'ab', 4, 'c', 5, 'de'])
    // What stands in front of the delimiter is the header's.
    const short = Uint8Array.of(0, 13, 10)
    expect(codec.frameLength(short, 0, 3)).toBe(3)
    expect(codec.field(codec.slot('line'), short, 0, 3)).toBe('')
  })

  test('a change keeps the one that is there', () => {
    const change = (at: number, length: number, value: string) =>
      codec.mutate!(bytes, at, length, [{ slot: codec.slot('line'), value }])
    expect(Buffer.from(change(0, 6, 'x')!).toString()).toBe('\0\nx\r\n')
    expect(Buffer.from(change(6, 4, 'x')!).toString()).toBe('\0\rx\n')
    expect(change(6, 4, 'x\0y')).toBeUndefined()
    expect(change(6, 4, 'x\r')).toBeUndefined()
  })

  codecSuite('several delimiters', codec, [bytes.slice(0, 6), bytes.slice(6, 10), bytes.slice(10, 15)], { runs: 60 })
})

const base = `frame: {until: 0xc0, escape: {by: 0xdb, is: {0xdc: 0xc0, 0xdd: 0xdb}}}\nmessage: {kind: push}\nreply: {error: close}`
test.each([
  ['two bytes', 'by: 0xdb', 'by: ab', 'is not one byte'],
  ['both forms', 'by: 0xdb', 'by: 0xdb, xor: 1', 'has "is" or "xor"'],
  ['an escape that stands for itself', ', 0xdd: 0xdb', '', 'nothing stands for the escape itself'],
  ['a delimiter that nothing stands for', '0xdc: 0xc0, ', '', 'nothing stands for 0xc0'],
  ['no delimiter', 'until: 0xc0', 'length: 4', '"escape" is for frames that end with a delimiter'],
  ['a length beside it', 'until: 0xc0', 'until: 0xc0, length: 4', 'can have no "length"'],
  ['the escape as delimiter', 'by: 0xdb, is: {0xdc: 0xc0, 0xdd: 0xdb}', 'by: 0xc0', 'begins as 0xc0'],
  [
    'bits that make a delimiter',
    'by: 0xdb, is: {0xdc: 0xc0, 0xdd: 0xdb}',
    'by: 0xc1, xor: 1',
    'looks like a delimiter',
  ],
  ['an end in another', 'until: 0xc0', 'until: ["ab", "a"]', 'no frame ends with "ab"'],
  ['a beginning that is none', 'until: 0xc0', 'until: 0xc0, opens: "\\\\q"', 'is no beginning'],
  [
    'a number between marks that nothing escapes',
    'escape: {by: 0xdb, is: {0xdc: 0xc0, 0xdd: 0xdb}}}',
    'opens: 2}\nfields: {a: {at: 0, type: u32}}',
    'the end of a frame may stand in "a"',
  ],
  [
    'an escape of one variant',
    'reply:',
    'variants: [{name: a, frame: {escape: {by: 1}}}]\nreply:',
    'escaped alike in all variants',
  ],
  [
    'a variant that ends otherwise',
    'reply:',
    'variants: [{name: a, frame: {length: 4}}]\nreply:',
    'escaped alike in all variants',
  ],
])('refused: %s', (_, from, to, what) => {
  expect(base).toContain(from)
  expect(check(base).issues).toEqual([])
  const { issues } = check(base.replace(from, () => to))
  expect(issues.map(({ message }) => message).join('\n')).toContain(what)
})

test('a checksum is that of the content, and stands in it', () => {
  const codec = compile(`
frame: {until: 0x7e, opens: 0x7e, escape: {by: 0x7d, xor: 0x20}, checksum: {type: xor8}}
message: {kind: push}
fields: {tag: {at: 0, type: u8}, text: {at: 1, type: str, size: rest}}
reply: {error: close}`)
  const frame = parseHex('7e 7d5d 03 7d5e 7e')
  expect(codec.frameLength(frame, 0, frame.length)).toBe(frame.length)
  expect(codec.field(codec.slot('text'), frame, 0, frame.length)).toBe('\x03')
  const changed = codec.mutate!(frame, 0, frame.length, [{ slot: codec.slot('tag'), value: 0x7e }])
  expect(Buffer.from(changed!).toString('hex')).toBe('7e7d5e037d5d7e')
})
