import fc from 'fast-check'
import { must, survive } from '../survive.ts'
import { join, type Property, pieceSizes } from './subject.ts'

export const lengthLies: Property = {
  promise: 'a length that lies takes no memory',
  concerns: ({ options }) => options.lengthField !== undefined,
  check: ({ codec, corpus, options }) => {
    const { at, bytes, le } = options.lengthField!
    const top = 2 ** (bytes * 8)
    const lies = [0, 1, codec.headerMin - 1, codec.maxFrame, codec.maxFrame + 1, top / 2 - 1, top / 2, top - 1]
    for (const value of lies.filter((one) => one >= 0 && one < top)) {
      for (const valid of corpus) {
        const lie = valid.slice()
        for (let i = 0; i < bytes; i++) lie[le ? at + i : at + bytes - 1 - i] = Math.floor(value / 2 ** (8 * i)) % 256
        const length = codec.frameLength(lie, 0, lie.length)
        must(length !== 0 && length <= codec.maxFrame, `${value} makes a frame of ${length} bytes`)
        must(length < 0 || length >= codec.headerMin, `${value} makes a frame of ${length} bytes, without a header`)
      }
    }
  },
}

export const randomBytes: Property = {
  promise: 'random bytes: an error or progress, never a throw, never more memory than maxFrame',
  check: ({ codec, runs, options }) => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 })
    fc.assert(
      fc.property(bytes, sizes, (stream, pieces) => survive(codec, stream, pieces, options)),
      { numRuns: runs * 2 },
    )
  },
}

export const mutatedFrames: Property = {
  promise: 'mutated frames: an error or progress, fields inside the frame, the same at every cutting',
  check: ({ codec, frames, runs, options }) => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 })
    const holds = (
      list: readonly Uint8Array[],
      changes: readonly (readonly [number, number])[],
      sizes: readonly number[],
    ) => {
      const bytes = join(list)
      for (const [place, value] of changes) bytes[place % bytes.length] = value
      survive(codec, bytes, sizes, options)
    }
    fc.assert(fc.property(frames, edits, pieceSizes(50, 6), holds), { numRuns: runs * 3 })
  },
}
