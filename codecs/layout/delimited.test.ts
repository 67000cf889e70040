import { describe, expect, test } from 'vitest'
import { emptyFrame, FrameError, frameErrorName } from '../contract.ts'
import { checkProtocols } from '../document.ts'
import { printIssue } from '../tools/check.ts'
import { delimiterBytes } from './delimiter.ts'
import { check, compile } from './fixture.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const text = (frame: Uint8Array | undefined) => frame && Buffer.from(frame).toString('latin1')

describe('frames up to a delimiter', () => {
  const codec = compile(String.raw`
frame: {until: "\r\n", max: 16}
message: {kind: push}
fields:
  verb: {at: 0, type: until(\s)}
  count: {after: verb, type: dec(3), optional: true}
  rest: {at: end(count) + 1, type: str, size: rest, optional: true}
reply: {error: close}
`)
  const read = (name: string, frame: string) => codec.field(codec.slot(name), bytes(frame), 0, frame.length)
  const set = (name: string, frame: string, value: string | number) =>
    text(codec.mutate?.(bytes(frame), 0, frame.length, [{ slot: codec.slot(name), value }]))

  test('may have nothing before it: what goes up to the end is empty then', () => {
    const line = compile(String.raw`
frame: {until: "\r\n", max: 16}
message: {kind: push}
fields: {line: {at: 0, type: str, size: rest}}
reply: {error: close}
`)
    expect(line.frameLength(bytes('\r\n'), 0, 2)).toBe(2)
    expect(line.field(line.slot('line'), bytes('\r\n'), 0, 2)).toBe('')
    expect(text(line.mutate?.(bytes('\r\n'), 0, 2, [{ slot: line.slot('line'), value: 'hi' }]))).toBe('hi\r\n')
  })

  test('are as long as it takes, and no longer than the maximum', () => {
    expect(codec.delimited).toBe(true)
    expect(codec.frameLength(bytes('a b\r\nc\r\n'), 0, 8)).toBe(5)
    expect(codec.frameLength(bytes('a\rb\r'), 0, 4)).toBe(5)
    expect(codec.frameLength(bytes('x'.repeat(14)), 0, 14)).toBe(15)
    expect(codec.frameLength(bytes(`${'x'.repeat(14)}\r\n`), 0, 16)).toBe(16)
    expect(frameErrorName(codec.frameLength(bytes('x'.repeat(16)), 0, 16))).toBe('tooLong')
    expect(frameErrorName(codec.frameLength(bytes(`${'x'.repeat(15)}\r\n`), 0, 17))).toBe('tooLong')
  })

  test('bytes that were seen are not looked at again, but for the start of a delimiter', () => {
    // What was seen has become a delimiter meanwhile, and nobody notices.
    expect(codec.frameLength(bytes('\r\nabc'), 0, 5, 4)).toBe(6)
    expect(codec.frameLength(bytes('abc\r\n'), 0, 5, 4)).toBe(5)
  })

  test('end the last of their fields, wherever it ends', () => {
    expect([read('verb', 'PING\r\n'), read('count', 'PING\r\n'), read('rest', 'PING\r\n')]).toEqual([
      'PING',
      undefined,
      undefined,
    ])
    expect([read('verb', 'GET 12\r\n'), read('count', 'GET 12\r\n')]).toEqual(['GET', 12])
    expect([read('count', 'GET 12 a b\r\n'), read('rest', 'GET 12 a b\r\n')]).toEqual([12, 'a b'])
    expect([read('count', 'GET 1234\r\n'), read('count', 'GET x\r\n')]).toEqual([undefined, undefined])
  })

  test('a change moves what follows, and is none where it would end the field or the frame before', () => {
    expect(set('verb', 'GET 12 a\r\n', 'PUT')).toBe('PUT 12 a\r\n')
    expect(set('verb', 'PING\r\n', 'PONG!')).toBe('PONG!\r\n')
    expect(set('verb', 'GET 1\r\n', 'a b')).toBeUndefined()
    expect(set('rest', 'GET 12 a\r\n', 'x\r\ny')).toBeUndefined()
    expect(set('rest', 'GET 12 a\r\n', 'x\ry')).toBe('GET 12 x\ry\r\n')
    expect(set('rest', 'GET 12 a\r\n', 'x\r')).toBe('GET 12 x\r\r\n')
    expect(set('rest', 'GET 12 a\r\n', 'much too long')).toBeUndefined()
    expect(set('count', 'GET 12 a\r\n', 7)).toBe('GET 7 a\r\n')
    expect(set('count', 'GET 12 a\r\n', 1000)).toBeUndefined()
  })

  test('a header of numbers may have the delimiter by chance', () => {
    const framed = compile(`
frame: {until: 0x03, max: 64}
message: {kind: {at: 1, type: u8, is: {1: request, 3: response}}, id: {at: 2, type: u32}}
fields: {text: {at: 6, type: str, size: rest}}
reply: {error: {from: request, bytes: 6, set: {kind: response}, body: str message}}
connections: [shared]
`)
    const frame = bytes('\x02\x01\0\0\0\x03hi\x03')
    expect(framed.frameLength(frame, 0, frame.length)).toBe(9)
    expect(framed.headerMin).toBe(7)
    expect(text(framed.reply?.('error', frame, 0, 9, 1, 'no'))).toBe('\x02\x03\0\0\0\x03no\x03')
    expect(framed.reply?.('error', frame, 0, 9, 1, 'n\x03')).toBeUndefined()
  })
})

