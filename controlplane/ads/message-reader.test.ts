import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageReader, MessageTooLarge, MessageUnreadable } from './message-reader.ts'

function framed(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function drain(reader: MessageReader): string[] {
  const messages: string[] = []
  for (let message = reader.next(); message; message = reader.next()) messages.push(message.toString('hex'))
  return messages
}

describe('messages of a gRPC call', () => {
  test('are the same however the bytes are cut, and however often somebody looks', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
    const cuts = fc.array(fc.nat(400), { maxLength: 12 })
    fc.assert(
      fc.property(messages, cuts, fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }), (sent, places, looks) => {
        const bytes = Buffer.concat(sent.map((message) => framed(message)))
        const ends = [...new Set(places.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b))]
        const reader = new MessageReader(1000)
        const got: string[] = []
        let from = 0
        for (const [index, end] of [...ends, bytes.length].entries()) {
          reader.add(bytes.subarray(from, end))
          from = end
          if (looks[index]) got.push(...drain(reader))
        }
        got.push(...drain(reader))
        expect(got).toEqual(sent.map((message) => Buffer.from(message).toString('hex')))
      }),
    )
  })

  test('a message in one chunk is a view of it, not a copy', () => {
    const chunk = framed(Buffer.from('whole'))
    const reader = new MessageReader(1000)
    reader.add(chunk)
    expect(reader.next()!.buffer).toBe(chunk.buffer)
  })

  test.each([1000, 300_000])(
    'one of %i bytes in several chunks is put together, and what follows it stays as it came',
    (length) => {
      const long = Buffer.alloc(length, 'abcdefg')
      const reader = new MessageReader(1_000_000)
      const bytes = Buffer.concat([framed(long), framed(Buffer.from('next'))])
      for (let at = 0; at < bytes.length; at += 700) reader.add(bytes.subarray(at, at + 700))
      expect(long.equals(reader.next()!)).toBe(true)
      expect(reader.next()?.toString()).toBe('next')
      expect(reader.next()).toBeUndefined()
    },
  )

  test('one beyond the limit is refused by its head, before its bytes come', () => {
    const reader = new MessageReader(10)
    reader.add(framed(Buffer.alloc(11)).subarray(0, 5))
    expect(() => reader.next()).toThrow(MessageTooLarge)
    const exact = new MessageReader(10)
    exact.add(framed(Buffer.alloc(10)))
    expect(exact.next()).toHaveLength(10)
  })

  test.each([
    [1, 'compressed'],
    [22, 'no gRPC message'],
  ])('a head that begins with %i is refused: %s', (flag, words) => {
    const reader = new MessageReader(10)
    reader.add(framed(Buffer.from('x'), flag))
    expect(() => reader.next()).toThrow(MessageUnreadable)
    reader.add(Buffer.alloc(0))
    expect(() => reader.next()).toThrow(words)
  })
})
