import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { protocolFile, shippedCodec } from '../load.ts'
import { parseHex } from '../tools/decode.ts'
import { parseVectors } from '../tools/vectors.ts'
import { hessianBytes, hessianStringEnd } from './hessian.ts'

/** Lengths around those where the head of a string changes its form. */
const lengths = [0, 1, 31, 32, 255, 256, 1023, 1024, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, 0x10001, 0x1ffff]

/** Longer attachments are written in pieces, and have no bytes of their own that a field could be. */
const inOnePiece = 0x8000

describe('Hessian strings', () => {
  test.each(lengths)('of %d characters end where they were written to end', (length) => {
    for (const letter of ['x', 'ä', '世']) {
      const written = hessianBytes(letter.repeat(length))
      expect(hessianStringEnd(written, 0, written.length)).toBe(written.length)
    }
  })

  test('an attachment of Dubbo is read back up to the length at which it goes in pieces', async () => {
    const codec = await shippedCodec('dubbo')
    const slot = codec.slot('attachment.long')
    const { vectors } = parseVectors(readFileSync(protocolFile('dubbo', 'vectors.yaml'), 'utf8'))
    let read = 0
    for (const { hex } of vectors) {
      const frame = parseHex(hex)
      for (const length of lengths.filter((length) => length > 0 && length <= inOnePiece)) {
        const value = 'x'.repeat(length)
        const changed = codec.mutate?.(frame, 0, frame.length, [{ slot, value }])
        if (!changed) continue
        read++
        expect(codec.frameLength(changed, 0, changed.length)).toBe(changed.length)
        expect(codec.field(slot, changed, 0, changed.length)).toBe(value)
      }
    }
    expect(read).toBeGreaterThan(0)
  })
})
