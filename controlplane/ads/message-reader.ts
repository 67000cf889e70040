import { gather } from '../http2/index.ts'

/** A message longer than the server takes. */
export class MessageTooLarge extends Error {
  override readonly name = 'MessageTooLarge'
}

/** Bytes that are no gRPC messages, or compressed ones on a call that said nothing of compression. */
export class MessageUnreadable extends Error {
  override readonly name = 'MessageUnreadable'
}

/** Bytes in front of a message: a compression flag and the length. */
const HEAD = 5
const NOTHING = Buffer.alloc(0)

/**
 * Where messages are put together that came in several chunks: a thousand proxies that each list their clusters would leave a
 * thousand buffers behind, and memory that the allocator gives back to nobody. Longer ones get their own.
 */
const scratch = Buffer.allocUnsafeSlow(256 * 1024)

/**
 * Cuts what arrives of a gRPC call into messages, at any boundaries. A message that lies in one chunk is not copied, and
 * memory is taken for bytes that have arrived, not for those that were announced.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class MessageReader {
  /** In bytes. */
  private readonly limit: number
  /** The chunk being read. */
  private chunk: Buffer = NOTHING
  private at = 0
  /** Chunks behind it, and those of a message that is not complete. */
  private more: Buffer[] | undefined
  private waiting = 0
  /** Bytes from the present chunk on that must be there before it is worth looking again. */
  private needed = HEAD

  constructor(limit: number) {
    this.limit = limit
  }

  /** Bytes that came of a message which is not whole. */
  get unfinished(): number {
    return this.chunk.length - this.at + this.waiting
  }

  /** Bytes that came. What is not read yet is kept. */
  add(chunk: Buffer): void {
    if (this.at === this.chunk.length && !this.more) {
      this.chunk = chunk
      this.at = 0
    } else {
      this.more ??= []
      gather(this.more, chunk)
      this.waiting += chunk.length
    }
  }

  /**
   * The next whole message, a view that is valid until somebody asks any reader for another; undefined when there is none.
   * @throws MessageTooLarge, MessageUnreadable
   */
  next(): Buffer | undefined {
    if (this.chunk.length - this.at + this.waiting < this.needed) return undefined
    if (this.chunk.length - this.at < HEAD) this.join()
    const { chunk, at } = this
    if (chunk[at] !== 0) {
      throw new MessageUnreadable(
        chunk[at] === 1 ? 'a compressed message on a call without grpc-encoding' : 'the bytes are no gRPC message',
      )
    }
    const length = chunk.readUInt32BE(at + 1)
    if (length > this.limit)
      throw new MessageTooLarge(`a request has ${length} bytes; this server takes up to ${this.limit}`)
    const end = at + HEAD + length
    if (end > chunk.length) {
      this.needed = HEAD + length
      return chunk.length - at + this.waiting < this.needed ? undefined : this.gather(length)
    }
    this.needed = HEAD
    this.at = end
    const message = chunk.subarray(at + HEAD, end)
    if (end === chunk.length) {
      this.chunk = NOTHING
      this.at = 0
      if (this.more) this.join()
    }
    return message
  }

  /** A message that lies in several chunks, all of which are there. */
  private gather(length: number): Buffer {
    this.needed = HEAD
    const message = length <= scratch.length ? scratch.subarray(0, length) : Buffer.allocUnsafeSlow(length)
    let filled = this.chunk.copy(message, 0, this.at + HEAD)
    while (filled < length) {
      this.step()
      this.at = this.chunk.copy(message, filled, 0, Math.min(this.chunk.length, length - filled))
      filled += this.at
    }
    if (this.at === this.chunk.length) this.step()
    return message
  }

  /** To the next chunk. */
  private step(): void {
    const { more } = this
    this.chunk = more?.shift() ?? NOTHING
    this.at = 0
    this.waiting -= this.chunk.length
    if (more?.length === 0) this.more = undefined
  }

  private join(): void {
    const rest = this.chunk.subarray(this.at)
    const { more = [] } = this
    this.chunk = rest.length === 0 && more.length === 1 ? more[0]! : Buffer.concat([rest, ...more])
    this.at = 0
    this.more = undefined
    this.waiting = 0
  }
}
