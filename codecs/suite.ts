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
import { fieldValue } from './values.ts'

/**
 * What must hold for every codec, declarative or written by hand. `corpus` are whole valid frames, as varied as can be had.
 * The rules are those of `Codec`; a codec of one's own is tested with these lines:
 *
 *   codecSuite('mine', codec, frames)
 */
export interface SuiteOptions {
  /** Byte offset and width of the frame's length field, where it has a fixed one: lengths are then made to lie. */
  readonly lengthField?: { readonly at: number; readonly bytes: number; readonly le?: boolean }
  readonly runs?: number
  /** Of a protocol whose sides differ: who reads the replies made here. Default: the codec's `upstream`, or itself. */
  readonly reader?: Codec
}

interface Seen {
  readonly at: number
  readonly length: number
  readonly kind: number
  readonly id: string
}

/** Cuts a stream into frames as a connection does: a buffer that grows by chunks, never beyond what the codec asks for. */
export function splitStream(
  codec: Codec,
  chunks: readonly Uint8Array[],
): { readonly frames: Seen[]; readonly error: number; readonly held: number } {
  const frames: Seen[] = []
  const frame = emptyFrame()
  let pending = new Uint8Array(0)
  let base = 0
  let wanted = 1
  let held = 0
  for (const chunk of chunks) {
    const joined = new Uint8Array(pending.length + chunk.length)
    joined.set(pending)
    joined.set(chunk, pending.length)
    pending = joined
    let at = 0
    while (pending.length - at >= wanted) {
      const length = codec.frameLength(pending, at, pending.length)
      if (length === 0) throw new Error('frameLength must never be 0')
      if (length < 0) return { frames, error: length, held }
      if (length > pending.length - at) {
        if (length > codec.maxFrame) throw new Error(`asks for ${length} bytes, above maxFrame ${codec.maxFrame}`)
        wanted = length
        break
      }
      const result = codec.inspect(pending, at, length, frame)
      if (result < 0) return { frames, error: result, held }
      frames.push({ at: base + at, length, kind: frame.kind, id: `${frame.idHi}:${frame.idLo}` })
      at += length
      wanted = 1
    }
    base += at
    pending = pending.slice(at)
    held = Math.max(held, pending.length)
  }
  // What is left may be wrong already, although the codec did not ask to be called before more came.
  const rest = pending.length > 0 ? codec.frameLength(pending, 0, pending.length) : 0
  return { frames, error: Math.min(0, rest), held }
}

/** Inside properties, where vitest's own matchers would take most of the time. */
function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

function sameFrames(a: readonly Seen[], b: readonly Seen[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function join(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames))
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? bytes.length)
    chunks.push(bytes.slice(at, at + size))
    at += size
  }
  return chunks
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

/** Feeds bytes whole and in pieces, and every function of the codec with every frame that comes out. */
export function survive(
  codec: Codec,
  bytes: Uint8Array,
  sizes: readonly number[],
  options: Pick<SuiteOptions, 'reader'> = {},
): void {
  const whole = splitStream(codec, [bytes])
  const pieces = splitStream(codec, cut(bytes, sizes))
  must(sameFrames(pieces.frames, whole.frames), 'other frames when cut otherwise')
  // A piece may end before the byte that is wrong; with all bytes there the verdict is the same.
  must(
    pieces.error === whole.error,
    `${frameErrorName(pieces.error) ?? 'no error'} in pieces, ${frameErrorName(whole.error) ?? 'none'} as a whole`,
  )
  must(whole.held <= codec.maxFrame && pieces.held <= codec.maxFrame, 'holds more than maxFrame')
  const ref = emptyRef()
  for (const { at, length } of whole.frames) {
    for (const info of codec.fields) {
      if (codec.read(info.slot, bytes, at, length, ref)) {
        must(ref.start >= at && ref.end >= ref.start && ref.end <= at + length, `${info.name} lies outside its frame`)
      }
      codec.field(info.slot, bytes, at, length)
      if (info.writable)
        codec.mutate?.(bytes, at, length, [
          { slot: info.slot, value: info.type === 'bytes' ? new Uint8Array(3) : '12' },
        ])
    }
    for (const kind of replyKinds) {
      const reply = codec.reply?.(kind, bytes, at, length, 1, 'x')
      const reader = options.reader ?? (kind === 'ping' ? codec : codecOfSide(codec, 'upstream'))
      if (reply) must(reader.frameLength(reply, 0, reply.length) === reply.length, `the ${kind} reply is no frame`)
    }
    // Behind a frame lies the next one.
    const copy = new Uint8Array(length + 16).fill(0xa5, length)
    copy.set(bytes.subarray(at, at + length))
    codec.spliceId?.(copy, 0, length, 5, 0)
    codec.writeId?.(copy, 0, length, 5, 0)
    for (let i = length; i < copy.length; i++) must(copy[i] === 0xa5, 'writes an id beyond the frame')
  }
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