describe('tag=value', () => {
  const codec = compile(`
frame: {length: {at: 0, type: dec(4), counts: rest, plus: 6}, checksum: {type: sum8, as: decimal, prefix: "#="}, max: 1KiB}
message: {kind: push}
fields:
  pairs: {at: end(length) + 1, type: map, size: length, keys: until(=), values: until(|)}
  who: {in: pairs, key: "1"}
reply: {error: close}
`)
  const sum = (body: string) => {
    const start = `${body.length} ${body}`
    return `${start}#=${String([...start].reduce((total, char) => total + char.charCodeAt(0), 0) % 256).padStart(3, '0')}`
  }
  const frame = bytes(sum('1=ann|22=x|3=|22=y|'))
  const set = (name: string, value: string | undefined) =>
    text(codec.mutate?.(frame, 0, frame.length, [{ slot: codec.slot(name), value }]))
  const read = (name: string) => codec.field(codec.slot(name), frame, 0, frame.length)

  test('the first of a tag counts', () => {
    expect(['who', 'pairs.22', 'pairs.3', 'pairs.4'].map(read)).toEqual(['ann', 'x', '', undefined])
  })

  test('length and checksum are made anew with a change', () => {
    expect(set('who', 'isabella the first')).toBe(sum('1=isabella the first|22=x|3=|22=y|'))
    expect(set('pairs.22', 'z')).toBe(sum('1=ann|22=z|3=|22=y|'))
    expect(set('pairs.4', 'new')).toBe(sum('1=ann|22=x|3=|22=y|4=new|'))
    expect(set('pairs.3', undefined)).toBe(sum('1=ann|22=x|22=y|'))
    expect(set('who', 'x'.repeat(100))).toBe(sum(`1=${'x'.repeat(100)}|22=x|3=|22=y|`))
  })

  test('what would make other pairs is no change', () => {
    expect(set('who', 'a|56=b')).toBeUndefined()
    // The other one would count.
    expect(set('pairs.22', undefined)).toBeUndefined()
    expect(codec.slot('pairs.a=b')).toBeGreaterThan(0)
    expect(set('pairs.a=b', 'x')).toBeUndefined()
  })

  test('a frame without the text in front of its checksum is malformed', () => {
    const broken = bytes(String(text(frame)).replace('#=', '##'))
    expect(codec.inspect(broken, 0, broken.length, emptyFrame())).toBe(FrameError.malformed)
    expect(codec.inspect(frame, 0, frame.length, emptyFrame())).toBe(0)
  })

  test('a length of more digits than it may have, or of none, is malformed', () => {
    expect(frameErrorName(codec.frameLength(bytes('12345 '), 0, 6))).toBe('malformed')
    expect(frameErrorName(codec.frameLength(bytes('x'.repeat(20)), 0, 20))).toBe('malformed')
    expect(codec.frameLength(bytes('12'), 0, 2)).toBeGreaterThan(2)
  })
})

