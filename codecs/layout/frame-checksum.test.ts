import { describe, expect, it } from 'vitest'
import { checksumKinds } from './checksum.ts'
import { type FrameChecksum, renewChecksum, trailerBytes, trailerTest, withTrailer } from './frame-checksum.ts'

const text = (of: string) => new TextEncoder().encode(of)
/** As FIX has it: three digits between `10=` and a separator, the sum of all bytes before modulo 256. */
const fix: FrameChecksum = {
  at: (_b, _at, limit) => limit - 4,
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
