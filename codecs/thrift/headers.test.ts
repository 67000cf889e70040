import { expect, test } from 'vitest'
import { shippedCodec } from '../load.ts'
import { parseHex } from '../tools/decode.ts'

/** A call in THeader, binary, whose header has these bytes behind protocol 0 and no transforms, filled up with zeros to words of 4 bytes. */
function call(infos: string): Uint8Array {
  const info = parseHex(infos)
  const header = Buffer.concat([Buffer.of(0, 0), info, Buffer.alloc((4 - ((2 + info.length) % 4)) % 4)])
  const fixed = Buffer.from(parseHex('00000000 0fff 0000 00000009 0000'))
  fixed.writeUInt16BE(header.length / 4, 12)
  const frame = Buffer.concat([fixed, header, parseHex('80010001 00000004 70696e67 00000009 00')])
  frame.writeUInt32BE(frame.length - 4)
  return frame
}

const pair = (key: string, value: string) =>
  [key, value].map((text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]).toString('hex')).join('')

/** @see https://github.com/apache/thrift/blob/master/doc/specs/HeaderFormat.md */
test.each([
  ['of one call', `01 01 ${pair('svc', 'game')}`, 'game'],
  ['of one connection', `02 01 ${pair('svc', 'game')}`, 'game'],
  ['of both, the last', `02 01 ${pair('svc', 'old')} 01 02 ${pair('a', 'b')} ${pair('svc', 'new')}`, 'new'],
  ['none', '', undefined],
  ['of another name', `01 01 ${pair('svd', 'game')}`, undefined],
  ['behind a kind of information that nobody knows', `03 01 ${pair('svc', 'game')}`, undefined],
  ['behind the padding', `00 01 01 ${pair('svc', 'game')}`, undefined],
  ['more than there are', `01 02 ${pair('svc', 'game')} 0161 7f`, undefined],
])('headers of a THeader: %s', async (_, infos, value) => {
  const codec = await shippedCodec('thrift')
  const frame = call(infos)
  expect(codec.frameLength(frame, 0, frame.length)).toBe(frame.length)
  expect(codec.field(codec.slot('method'), frame, 0, frame.length)).toBe('ping')
  expect(codec.field(codec.slot('headers.svc'), frame, 0, frame.length)).toBe(value)
})
