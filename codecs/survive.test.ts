import { expect, test } from 'vitest'
import type { Codec } from './contract.ts'
import { shippedCodec } from './load.ts'
import { survive } from './survive.ts'
import { parseHex } from './tools/decode.ts'

const game = await shippedCodec('game')
/** A request of 29 bytes, as in game/vectors.yaml. */
const request = parseHex('0000001d4d470100000186a00000000701b69b4ba630f34e68656c6c6f')
const stream = Uint8Array.from([...request, ...request])

/** @returns what `survive` says of a codec that differs from a good one in this */
function complaint(wrong: Partial<Codec>): string {
  try {
    survive({ ...game, ...wrong }, stream, [7, 30])
  } catch (error) {
    return (error as Error).message
  }
  return 'none'
}

test('a codec that keeps its promises survives, and of each that it breaks is told which', () => {
  expect(complaint({})).toBe('none')
  expect(complaint({ frameLength: () => 0 })).toBe('frameLength must never be 0')
  expect(complaint({ maxFrame: 28 })).toBe('asks for 29 bytes, above maxFrame 28')
  expect(complaint({ frameLength: (_, at, end) => Math.max(29, end - at) })).toBe('other frames when cut otherwise')
  const read: Codec['read'] = (slot, b, at, length, out) => {
    const there = game.read(slot, b, at, length, out)
    out.end += 29
    return there
  }
  expect(complaint({ read })).toMatch(/lies outside its frame$/)
  expect(complaint({ reply: () => request.subarray(1) })).toMatch(/reply is no frame$/)
  const writeId: Codec['writeId'] = (b, at, length) => {
    b[at + length] = 0
    return true
  }
  expect(complaint({ writeId })).toBe('writes an id beyond the frame')
})
