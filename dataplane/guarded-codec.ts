import type { Codec } from '../codecs/contract.ts'
import { withParts } from '../codecs/with-parts.ts'
import { reportCodecError } from './reply/text.ts'

/**
 * A codec in code as the proxy uses it. Frames are written in timers too, when connections end and when a proxy drains, and slots are asked for when a
 * configuration is put in force, where nobody would catch what a codec throws: what follows there is what follows for a frame that cannot be written and a field
 * that there is not. What throws while bytes are read costs the connection they came from (`FrameSink`), what throws at the key of a message that message
 * (`dispatch`), and what throws at a line of the log its fields (`AccessLog`), so reading is left as it is.
 */
export function guarded(codec: Codec): Codec {
  const attempt = <Result>(work: () => Result, otherwise: Result): Result => {
    try {
      return work()
    } catch (error) {
      reportCodecError(codec, error)
      return otherwise
    }
  }
  return withParts(codec, {
    slot: (name) => attempt(() => codec.slot(name), -1),
    ...(codec.upstream && { upstream: guarded(codec.upstream) }),
    ...(codec.writeId && { writeId: (...args) => attempt(() => codec.writeId!(...args), false) }),
    ...(codec.spliceId && { spliceId: (...args) => attempt(() => codec.spliceId!(...args), undefined) }),
    ...(codec.mutate && { mutate: (...args) => attempt(() => codec.mutate!(...args), undefined) }),
    ...(codec.reply && { reply: (...args) => attempt(() => codec.reply!(...args), undefined) }),
  })
}
