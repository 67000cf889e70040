import fc from 'fast-check'
import { expect } from 'vitest'
import { type Codec, emptyFrame, emptyRef, frameErrorName } from '../contract.ts'
import { cut, must, sameFrames, splitStream } from '../survive.ts'
import { join, type Property, pieceSizes, sameBytes } from './subject.ts'

export const figures: Property = {
  promise: 'its figures make sense',
  check: ({ codec }) => {
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
  },
}

export const wholeFrames: Property = {
  promise: 'the corpus is whole frames',
  check: ({ codec, corpus }) => {
    const frame = emptyFrame()
    for (const bytes of corpus) {
      expect(codec.frameLength(bytes, 0, bytes.length)).toBe(bytes.length)
      expect(frameErrorName(codec.inspect(bytes, 0, bytes.length, frame))).toBeUndefined()
      expect(bytes.length).toBeGreaterThanOrEqual(codec.headerMin)
    }
  },
}

export const cutting: Property = {
  promise: 'any cutting of a stream gives the same frames',
  check: ({ codec, frames, runs }) => {
    const holds = (list: readonly Uint8Array[], sizes: readonly number[]) => {
      const bytes = join(list)
      const whole = splitStream(codec, [bytes])
      must(whole.error === 0, 'a valid stream gives an error')
      must(
        String(whole.frames.map(({ length }) => length)) === String(list.map(({ length }) => length)),
        'other lengths',
      )
      must(sameFrames(splitStream(codec, cut(bytes, sizes)).frames, whole.frames), 'other frames in pieces')
      must(sameFrames(splitStream(codec, cut(bytes, [1])).frames, whole.frames), 'other frames byte by byte')
    }
    fc.assert(fc.property(frames, pieceSizes(64, 8), holds), { numRuns: Math.ceil(runs / 4) })
  },
}

export const cutOff: Property = {
  promise: 'a frame that is cut off asks for more bytes, never for more than it has',
  check: ({ codec, corpus }) => {
    for (const bytes of corpus) {
      for (let end = 0; end < bytes.length; end++) {
        const needs = codec.frameLength(bytes.slice(0, end), 0, end)
        must(needs > end && needs <= bytes.length, `after ${end} of ${bytes.length} bytes it asks for ${needs}`)
      }
    }
  },
}

export const anywhere: Property = {
  promise: 'a frame means the same wherever it lies in a buffer, and reading changes nothing',
  check: ({ codec, corpus, runs }) => {
    const beside = fc.uint8Array({ maxLength: 20 })
    const holds = (bytes: Uint8Array, left: Uint8Array, right: Uint8Array) => {
      const buffer = join([left, bytes, right])
      const copy = buffer.slice()
      const alone = read(codec, bytes, 0, bytes.length)
      must(read(codec, buffer, left.length, bytes.length) === alone, 'reads otherwise at another place')
      must(sameBytes(buffer, copy), 'reading changed the buffer')
    }
    fc.assert(fc.property(fc.constantFrom(...corpus), beside, beside, holds), { numRuns: runs })
  },
}

export const fieldsInside: Property = {
  promise: 'fields lie inside the frame',
  check: ({ codec, corpus }) => {
    const ref = emptyRef()
    for (const bytes of corpus) {
      for (const { slot, name } of codec.fields) {
        if (!codec.read(slot, bytes, 0, bytes.length, ref)) continue
        expect(ref.start, name).toBeGreaterThanOrEqual(0)
        expect(ref.end, name).toBeGreaterThanOrEqual(ref.start)
        expect(ref.end, name).toBeLessThanOrEqual(bytes.length)
      }
    }
  },
}

/** All that a codec reads in a frame, as text. */
function read(codec: Codec, bytes: Uint8Array, at: number, length: number): string {
  const frame = emptyFrame()
  const result = codec.inspect(bytes, at, length, frame)
  const fields = codec.fields.map(({ slot }) => {
    const value = codec.field(slot, bytes, at, length)
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
  })
  return JSON.stringify({ result, frame, fields })
}
