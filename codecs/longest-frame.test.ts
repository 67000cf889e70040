import { expect, test } from 'vitest'
import { FrameError } from './contract.ts'
import { codec as game } from './game/codec.ts'
import { codec as thrift } from './thrift/codec.ts'

/** Codecs in code check what a frame says of its length by hand. `counts`: bytes in front that the number does not count. */
test.each([
  ['game', game, 0, 24],
  ['thrift', thrift, 4, 8],
] as const)(
  '%s: a frame may be as long as the longest and as short as a header, and no more',
  (_, codec, counts, least) => {
    const said = (length: number) => {
      const b = Buffer.alloc(codec.headerMin)
      b.writeInt32BE(length - counts, 0)
      if (codec === game) b.writeUInt16BE(0x4d47, 4)
      return codec.frameLength(b, 0, b.length)
    }
    expect(said(codec.maxFrame)).toBe(codec.maxFrame)
    expect(said(codec.maxFrame + 1)).toBe(FrameError.tooLong)
    expect(said(least)).toBe(least)
    expect(said(least - 1)).toBe(FrameError.belowHeader)
    expect(said(counts)).toBe(FrameError.belowHeader)
    expect(said(counts - 1)).toBe(FrameError.malformed)
  },
)
