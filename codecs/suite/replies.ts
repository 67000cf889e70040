import { expect } from 'vitest'
import { codecOfSide, emptyFrame, FrameKind, replyKinds } from '../contract.ts'
import type { Property } from './subject.ts'

export const replies: Property = {
  promise: 'a reply is a frame of the protocol and carries the id of its request',
  check: ({ codec, corpus, options }) => {
    const frame = emptyFrame()
    for (const bytes of corpus) {
      codec.inspect(bytes, 0, bytes.length, frame)
      const { idLo, idHi, kind } = frame
      for (const wanted of replyKinds) {
        if (wanted === 'error' && kind !== FrameKind.request && kind !== FrameKind.either) continue
        if (wanted === 'heartbeat' && kind !== FrameKind.heartbeat) continue
        const reply = codec.reply?.(wanted, bytes, 0, bytes.length, codec.errorCodes.timeout, 'no answer in time')
        if (!reply) continue
        const reader = options.reader ?? (wanted === 'ping' ? codec : codecOfSide(codec, 'upstream'))
        expect(reader.frameLength(reply, 0, reply.length), wanted).toBe(reply.length)
        frame.more = 0
        expect(reader.inspect(reply, 0, reply.length, frame), wanted).toBe(0)
        if (wanted === 'error') {
          expect([FrameKind.response, FrameKind.either]).toContain(frame.kind)
          expect(frame.error).toBe(1)
          // It ends what came of the reply before.
          expect(frame.more).toBe(0)
        }
        if (wanted === 'error' || wanted === 'heartbeat') expect([frame.idLo, frame.idHi]).toEqual([idLo, idHi])
      }
    }
  },
}
