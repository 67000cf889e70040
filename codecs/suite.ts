import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Codec,
  codecOfSide,
  emptyFrame,
  emptyRef,
  type FieldInfo,
  type FieldValue,
  FrameKind,
  frameErrorName,
  putId,
  type ReplyKind,
  replyKinds,
} from './contract.ts'
import { cut, must, type SurviveOptions, sameFrames, splitStream, survive } from './survive.ts'
import { fieldValue } from './values.ts'

/**
 * What must hold for every codec, declarative or written by hand. `corpus` are whole valid frames, as varied as can be had.
 * The rules are those of `Codec`; a codec of one's own is tested with these lines:
 *
 *   codecSuite('mine', codec, frames)
 */
export interface SuiteOptions extends SurviveOptions {
  /** Byte offset and width of the frame's length field, where it has a fixed one: lengths are then made to lie. */
  readonly lengthField?: { readonly at: number; readonly bytes: number; readonly le?: boolean }
  readonly runs?: number
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function join(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames))
}

/** A value for a field that is not the one it has. */
function otherValue(info: FieldInfo, now: FieldValue, bits: number): FieldValue {
  switch (info.type) {
    case 'number': {
      const number = Number(now)
      return bits === 1 ? 1 - number : info.signed || number > 0 ? number - 1 : number + 1
    }
    case 'bigint':
      return (now as bigint) > 0n ? (now as bigint) - 1n : (now as bigint) + 1n
    case 'string':
      return `${String(now).slice(0, 8)}x`
    case 'bytes':
      return Uint8Array.from([...(now as Uint8Array).subarray(0, 8), 7])
  }
}

/** A value of the field's type. */
function anyValue({ type }: FieldInfo): FieldValue {
  return type === 'number' ? 1 : type === 'bigint' ? 1n : type === 'string' ? '7' : Uint8Array.of(7)
}