test('a fixed value behind a number of any width is waited for', () => {
  const codec = compile(`
frame: {length: {at: 0, type: mqtt, counts: rest}, check: {at: end(length), type: u8, equals: 0x51}, max: 1KiB}
message: {kind: push}
reply: {error: close}
`)
  expect(codec.frameLength(Uint8Array.of(0x80, 0x01), 0, 2)).toBe(3)
  expect(codec.frameLength(Uint8Array.of(0x80, 0x01, 0x51), 0, 3)).toBe(130)
  expect(frameErrorName(codec.frameLength(Uint8Array.of(0x80, 0x01, 0x50), 0, 3))).toBe('badMagic')
})

test('a variant may end its frames in another way', () => {
  const codec = compile(String.raw`
frame: {until: "\n", max: 64}
message: {kind: push}
variants:
  - {name: block, when: {first: 0x24}, frame: {length: {at: 1, type: u8, counts: rest}, max: 32}}
  - {name: line}
fields: {first: {at: 0, type: u8, writable: false}}
reply: {error: close}
`)
  expect(codec.frameLength(bytes('$\x04a\nb\nc'), 0, 7)).toBe(6)
  expect(codec.frameLength(bytes('ab\nc\n'), 0, 5)).toBe(3)
})

test.each([
  ['\\n', [10]],
  ['\\r\\n', [13, 10]],
  ['\\x01', [1]],
  ['\\xff|', [255, 124]],
  [': ', [58, 32]],
  [':\\s', [58, 32]],
  ['ä', [0xc3, 0xa4]],
  ['\\\\', [92]],
  [3, [3]],
] as const)('a delimiter written %j', (written, expected) => {
  expect([...delimiterBytes(written)!]).toEqual(expected)
})

const base = String.raw`apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: own}
spec:
  frame: {until: "\n"}
  message: {kind: push}
  fields:
    a: {at: 0, type: until(\s)}
    b: {after: a, type: dec(3)}
  reply: {error: close}
`
test.each([
  ['a delimiter that is none', 'until: "\\n"', 'until: "\\\\q"', '5:18', 'is no delimiter', 'one byte as a number'],
  ['two ends', 'until: "\\n"', 'until: "\\n", length: 4', '5:18', 'can have no "length"', 'keep one'],
  ['padding', 'until: "\\n"', 'until: "\\n", align: 4', '5:18', 'can have no "align"', 'keep one'],
  ['a binary number behind a text', 'type: dec(3)', 'type: u16', '9:8', 'may stand in "b", a binary number', 'decimal'],
  [
    'a text with a length',
    'type: dec(3)',
    'type: str(u8)',
    '9:8',
    'may stand in "b", a text with its own length',
    'until',
  ],
  ['digits, and a delimiter of one', 'until: "\\n"', 'until: "0"', '9:8', 'may stand in "b"', 'decimal'],
  [
    'a binary number that need not be there',
    'b: {after: a, type: dec(3)}',
    'b: {at: 9, type: u8, optional: true}',
    '9:8',
    'may stand in "b"',
    'fixed offsets',
  ],
  [
    'a text without end in front of a length',
    'until: "\\n"',
    'length: end(b) + b',
    '5:19',
    'hangs on where "a" ends',
    'max: 64',
  ],
  [
    'a long one',
    'until: "\\n"}\n',
    'length: {after: a, type: dec(3), counts: rest}}\n',
    '5:19',
    'hangs on where "a" ends',
    'at most 4096',
  ],
  [
    'a suffix and a place',
    'until: "\\n"',
    'until: "\\n", checksum: {type: sum8, at: 4, suffix: x}',
    '5:34',
    'can have no "at"',
    'leave one',
  ],
  ['a word of others', 'until: "\\n"', 'delimiter: "\\n"', '5:22', 'there is no "delimiter"', 'until: "\\n"'],
])('refused with its place: %s', (_, from, to, place, what, hint) => {
  expect(base).toContain(from)
  const said = checkProtocols(base.replace(from, () => to))
    .flatMap(({ issues }) => issues)
    .map((issue) => printIssue('own.yaml', issue))
    .join('\n')
  expect(said).toContain(`own.yaml:${place}: error: `)
  expect(said).toContain(what)
  expect(said).toContain(hint)
})

test('what is said in full has nothing to complain of', () => {
  expect(checkProtocols(base)[0]!.issues).toEqual([])
  expect(check('frame: {}\nmessage: {kind: push}').issues[0]!.message).toBe('nothing says how long a frame is')
})
