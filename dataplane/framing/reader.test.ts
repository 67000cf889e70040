import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Codec } from '../../codecs/contract.ts'
import { codec as game } from '../../codecs/game/codec.ts'
import { FrameReader } from './reader.ts'

function frame(size: number, seq: number): Buffer {
  const bytes = Buffer.alloc(24 + size, seq & 255)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt16BE(0x4d47, 4)
  bytes[6] = 1
  bytes.writeUInt32BE(seq, 12)
  return bytes
}

/**
 * Feeds chunks from within memory that holds other bytes, as sockets' memory does; `holdAt` says before which frames the sink wants a pause, which
 * ends at the next chunk or at the end.
 */
function read(chunks: readonly Buffer[], holdAt: (index: number) => boolean = () => false, codec: Codec = game) {
  const frames: Buffer[] = []
  let error = 0
  const reader = new FrameReader(codec, {
    onFrame: (b, at, length) => {
      frames.push(Buffer.from(b.subarray(at, at + length)))
      return !holdAt(frames.length)
    },
    onFrameError: (code) => {
      error = code
    },
  })
  for (const chunk of chunks) {
    const memory = Buffer.concat([Buffer.alloc(7, 0xee), chunk, Buffer.alloc(5, 0xee)])
    reader.feed(memory, 7, 7 + chunk.length)
    reader.resume()
  }
  for (let i = 0; i < 10_000 && reader.holding; i++) reader.resume()
  return { frames, error, partial: reader.partial }
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

describe('frames of a stream', () => {
  it('are the same however the stream is cut, and wherever the sink holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(5000)), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (sizes, cuts, every) => {
          const wanted = sizes.map((size, i) => frame(size, i))
          const whole = Buffer.concat(wanted)
          const same = (frames: readonly Buffer[]) =>
            frames.length === wanted.length && frames.every((bytes, i) => bytes.equals(wanted[i]!))
          expect(same(read(cut(whole, cuts)).frames)).toBe(true)
          expect(same(read(cut(whole, cuts), (n) => n % every === 0).frames)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are the same for a codec that asks for more bytes than the frame turns out to have', () => {
    const asked = 150
    const greedy: Codec = {
      ...game,
      frameLength: (b, at, end) => (end - at < asked ? asked : game.frameLength(b, at, end)),
    }
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (sizes, cuts, every) => {
          // The last is as long as may be asked for, so that none waits for bytes that never come.
          const wanted = [...sizes, asked].map((size, i) => frame(size, i))
          const chunks = cut(Buffer.concat(wanted), cuts)
          for (const holdAt of [() => false, (n: number) => n % every === 0]) {
            const { frames, error, partial } = read(chunks, holdAt, greedy)
            expect({ frames, error, partial }).toEqual({ frames: wanted, error: 0, partial: false })
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are the same for a codec that looks for their end, which is given what came and not a byte at a time', () => {
    let calls = 0
    let looked = 0
    const memories = new Set<unknown>()
    const lines: Codec = {
      ...game,
      delimited: true,
      maxFrame: 10_000,
      frameLength: (b, at, end, seen = 0) => {
        calls++
        memories.add(b)
        for (let p = at + seen; p < Math.min(end, at + 10_000); p++) {
          looked++
          if (b[p] === 10) return p + 1 - at
        }
        return end - at >= 10_000 ? -2 : end - at + 1
      },
    }
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(1500, 9999)), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1460, 3000)), {
          minLength: 2,
          maxLength: 6,
        }),
        fc.integer({ min: 1, max: 4 }),
        (sizes, cuts, every) => {
          const wanted = sizes.map((size, i) => Buffer.concat([Buffer.alloc(size, 65 + i), Buffer.from('\n')]))
          const whole = Buffer.concat(wanted)
          const chunks = cut(whole, cuts)
          for (const holdAt of [() => false, (n: number) => n % every === 0]) {
            calls = 0
            looked = 0
            const { frames, error, partial } = read(chunks, holdAt, lines)
            expect({ frames, error, partial }).toEqual({ frames: wanted, error: 0, partial: false })
            // Each frame and chunk some times, each byte once, and once more where a chunk was kept while the sink held.
            expect(calls).toBeLessThan(4 * (chunks.length + wanted.length) + 8)
            expect(looked).toBeLessThanOrEqual(2 * whole.length)
          }
        },
      ),
      { numRuns: 40 },
    )
    memories.clear()
    expect(
      read(cut(Buffer.concat([Buffer.alloc(9000, 65), Buffer.from('\n')]), [30]), () => false, lines).frames,
    ).toHaveLength(1)
    // What has come is copied as often as its memory doubles, and not with every piece.
    expect(memories.size).toBeLessThan(10)
    expect(read(cut(Buffer.alloc(20_000, 65), [700]), () => false, lines)).toEqual({
      frames: [],
      error: -2,
      partial: false,
    })
  })

  it('are partial from their first byte on', () => {
    const whole = frame(3, 1)
    for (let bytes = 0; bytes <= whole.length; bytes++)
      expect(read([whole.subarray(0, bytes)]).partial).toBe(bytes > 0 && bytes < whole.length)
  })

  it('every cut of two frames in two chunks', () => {
    const wanted = [frame(3, 1), frame(9, 2)]
    const whole = Buffer.concat(wanted)
    for (let at = 0; at <= whole.length; at++) {
      const result = read([whole.subarray(0, at), whole.subarray(at)].filter(({ length }) => length > 0))
      expect(result).toEqual({ frames: wanted, error: 0, partial: false })
    }
  })

  it('a lie about the length is found before the frame is there, and nothing is read after it', () => {
    const lie = frame(0, 1)
    lie.writeUInt32BE(0xffffffff, 0)
    const result = read([Buffer.concat([frame(1, 1), lie, frame(1, 2)]), frame(1, 3)])
    expect(result.frames).toHaveLength(1)
    expect(result.error).toBeLessThan(0)
    const inPieces = read(cut(lie, [1]))
    expect(inPieces.error).toBe(result.error)
    expect(inPieces.partial).toBe(false)
  })

  it('wait while they are held, with what comes meanwhile, and come in their order when it is over', () => {
    const seen: number[] = []
    const reader = new FrameReader(game, {
      onFrame: (b, at) => {
        seen.push(b[at + 15]!)
        return true
      },
      onFrameError: () => undefined,
    })
    const feed = (bytes: Buffer) => reader.feed(Buffer.from(bytes), 0, bytes.length)
    reader.hold()
    feed(Buffer.concat([frame(0, 1), frame(0, 2).subarray(0, 10)]))
    feed(Buffer.concat([frame(0, 2).subarray(10), frame(9, 3)]))
    expect(seen).toEqual([])
    expect(reader.resume()).toBe(true)
    expect(seen).toEqual([1, 2, 3])
    feed(frame(0, 4))
    expect(seen).toEqual([1, 2, 3, 4])
  })

  it('a header that announces a long frame takes little memory until the frame comes', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 500 }, () => {
      const reader = new FrameReader(game, { onFrame: () => true, onFrameError: () => undefined })
      const head = frame(0, 1)
      head.writeUInt32BE(1024 * 1024, 0)
      reader.feed(head, 0, head.length)
      return reader
    })
    expect(readers.every(({ partial }) => partial)).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(500 * 8192)
  })
})