/** Declares the tests; `known` are whole valid frames. Runs under vitest. */
export function codecSuite(name: string, codec: Codec, known: readonly Uint8Array[], options: SuiteOptions = {}): void {
  const runs = options.runs ?? 100
  const corpus = [...known, ...known.flatMap((bytes) => withTwoIds(codec, bytes))]
  const frames = fc.array(fc.constantFrom(...corpus), { minLength: 1, maxLength: 6 })
  const frame = emptyFrame()
  const ref = emptyRef()
  const readerOf = (kind: ReplyKind) => options.reader ?? (kind === 'ping' ? codec : codecOfSide(codec, 'upstream'))

  describe(`${name}: promises of every codec`, () => {
    test('its figures make sense', () => {
      expect(codec.headerMin).toBeGreaterThan(0)
      expect(codec.maxFrame).toBeGreaterThanOrEqual(codec.headerMin)
      expect(Number.isFinite(codec.maxFrame)).toBe(true)
      expect(codec.modes.length).toBeGreaterThan(0)
      codec.fields.forEach((info, slot) => {
        expect(info.slot).toBe(slot)
        expect(codec.slot(info.name)).toBe(slot)
      })
      expect(codec.slot('no such field')).toBe(-1)
      if (codec.modes.includes('shared')) expect(codec.idBits).toBeGreaterThan(0)
    })

    test('the corpus is whole frames', () => {
      for (const bytes of corpus) {
        expect(codec.frameLength(bytes, 0, bytes.length)).toBe(bytes.length)
        expect(frameErrorName(codec.inspect(bytes, 0, bytes.length, frame))).toBeUndefined()
        expect(bytes.length).toBeGreaterThanOrEqual(codec.headerMin)
      }
    })

    test('any cutting of a stream gives the same frames', () => {
      fc.assert(
        fc.property(
          frames,
          fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 }),
          (list, sizes) => {
            const bytes = join(list)
            const whole = splitStream(codec, [bytes])
            must(whole.error === 0, 'a valid stream gives an error')
            must(
              String(whole.frames.map(({ length }) => length)) === String(list.map(({ length }) => length)),
              'other lengths',
            )
            must(sameFrames(splitStream(codec, cut(bytes, sizes)).frames, whole.frames), 'other frames in pieces')
            must(sameFrames(splitStream(codec, cut(bytes, [1])).frames, whole.frames), 'other frames byte by byte')
          },
        ),
        { numRuns: Math.ceil(runs / 4) },
      )
    })

    test('a frame that is cut off asks for more bytes, never for more than it has', () => {
      for (const bytes of corpus) {
        for (let end = 0; end < bytes.length; end++) {
          const needs = codec.frameLength(bytes.slice(0, end), 0, end)
          must(needs > end && needs <= bytes.length, `after ${end} of ${bytes.length} bytes it asks for ${needs}`)
        }
      }
    })

    test('a frame means the same wherever it lies in a buffer, and reading changes nothing', () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...corpus),
          fc.uint8Array({ maxLength: 20 }),
          fc.uint8Array({ maxLength: 20 }),
          (bytes, left, right) => {
            const buffer = join([left, bytes, right])
            const copy = buffer.slice()
            const alone = read(codec, bytes, 0, bytes.length)
            must(read(codec, buffer, left.length, bytes.length) === alone, 'reads otherwise at another place')
            must(sameBytes(buffer, copy), 'reading changed the buffer')
          },
        ),
        { numRuns: runs },
      )
    })

    test('fields lie inside the frame', () => {
      for (const bytes of corpus) {
        for (const { slot, name: field } of codec.fields) {
          if (!codec.read(slot, bytes, 0, bytes.length, ref)) continue
          expect(ref.start, field).toBeGreaterThanOrEqual(0)
          expect(ref.end, field).toBeGreaterThanOrEqual(ref.start)
          expect(ref.end, field).toBeLessThanOrEqual(bytes.length)
        }
      }
    })

    test('where a frame says that its id stands, another one is written as the codec writes it', () => {
      for (const bytes of corpus) {
        frame.idAt = -1
        expect(codec.inspect(bytes, 0, bytes.length, frame)).toBe(0)
        const { idAt } = frame
        if (idAt < 0) continue
        const put = bytes.slice()
        putId(put, idAt, 0x81020304 | 0)
        expect(put).toEqual(withId(codec, bytes, 0x81020304 | 0, 0))
      }
    })

    if (codec.writeId || codec.spliceId) {
      test('an id written and the old one restored gives the same bytes, up to the limits of its width', () => {
        const low = codec.idBits >= 32 ? fc.integer() : fc.integer({ min: 0, max: 2 ** codec.idBits - 1 })
        const high = codec.idBits === 64 ? fc.integer() : fc.constant(0)
        const edges =
          codec.idBits >= 32
            ? fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31))
            : fc.constantFrom(0, 2 ** codec.idBits - 1)
        fc.assert(
          fc.property(fc.constantFrom(...corpus), fc.oneof(low, edges), high, (bytes, lo, hi) => {
            expect(codec.inspect(bytes, 0, bytes.length, frame)).toBe(0)
            const { idLo, idHi, kind, status, error } = frame
            const changed = withId(codec, bytes, lo, hi)
            if (!changed) return
            must(codec.frameLength(changed, 0, changed.length) === changed.length, 'the length is wrong')
            must(codec.inspect(changed, 0, changed.length, frame) === 0, 'the frame is refused')
            must(frame.idLo === lo && frame.idHi === hi, `the id reads ${frame.idHi}:${frame.idLo}`)
            must(frame.kind === kind && frame.status === status && frame.error === error, 'the message is another one')
            const restored = withId(codec, changed, idLo, idHi)
            must(restored !== undefined && sameBytes(restored, bytes), 'the restored frame differs')
          }),
          { numRuns: runs },
        )
      })

      test('every request and response of a shared protocol takes an id', () => {
        if (!codec.modes.includes('shared')) return
        for (const bytes of corpus) {
          codec.inspect(bytes, 0, bytes.length, frame)
          if (frame.kind === FrameKind.request || frame.kind === FrameKind.response) {
            expect(withId(codec, bytes, codec.idBits < 7 ? 5 : 77, 0)).toBeDefined()
          }
        }
      })
    }

    if (codec.mutate) {
      test('a change can be read back, lengths agree, and other fields are as they were', () => {
        let changes = 0
        for (const bytes of corpus) {
          for (const info of codec.fields.filter(({ writable }) => writable)) {
            if (!codec.read(info.slot, bytes, 0, bytes.length, ref)) continue
            const now = fieldValue(info, bytes, ref)
            const value = otherValue(info, now, ref.end - ref.start === 1 && info.values ? 8 : 32)
            const changed = codec.mutate?.(bytes, 0, bytes.length, [{ slot: info.slot, value }])
            // A value may not fit (a flag, a full prefix): then nothing is changed at all.
            if (!changed) continue
            changes++
            expect(codec.frameLength(changed, 0, changed.length), info.name).toBe(changed.length)
            expect(codec.field(info.slot, changed, 0, changed.length), info.name).toEqual(value)
            const back = codec.mutate?.(changed, 0, changed.length, [{ slot: info.slot, value: now }])
            expect(back, info.name).toEqual(bytes)
          }
        }
        if (codec.fields.some(({ writable }) => writable)) expect(changes).toBeGreaterThan(0)
      })
    }

    if (codec.mutate) {
      test('a field that a frame does not have is not written, or is there afterwards', () => {
        for (const bytes of corpus) {
          for (const info of codec.fields.filter(({ writable }) => writable)) {
            if (codec.read(info.slot, bytes, 0, bytes.length, ref)) continue
            const value = anyValue(info)
            const changed = codec.mutate?.(bytes, 0, bytes.length, [{ slot: info.slot, value }])
            if (!changed) continue
            expect(codec.frameLength(changed, 0, changed.length), info.name).toBe(changed.length)
            expect(codec.inspect(changed, 0, changed.length, frame), info.name).toBe(0)
            expect(codec.field(info.slot, changed, 0, changed.length), info.name).toEqual(value)
          }
        }
      })
    }

    test('a reply is a frame of the protocol and carries the id of its request', () => {
      for (const bytes of corpus) {
        codec.inspect(bytes, 0, bytes.length, frame)
        const { idLo, idHi, kind } = frame
        for (const wanted of replyKinds) {
          if (wanted === 'error' && kind !== FrameKind.request && kind !== FrameKind.either) continue
          if (wanted === 'heartbeat' && kind !== FrameKind.heartbeat) continue
          const reply = codec.reply?.(wanted, bytes, 0, bytes.length, codec.errorCodes.timeout, 'no answer in time')
          if (!reply) continue
          const reader = readerOf(wanted)
          expect(reader.frameLength(reply, 0, reply.length), wanted).toBe(reply.length)
          expect(reader.inspect(reply, 0, reply.length, frame), wanted).toBe(0)
          if (wanted === 'error') {
            expect([FrameKind.response, FrameKind.either]).toContain(frame.kind)
            expect(frame.error).toBe(1)
          }
          if (wanted === 'error' || wanted === 'heartbeat') expect([frame.idLo, frame.idHi]).toEqual([idLo, idHi])
        }
      }
    })
  })

  describe(`${name}: bytes of a peer that lies or is broken`, () => {
    const { lengthField } = options
    if (lengthField) {
      const { at, bytes, le } = lengthField
      const top = 2 ** (bytes * 8)
      const lies = [0, 1, codec.headerMin - 1, codec.maxFrame, codec.maxFrame + 1, top / 2 - 1, top / 2, top - 1]
      test.each(lies.filter((value) => value >= 0 && value < top).map((value) => [value]))(
        'a length of %d takes no memory',
        (value) => {
          for (const valid of corpus) {
            const lie = valid.slice()
            for (let i = 0; i < bytes; i++)
              lie[le ? at + i : at + bytes - 1 - i] = Math.floor(value / 2 ** (8 * i)) % 256
            const length = codec.frameLength(lie, 0, lie.length)
            expect(length).not.toBe(0)
            expect(length).toBeLessThanOrEqual(codec.maxFrame)
            if (length > 0) expect(length).toBeGreaterThanOrEqual(codec.headerMin)
          }
        },
      )
    }

    test('random bytes: an error or progress, never a throw, never more memory than maxFrame', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 300 }),
          fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
          (bytes, sizes) => {
            survive(codec, bytes, sizes, options)
          },
        ),
        { numRuns: runs * 2 },
      )
    })

    test('mutated frames: an error or progress, fields inside the frame, the same at every cutting', () => {
      const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 })
      fc.assert(
        fc.property(
          frames,
          edits,
          fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
          (list, changes, sizes) => {
            const bytes = join(list)
            for (const [place, value] of changes) bytes[place % bytes.length] = value
            survive(codec, bytes, sizes, options)
          },
        ),
        { numRuns: runs * 3 },
      )
    })
  })
}

/** The same frame with two ids that differ, where it has two. */
function withTwoIds(codec: Codec, bytes: Uint8Array): Uint8Array[] {
  if (codec.idBits === 0 || codec.idBits > 32) return []
  const differing = withId(codec, bytes, 9, 0x55)
  const frame = emptyFrame()
  if (differing) codec.inspect(differing, 0, differing.length, frame)
  return differing && frame.idHi === 0x55 ? [differing] : []
}

function withId(codec: Codec, bytes: Uint8Array, lo: number, hi: number): Uint8Array | undefined {
  const copy = bytes.slice()
  if (codec.writeId?.(copy, 0, copy.length, lo, hi)) return copy
  must(sameBytes(copy, bytes), 'writeId said no and changed the frame')
  return codec.spliceId?.(copy, 0, copy.length, lo, hi)
}

function read(codec: Codec, bytes: Uint8Array, at: number, length: number): string {
  const frame = emptyFrame()
  const result = codec.inspect(bytes, at, length, frame)
  const fields = codec.fields.map(({ slot }) => {
    const value = codec.field(slot, bytes, at, length)
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
  })
  return JSON.stringify({ result, frame, fields })
}
