import { describe, expect, it } from 'vitest'
import { decodeFrames, parseHex, printDecoded } from '../tools/decode.ts'
import { checksumKinds } from './checksum.ts'
import { check, compile } from './fixture.ts'
import { type FrameChecksum, renewChecksum, trailerBytes, trailerTest, withTrailer } from './frame-checksum.ts'

const text = (of: string) => new TextEncoder().encode(of)
/** As FIX has it: three digits between `10=` and a separator, the sum of all bytes before modulo 256. */
const fix: FrameChecksum = {
  at: (_b, _at, limit) => limit - 4,
  path: ['spec', 'frame', 'checksum'],
  last: true,
  from: 0,
  when: undefined,
  kind: checksumKinds.sum8,
  form: 'decimal',
  width: 3,
  prefix: text('10='),
  suffix: text('|'),
}

describe('the checksum of a frame', () => {
  it('at its end gets room with the texts around it, and is written in digits over what stands before them', () => {
    const frame = withTrailer(fix, text('8=FIX|'))
    expect(frame.length).toBe(6 + trailerBytes(fix))
    renewChecksum({ checksum: fix }, frame, 0, frame.length)
    const sum = text('8=FIX|').reduce((total, byte) => total + byte, 0) % 256
    expect(new TextDecoder().decode(frame)).toBe(`8=FIX|10=${String(sum).padStart(3, '0')}|`)
  })

  it('is not there in frames that do not name one: they stay as they are', () => {
    const some = { ...fix, when: () => false }
    expect(withTrailer(some, text('ab'))).toEqual(text('ab'))
    const frame = text('ab10=xxx|')
    renewChecksum({ checksum: some }, frame, 0, frame.length)
    expect(frame).toEqual(text('ab10=xxx|'))
    expect(trailerTest(some)?.(text('ab'), 0, 2)).toBe(true)
  })

  it.each([
    ['ab10=123|', true],
    ['ab11=123|', false],
    ['ab10=123;', false],
    ['=123|', false],
  ])('is known by the texts around it: %s', (frame, known) => {
    expect(trailerTest(fix)?.(text(frame), 0, frame.length)).toBe(known)
  })

  it('in bytes stands where the document says, in the order of its kind, and covers what is between `from` and it', () => {
    const bytes = text('....')
    const crc: FrameChecksum = {
      ...fix,
      ...{ at: () => 4, last: false, from: 1, form: 'bytes', width: 2, kind: checksumKinds['crc16-modbus'] },
      ...{ prefix: new Uint8Array(0), suffix: new Uint8Array(0) },
    }
    const frame = new Uint8Array([...bytes, 0, 0])
    renewChecksum({ checksum: crc }, frame, 0, frame.length)
    const sum = crc.kind.of(bytes.subarray(1))
    expect([...frame.subarray(4)]).toEqual(crc.kind.le ? [sum & 255, sum >> 8] : [sum >> 8, sum & 255])
    expect(trailerBytes(crc)).toBe(0)
  })

  it('is left out where the frame has no room for it', () => {
    const frame = text('1|')
    renewChecksum({ checksum: fix }, frame, 0, frame.length)
    expect(frame).toEqual(text('1|'))
  })
})

describe('a field that goes up to the end', () => {
  const layout = (checksum: string, more = '') => `
frame: {length: {at: 0, type: u16le, counts: rest, plus: 5}, checksum: ${checksum}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields: {flags: {at: 3, type: u8}, body: {at: 4, type: bytes, size: rest${more}}}
reply: {error: close}`
  const hello = parseHex('0600 01 00 68656c6c6f 4e5fd6a9')

  it('ends before the checksum there, also when it is written', () => {
    const codec = compile(layout('{type: crc32le}'))
    const body = codec.slot('body')
    expect(codec.field(body, hello, 0, hello.length)).toEqual(parseHex('68656c6c6f'))
    const longer = codec.mutate?.(hello, 0, hello.length, [{ slot: body, value: 'hello you' }])
    expect(longer && Buffer.from(longer.subarray(0, -4)).toString('hex')).toBe('0a00010068656c6c6f20796f75')
    expect(longer && codec.field(body, longer, 0, longer.length)).toEqual(parseHex('68656c6c6f20796f75'))
    expect(codec.frameLength(longer!, 0, longer!.length)).toBe(longer!.length)
  })

  it('goes to the end where a frame has none', () => {
    const codec = compile(layout('{type: crc32le, when: {flags: 1}}'))
    const body = (frame: Uint8Array) => codec.field(codec.slot('body'), frame, 0, frame.length)
    expect(body(hello)).toEqual(parseHex('68656c6c6f4e5fd6a9'))
    expect(body(parseHex('0600 01 01 68656c6c6f 4e5fd6a9'))).toEqual(parseHex('68656c6c6f'))
  })

  it('cannot say whether there is one', () => {
    const { issues } = check(layout('{type: sum8, when: {body: present}}'))
    expect(issues[0]).toMatchObject({
      path: ['spec', 'frame', 'checksum', 'when'],
      message: '"body" goes up to the checksum, so it cannot say whether there is one',
    })
  })

  it('has the checksum behind it, which decode shows, and what it ought to be', () => {
    const codec = compile(layout('{type: crc32le}'))
    const shown = (frame: Uint8Array) => printDecoded(decodeFrames(codec, frame), frame).split('\n').at(-1)
    const right = codec.mutate!(hello, 0, hello.length, [])!
    const sum = Buffer.from(right.subarray(-4)).toString('hex')
    expect(shown(right)).toBe(`      9..13    ${sum}          checksum 4 bytes ${sum}`)
    right[12]! ^= 1
    expect(shown(right)).toMatch(
      new RegExp(
        `^      9..13    [0-9a-f]{8}          checksum 4 bytes [0-9a-f]{8} PROBLEM by the document it is ${sum}$`,
      ),
    )
  })
})
