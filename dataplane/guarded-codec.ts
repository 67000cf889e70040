import type { Codec } from '../codecs/contract.ts'
import { reportCodecError } from './reply/text.ts'

/**
 * A codec in code as the proxy uses it. Frames are written in timers too, when connections end and when a proxy drains, where nothing would catch
 * what a codec throws: what follows there is what follows for a frame that cannot be written. What throws while bytes are read costs the connection
 * they came from (`FrameSink`), so reading is left as it is. The codec may be an instance of a class: what is not its own stays, too.
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
  const writing: Partial<Codec> = {
    ...(codec.upstream && { upstream: guarded(codec.upstream) }),
    ...(codec.writeId && { writeId: (...args) => attempt(() => codec.writeId!(...args), false) }),
    ...(codec.spliceId && { spliceId: (...args) => attempt(() => codec.spliceId!(...args), undefined) }),
    ...(codec.mutate && { mutate: (...args) => attempt(() => codec.mutate!(...args), undefined) }),
    ...(codec.reply && { reply: (...args) => attempt(() => codec.reply!(...args), undefined) }),
  }
  return Object.assign(Object.create(codec) as Codec, writing)
}
