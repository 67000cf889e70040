import { describe, expect, test } from 'vitest'
import { emptyFrame, FrameError, frameErrorName } from '../contract.ts'
import { parseHex } from '../tools/decode.ts'
import { check, compile } from './fixture.ts'

const spec = `
frame: {length: {at: 0, type: u16, counts: all}, max: 1KiB}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields:
  user: {at: 3, type: cstr}
  room: {after: user, type: cstr, max: 8}
  level: {after: room, type: u8}
  options: {after: level, type: map, size: rest, keys: cstr, values: cstr}
  color: {in: options, key: color}
reply: {error: close}
`
const frame = parseHex('001a 01 616e6e00 6c6f62627900 07 636f6c6f72007265640000 78'.replaceAll(' ', ''))
const codec = compile(spec)
const field = (name: string, bytes = frame) => codec.field(codec.slot(name), bytes, 0, bytes.length)
const inspected = (bytes: Uint8Array) => frameErrorName(codec.inspect(bytes, 0, bytes.length, emptyFrame()))

describe('texts up to a zero byte', () => {
  test('are read, and what follows them; an empty key ends a map', () => {
    expect(['user', 'room', 'level', 'color'].map((name) => field(name))).toEqual(['ann', 'lobby', 7, 'red'])
    expect(field('options.size')).toBeUndefined()
    expect(inspected(frame)).toBeUndefined()
  })

  test('a change moves what follows, and a value with a zero byte is none', () => {
    const set = (name: string, value: string) =>
      codec.mutate?.(frame, 0, frame.length, [{ slot: codec.slot(name), value }])
    const longer = set('user', 'isabel')!
    expect(codec.frameLength(longer, 0, longer.length)).toBe(frame.length + 3)
    expect(['user', 'room', 'level', 'color'].map((name) => field(name, longer))).toEqual(['isabel', 'lobby', 7, 'red'])
    expect(set('user', 'an\0n')).toBeUndefined()
    expect(field('user', set('user', '')!)).toBe('')
    const blue = set('color', 'blue')!
    expect([field('room', blue), field('color', blue)]).toEqual(['lobby', 'blue'])
    // What stands behind the map's end stays.
    expect(Buffer.from(blue).toString('latin1').endsWith('color\0blue\0\0x')).toBe(true)
    expect(set('color', 'b\0')).toBeUndefined()
    expect(
      field('color', codec.mutate!(frame, 0, frame.length, [{ slot: codec.slot('color'), value: undefined }])!),
    ).toBeUndefined()
  })

  test('one that does not end in its frame, or is too long, makes the frame malformed', () => {
    expect(inspected(parseHex('0006 01 616e6e'))).toBe('malformed')
    expect(inspected(parseHex('000f 01 00 31323334353637383900 07'))).toBe('malformed')
    expect(inspected(parseHex('000e 01 00 313233343536373800 07'))).toBeUndefined()
    expect(FrameError.malformed).toBeLessThan(0)
  })

  test('numbers with such values end with the key 0', () => {
    const notes = compile(spec.replace('keys: cstr', 'keys: u8').replace('key: color', 'key: 67'))
    const bytes = parseHex('0010 01 00 00 07 4d 6e6f00 43 343200 00'.replaceAll(' ', ''))
    expect(notes.field(notes.slot('color'), bytes, 0, bytes.length)).toBe('42')
    expect(notes.field(notes.slot('options.77'), bytes, 0, bytes.length)).toBe('no')
  })

  test('replies can have them', () => {
    const told = compile(
      `${spec.replace('reply: {error: close}', '')}reply: {error: {from: hex 0000 02, body: "cstr message, hex 00, u8 code"}}`,
    )
    const reply = told.reply?.('error', frame, 0, frame.length, 5, 'no')
    expect(Buffer.from(reply!).toString('hex')).toBe('000802' + '6e6f00' + '00' + '05')
  })

  test.each([
    [
      'a size',
      spec.replace('user: {at: 3, type: cstr}', 'user: {at: 3, type: cstr, size: 4}'),
      '"user" ends with a zero byte, it can have no size',
    ],
    [
      'padding',
      spec.replace('user: {at: 3, type: cstr}', 'user: {at: 3, type: cstr, align: 4}'),
      '"user" ends with a zero byte, it cannot be padded',
    ],
    [
      'the end of a frame',
      spec.replace('length: {at: 0, type: u16, counts: all}', 'length: end(user)'),
      'the frame\'s length hangs on where "user" ends, which is searched from its start again',
    ],
    [
      'behind one',
      spec.replace('length: {at: 0, type: u16, counts: all}', 'length: end(level)'),
      'the frame\'s length hangs on where "user" ends, which is searched from its start again',
    ],
    [
      'a count without a size',
      spec.replace('type: map, size: rest', 'type: map, count: u8'),
      '`count` says how many pairs there are, not how many bytes',
    ],
  ])('refused: %s', (_, text, message) => {
    expect(
      check(text)
        .issues.map((issue) => issue.message)
        .join('\n'),
    ).toContain(message)
  })
})
