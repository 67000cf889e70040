import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gather } from './chunks.ts'

function gathered(parts: readonly Buffer[]): Buffer[] {
  const chunks: Buffer[] = []
  for (const part of parts) gather(chunks, part)
  return chunks
}

describe('chunks that wait', () => {
  test('are the same bytes in the same order, however they came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (parts) => {
        const buffers = parts.map((part) => Buffer.from(part))
        expect(Buffer.concat(gathered(buffers)).equals(Buffer.concat(buffers))).toBe(true)
      }),
    )
  })

  test('are few, although they came a byte at a time', () => {
    expect(gathered(Array.from({ length: 100_000 }, () => Buffer.of(1))).length).toBeLessThan(25)
  })

  test('that are long are not copied', () => {
    const long = [Buffer.alloc(16_384), Buffer.alloc(16_384), Buffer.alloc(60_000)]
    for (const [index, chunk] of gathered(long).entries()) expect(chunk).toBe(long[index])
  })
})
