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

  add(chunk: Buffer): void {
    if (this.at === this.chunk.length && !this.more) {
      this.chunk = chunk
      this.at = 0
    } else {
      this.more ??= []
      this.more.push(chunk)
      this.waiting += chunk.length
    }
  }

  /**
   * The next whole message, a view that is valid while it is looked at; undefined when there is none.
   * @throws MessageTooLarge, MessageUnreadable
   */
  next(): Buffer | undefined {
    if (this.chunk.length - this.at + this.waiting < this.needed) return undefined
    if (this.chunk.length - this.at < this.needed) this.join()
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
      if (chunk.length - at + this.waiting < this.needed) return undefined
      this.join()
      return this.next()
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

  private join(): void {
    const rest = this.chunk.subarray(this.at)
    const { more = [] } = this
    this.chunk = rest.length === 0 && more.length === 1 ? more[0]! : Buffer.concat([rest, ...more])
    this.at = 0
    this.more = undefined
    this.waiting = 0
  }
}
