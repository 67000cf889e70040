import { expect, test } from 'vitest'
import { emptyFrame, frameErrorName } from '../contract.ts'
import { parseHex } from '../tools/decode.ts'
import { check, compile } from './fixture.ts'

/** Bytes that every frame ends with. */

const hex = (frame: Uint8Array | undefined) => frame && Buffer.from(frame).toString('hex')

const methods = compile(`
frame: {length: {at: 3, type: u32, counts: rest, plus: 1}, suffix: 0xce, max: 1KiB}
message: {kind: push}
fields: {type: {at: 0, type: u8}, text: {at: 7, type: str, size: rest}}
variants:
  - {name: preamble, when: {type: 0x41}, frame: {length: 8, suffix: ""}, message: {kind: handshake}, fields: {text: {at: 4, type: str, size: rest}}}
  - {name: method}
reply: {error: close}
connections: [bound]`)

test('are looked at when the frame is whole, and never a byte earlier', () => {
  const good = parseHex('01 0000 00000002 6869 ce')
  expect(methods.frameLength(good, 0, good.length)).toBe(10)
  expect(methods.frameLength(good, 0, 9)).toBe(10)
  const bad = parseHex('01 0000 00000002 6869 cf')
  expect(methods.frameLength(bad, 0, 9)).toBe(10)
  expect(frameErrorName(methods.frameLength(bad, 0, bad.length))).toBe('badEnd')
})

test('belong to no field, move with a change, and stand in no variant that says so', () => {
  const good = parseHex('01 0000 00000002 6869 ce')
  const text = methods.slot('text')
  expect(methods.field(text, good, 0, good.length)).toBe('hi')
  expect(hex(methods.mutate?.(good, 0, good.length, [{ slot: text, value: 'abc' }]))).toBe(
    '0100000000000' + '3616263ce',
  )
  const preamble = parseHex('414d5150 00000901')
  expect(methods.frameLength(preamble, 0, 8)).toBe(8)
  expect(methods.inspect(preamble, 0, 8, emptyFrame())).toBe(0)
})

test('stand before the padding of a frame, and behind its checksum', () => {
  const codec = compile(`
frame: {length: {at: 0, type: u8, counts: all}, align: 4, suffix: '\\x03\\x04'}
message: {kind: {at: 1, type: u8, is: {1: request, 2: response}}}
fields: {text: {at: 2, type: str, size: rest}}
reply: {error: {from: request, bytes: 2, set: {kind: response}, body: str message}}
ordered: true`)
  const frame = parseHex('05 01 78 0304 000000')
  expect(codec.frameLength(frame, 0, frame.length)).toBe(8)
  expect(codec.field(codec.slot('text'), frame, 0, 8)).toBe('x')
  expect(hex(codec.mutate?.(frame, 0, 8, [{ slot: codec.slot('text'), value: 'yz' }]))).toBe('0601797a03040000')
  expect(hex(codec.reply?.('error', frame, 0, 8, 1, 'later'))).toBe('09026c617465720304000000')
  const summed = compile(`
frame: {length: {at: 0, type: u8, counts: all}, suffix: 3, checksum: {type: xor8}}
message: {kind: push}
fields: {text: {at: 1, type: str, size: rest}}
reply: {error: close}`)
  const whole = parseHex('05 6162 06 03')
  expect(summed.field(summed.slot('text'), whole, 0, 5)).toBe('ab')
  expect(hex(summed.mutate?.(whole, 0, 5, [{ slot: summed.slot('text'), value: 'aa' }]))).toBe('0561610503')
})

test.each([
  ['frame: {until: ";", suffix: 3}', 'frames that end with a delimiter can have no "suffix"'],
  ['frame: {length: {at: 0, type: u8, counts: all}, suffix: "12345678901234567"}', 'is no suffix: 1 to 16 bytes'],
])('refused: %s', (frame, message) => {
  const { issues } = check(`${frame}\nmessage: {kind: push}\nreply: {error: close}`)
  expect(issues.map((issue) => issue.message).join()).toContain(message)
})
