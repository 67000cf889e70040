import fc from 'fast-check'
import { expect } from 'vitest'
import { emptyFrame, FrameKind, putId } from '../contract.ts'
import { must } from '../survive.ts'
import { type Property, type Subject, sameBytes, withId } from './subject.ts'

export const idAt: Property = {
  promise: 'where a frame says that its id stands, another one is written as the codec writes it',
  check: ({ codec, corpus }) => {
    const frame = emptyFrame()
    for (const bytes of corpus) {
      frame.idAt = -1
      expect(codec.inspect(bytes, 0, bytes.length, frame)).toBe(0)
      const { idAt } = frame
      if (idAt < 0) continue
      const put = bytes.slice()
      putId(put, idAt, 0x81020304 | 0)
      expect(put).toEqual(withId(codec, bytes, 0x81020304 | 0, 0))
    }
  },
}

const writesIds = ({ codec }: Subject) => codec.writeId !== undefined || codec.spliceId !== undefined

export const idRestored: Property = {
  promise: 'an id written and the old one restored gives the same bytes, up to the limits of its width',
  concerns: writesIds,
  check: ({ codec, corpus, runs }) => {
    const frame = emptyFrame()
    const { idBits } = codec
    const low = idBits >= 32 ? fc.integer() : fc.integer({ min: 0, max: 2 ** idBits - 1 })
    const high = idBits === 64 ? fc.integer() : fc.constant(0)
    const edges = idBits >= 32 ? [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)] : [0, 2 ** idBits - 1]
    const holds = (bytes: Uint8Array, lo: number, hi: number) => {
      frame.more = 0
      expect(codec.inspect(bytes, 0, bytes.length, frame)).toBe(0)
      const { idLo, idHi, kind, status, error, more } = frame
      const changed = withId(codec, bytes, lo, hi)
      if (!changed) return
      must(codec.frameLength(changed, 0, changed.length) === changed.length, 'the length is wrong')
      frame.more = 0
      must(codec.inspect(changed, 0, changed.length, frame) === 0, 'the frame is refused')
      must(frame.idLo === lo && frame.idHi === hi, `the id reads ${frame.idHi}:${frame.idLo}`)
      must(frame.kind === kind && frame.status === status && frame.error === error, 'the message is another one')
      must(frame.more === more, 'whether more of the reply follows hangs on the id')
      const restored = withId(codec, changed, idLo, idHi)
      must(restored !== undefined && sameBytes(restored, bytes), 'the restored frame differs')
    }
    const ids = fc.oneof(low, fc.constantFrom(...edges))
    fc.assert(fc.property(fc.constantFrom(...corpus), ids, high, holds), { numRuns: runs })
  },
}

export const sharedIds: Property = {
  promise: 'every request and response of a shared protocol takes an id',
  concerns: (subject) => writesIds(subject) && subject.codec.modes.includes('shared'),
  check: ({ codec, corpus }) => {
    const frame = emptyFrame()
    for (const bytes of corpus) {
      codec.inspect(bytes, 0, bytes.length, frame)
      if (frame.kind === FrameKind.request || frame.kind === FrameKind.response)
        expect(withId(codec, bytes, codec.idBits < 7 ? 5 : 77, 0)).toBeDefined()
    }
  },
}
