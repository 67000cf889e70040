import { gather, WHOLE_CHUNK } from '../http2/index.ts'

/** Bytes in front of a message: a compression flag and the length. */
const HEAD = 5

/**
 * Holds back what came of a gRPC message until all of it is there, or enough to be handed over in one piece: grpc-js keeps an object for
 * each chunk of a message that is not complete, which for bytes that come one by one is a hundred times their room.
 */
export class WholeMessages {
  private chunks: Buffer[] = []
  private length = 0
  /** Bytes of a head that were read, and the length of the message as far as they say it. */
  private headBytes = 0
  private announced = 0
  /** Bytes of the message that are to come. */
  private rest = 0

  /** @returns what can be handed over now, which nearly always is the chunk as it came */
  take(chunk: Buffer): Buffer | undefined {
    this.follow(chunk)
    const between = this.rest === 0 && this.headBytes === 0
    if (this.length === 0 && (between || chunk.length >= WHOLE_CHUNK)) return chunk
    gather(this.chunks, chunk)
    this.length += chunk.length
    return between || this.length >= WHOLE_CHUNK ? this.flush() : undefined
  }

  /** Bytes that came of a message which is not whole, handed over or not. */
  get unfinished(): number {
    return this.rest > 0 ? this.announced - this.rest : 0
  }

  /** What is held back, because nothing more comes; undefined where that is nothing. */
  flush(): Buffer | undefined {
    const { chunks } = this
    if (chunks.length === 0) return undefined
    this.chunks = []
    this.length = 0
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
  }

  private follow(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.rest > 0) {
        const skipped = Math.min(this.rest, chunk.length - at)
        this.rest -= skipped
        at += skipped
        continue
      }
      const byte = chunk[at++]!
      // The first byte is the flag.
      this.announced = this.headBytes === 0 ? 0 : this.announced * 256 + byte
      if (++this.headBytes < HEAD) continue
      this.rest = this.announced
      this.headBytes = 0
    }
  }
}
