/** Frame types, flags and error codes of HTTP/2 (https://www.rfc-editor.org/rfc/rfc9113#section-6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const

export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const

export type ErrorCode = (typeof ERROR)[keyof typeof ERROR]

export const SETTING = { enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5 } as const

/** What every client sends first (https://www.rfc-editor.org/rfc/rfc9113#section-3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Longest payload both ends must take, and the longest we send or take. */
export const MOST_PAYLOAD = 16_384
/** Window of a stream and of a connection until somebody says otherwise. */
export const FIRST_WINDOW = 65_535
export const MOST_WINDOW = 2 ** 31 - 1

const HEAD = 9

/** The connection has to end with this code. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

function writeHead(into: Buffer, at: number, length: number, type: number, flags: number, stream: number): void {
  into.writeUIntBE(length, at, 3)
  into[at + 3] = type
  into[at + 4] = flags
  into.writeUInt32BE(stream, at + 5)
}

/** A frame with its payload copied behind its head. */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD + payload.length)
  writeHead(bytes, 0, payload.length, type, flags, stream)
  payload.copy(bytes, HEAD)
  return bytes
}

/** A header block as one frame, or as several where it is long. @param endStream the flag where nothing of the stream comes behind it, else 0 */
export function headerFrames(stream: number, block: Buffer, endStream: 0 | typeof FLAG.endStream): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at === 0 || at < block.length; at += MOST_PAYLOAD) {
    const last = at + MOST_PAYLOAD >= block.length ? FLAG.endHeaders : 0
    const type = at === 0 ? FRAME.headers : FRAME.continuation
    const flags = last | (at === 0 ? endStream : 0)
    parts.push(frame(type, flags, stream, block.subarray(at, at + MOST_PAYLOAD)))
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** A frame whose payload is one number of 32 bits. */
export function numberFrame(type: typeof FRAME.rstStream | typeof FRAME.windowUpdate, stream: number, value: number) {
  const bytes = Buffer.allocUnsafe(HEAD + 4)
  writeHead(bytes, 0, 4, type, 0, stream)
  bytes.writeUInt32BE(value, HEAD)
  return bytes
}

/** https://www.rfc-editor.org/rfc/rfc9113#section-6.5 */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * 6)
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  }
  return frame(FRAME.settings, 0, 0, payload)
}

/** @param text for the person who reads the client's log */
export function goawayFrame(lastStream: number, code: ErrorCode, text: string): Buffer {
  const debug = Buffer.from(text)
  const payload = Buffer.allocUnsafe(8 + debug.length)
  payload.writeUInt32BE(lastStream, 0)
  payload.writeUInt32BE(code, 4)
  debug.copy(payload, 8)
  return frame(FRAME.goaway, 0, 0, payload)
}

/** Bytes of a stream as DATA frames, one buffer. */
function dataFrames(stream: number, payload: Buffer): Buffer {
  const count = Math.ceil(payload.length / MOST_PAYLOAD)
  const bytes = Buffer.allocUnsafeSlow(payload.length + count * HEAD)
  for (let index = 0, at = 0; index < count; index++) {
    const from = index * MOST_PAYLOAD
    const to = Math.min(payload.length, from + MOST_PAYLOAD)
    writeHead(bytes, at, to - from, FRAME.data, 0, stream)
    payload.copy(bytes, at + HEAD, from, to)
    at += HEAD + to - from
  }
  return bytes
}

interface Framed {
  readonly stream: number
  readonly payload: Buffer
  readonly bytes: Buffer
}

const recent: Framed[] = []
let oldest = 0
/** As many classes of clients as are sent to by turns. */
const REMEMBERED = 8

/**
 * The same as `dataFrames`. Where one payload goes to a thousand connections, it is framed once: an xDS client's stream nearly
 * always is the first of its connection, so that all have the same number.
 */
export function sharedDataFrames(stream: number, payload: Buffer): Buffer {
  for (const known of recent) if (known.payload === payload && known.stream === stream) return known.bytes
  const bytes = dataFrames(stream, payload)
  recent[oldest] = { stream, payload, bytes }
  oldest = (oldest + 1) % REMEMBERED
  return bytes
}

/** A frame as it lies in what was read; the payload is a view. */
export interface Frame {
  type: number
  flags: number
  stream: number
  payload: Buffer
}

/** The stream that a priority names, of PRIORITY and HEADERS. */
export function dependsOn(payload: Buffer): number {
  return payload.readUInt32BE(0) & 0x7fff_ffff
}

/**
 * What lies between padding, of DATA and HEADERS.
 * @param least bytes that must be there
 * @throws ConnectionError when they are not
 */
export function unpadded(flags: number, payload: Buffer, least: number): Buffer {
  const padding = flags & FLAG.padded ? (payload[0] ?? 256) + 1 : 0
  const from = flags & FLAG.padded ? 1 : 0
  if (padding + least > payload.length) throw new ConnectionError(ERROR.protocol, 'more padding than there is')
  return payload.subarray(from, payload.length - (padding - from))
}

const NOTHING = Buffer.alloc(0)

/** The frame that was cut last: one after the other is taken. */
const current: Frame = { type: 0, flags: 0, stream: 0, payload: NOTHING }

/** Cuts what a socket read into frames, at any boundaries. */
export class FrameReader {
  private bytes: Buffer = NOTHING
  private at = 0
  /** Chunks of a frame that is not complete. */
  private more: Buffer[] | undefined
  private waiting = 0

  /** Bytes that came. What is not read yet is kept. */
  add(chunk: Buffer): void {
    if (this.at === this.bytes.length && !this.more) {
      this.bytes = chunk
      this.at = 0
    } else {
      this.more ??= []
      this.more.push(chunk)
      this.waiting += chunk.length
    }
  }

  /** What is there of the next so many bytes. */
  peek(length: number): Buffer {
    this.has(this.bytes.length - this.at + this.waiting)
    return this.bytes.subarray(this.at, this.at + length)
  }

  /** Goes past bytes that are there. */
  skip(length: number): void {
    this.advance(length)
  }

  /**
   * The next frame, valid until any reader is asked for another; undefined when there is no whole one.
   * @throws ConnectionError when it is longer than was offered
   */
  next(): Frame | undefined {
    if (!this.has(HEAD)) {
      // What was read is not held while all rest.
      current.payload = NOTHING
      return undefined
    }
    const { bytes, at } = this
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    if (length > MOST_PAYLOAD) throw new ConnectionError(ERROR.frameSize, `a frame of ${length} bytes`)
    if (!this.has(HEAD + length)) return undefined
    const start = this.at
    current.type = this.bytes[start + 3]!
    current.flags = this.bytes[start + 4]!
    current.stream = this.bytes.readUInt32BE(start + 5) & 0x7fff_ffff
    current.payload = this.bytes.subarray(start + HEAD, start + HEAD + length)
    this.advance(HEAD + length)
    return current
  }

  private advance(length: number): void {
    this.at += length
    if (this.at < this.bytes.length || this.more) return
    this.bytes = NOTHING
    this.at = 0
  }

  /** Whether so many bytes are there; then they lie together. */
  private has(length: number): boolean {
    const here = this.bytes.length - this.at
    if (here >= length) return true
    if (here + this.waiting < length) return false
    this.bytes = Buffer.concat([this.bytes.subarray(this.at), ...(this.more ?? [])])
    this.at = 0
    this.more = undefined
    this.waiting = 0
    return true
  }
}
