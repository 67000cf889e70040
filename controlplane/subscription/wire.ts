/**
 * The few pieces of the protobuf wire format that xDS envelopes need (https://protobuf.dev/programming-guides/encoding/).
 * Envelopes are read and written by hand because the resources in them are ready bytes: a generic codec would decode or
 * copy them once more for every stream.
 */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** A message that is no protobuf. Says at which byte it went wrong. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

/** A cursor over one message. Every `read` checks its bounds before it takes memory. */
export class WireReader {
  private readonly buffer: Buffer
  private readonly end: number
  private at: number

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer
    this.at = start
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  /** Field number × 8 + wire type of the next field. */
  tag(): number {
    const tag = this.varint()
    if (tag >>> 3 === 0) throw this.error('field number 0')
    return tag
  }

  /** An unsigned number; 64-bit values are cut to 53 bits, which no field we read exceeds. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count++) {
      if (this.at >= this.end) throw this.error('cut inside a number')
      const byte = this.buffer[this.at++]!
      if (scale <= 2 ** 49) value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw this.error('number longer than 10 bytes')
  }

  /** A 64-bit floating point number. */
  double(): number {
    const start = this.at
    this.forward(8)
    return this.buffer.readDoubleLE(start)
  }

  /** A view of a length-delimited field: no copy, so it keeps the whole message alive. */
  bytes(): Buffer {
    const start = this.skipBytes()
    return this.buffer.subarray(start, this.at)
  }

  /** @param limit in bytes; a longer one throws what `tooLong` makes of its length. */
  string(limit = Number.POSITIVE_INFINITY, tooLong?: (length: number) => Error): string {
    const start = this.skipBytes()
    if (this.at - start > limit) throw tooLong?.(this.at - start) ?? this.error(`string longer than ${limit} bytes`)
    return this.buffer.toString('utf8', start, this.at)
  }

  /** A reader over a nested message. */
  message(): WireReader {
    const start = this.skipBytes()
    return new WireReader(this.buffer, start, this.at)
  }

  /**
   * All fields that stand one behind the other with this tag, whose first one's value is next: from that value on, so that a
   * reader over them begins behind a tag too. No copy.
   */
  run(tag: number): Buffer {
    const start = this.at
    this.skipBytes()
    // Tags below 128 are one byte.
    while (this.at < this.end && this.buffer[this.at] === tag && tag < 128) {
      this.at++
      this.skipBytes()
    }
    return this.buffer.subarray(start, this.at)
  }

  /** Passes over a field nobody asked for: newer clients may know more fields than we do. */
  skip(tag: number): void {
    const wireType = tag & 7
    if (wireType === WIRE.varint) this.varint()
    else if (wireType === WIRE.bytes) this.skipBytes()
    else if (wireType === WIRE.fixed64) this.forward(8)
    else if (wireType === WIRE.fixed32) this.forward(4)
    else throw this.error(`wire type ${wireType}`)
  }

  private skipBytes(): number {
    const length = this.varint()
    const start = this.at
    this.forward(length)
    return start
  }

  private forward(length: number): void {
    if (length > this.end - this.at) throw this.error(`field of ${length} bytes, ${this.end - this.at} left`)
    this.at += length
  }

  private error(what: string): WireError {
    return new WireError(`malformed protobuf at byte ${this.at}: ${what}`)
  }
}

/** Bytes a varint takes. */
function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Bytes of a length-delimited field with a field number below 16. */
export function fieldSize(length: number): number {
  return 1 + varintSize(length) + length
}

/** Writes into a buffer of the exact size that was computed before. */
export class WireWriter {
  readonly buffer: Buffer
  private at: number

  constructor(size: number, headroom: number) {
    // Not from Buffer's pool: a response of some bytes would keep its 8 KB neighbourhood alive for as long as it is shared.
    this.buffer = Buffer.allocUnsafeSlow(headroom + size)
    this.at = headroom
  }

  /** Head of a length-delimited field; `field` below 16. */
  head(field: number, length: number): void {
    this.buffer[this.at++] = (field << 3) | WIRE.bytes
    let rest = length
    while (rest >= 128) {
      this.buffer[this.at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.at++] = rest
  }

  bytes(field: number, value: Uint8Array): void {
    this.head(field, value.length)
    this.buffer.set(value, this.at)
    this.at += value.length
  }

  /** @param length of `value` in UTF-8, computed once by the caller. */
  string(field: number, value: string, length: number): void {
    this.head(field, length)
    this.at += this.buffer.write(value, this.at, 'utf8')
  }

  /** @throws Error when the computed size was wrong: the frame would be garbage on the wire. */
  finish(): Buffer {
    if (this.at !== this.buffer.length) throw new Error(`wrote ${this.at} of ${this.buffer.length} bytes`)
    return this.buffer
  }
}
