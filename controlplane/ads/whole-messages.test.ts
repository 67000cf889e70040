import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WholeMessages } from './whole-messages.ts'

function framed(length: number): Buffer {
  const bytes = Buffer.alloc(5 + length, length % 256)
  bytes[0] = 0
  bytes.writeUInt32BE(length, 1)
  return bytes
}

describe('messages for grpc-js', () => {
  test('are handed over as they came where they are whole', () => {
    const messages = new WholeMessages()
    for (const chunk of [framed(0), framed(7), Buffer.concat([framed(300), framed(2)])])
      expect(messages.take(chunk)).toBe(chunk)
  })

  test('are handed over with their last byte, however they are cut, and nothing is held back between them', () => {
    const lengths = fc.array(fc.nat(600), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(lengths, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(framed))
        const messages = new WholeMessages()
        const got: Buffer[] = []
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const to = at + cuts[index % cuts.length]!
          const ready = messages.take(bytes.subarray(at, to))
          if (ready) got.push(ready)
          at = to
        }
        expect(Buffer.concat(got).equals(bytes)).toBe(true)
        expect(messages.flush()).toBeUndefined()
      }),
    )
  })

  test('of many bytes that come one by one are handed over in few pieces', () => {
    const messages = new WholeMessages()
    let pieces = 0
    for (const byte of framed(200_000)) if (messages.take(Buffer.of(byte))) pieces++
    expect(pieces).toBe(13)
  })

  test('that end in the middle are handed over all the same', () => {
    const messages = new WholeMessages()
    const half = framed(100).subarray(0, 50)
    expect(messages.take(half)).toBeUndefined()
    expect(messages.unfinished).toBe(45)
    expect(messages.flush()).toEqual(half)
  })
})
