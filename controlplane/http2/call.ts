import type { Socket } from 'node:net'
import { gather } from './chunks.ts'
import { ERROR, type ErrorCode, FIRST_WINDOW, FLAG, headerFrames, MOST_PAYLOAD } from './frames.ts'
import type { RequestHeaders } from './header-rules.ts'
import { type Header, writeHeaders } from './hpack.ts'

/** What serves a call. `closed` comes exactly once, last. */
export interface CallHandler {
  /** Bytes of the request; to be kept only by those who need no others to write into them. */
  data(chunk: Buffer): void
  /** The client said all it had to say. */
  end(): void
  closed(code: number): void
}

/** What a call needs of its connection. */
export interface CallConnection {
  readonly socket: Socket
  /** What the client takes at present, over all calls. */
  readonly window: number
  /** What is sent from now on in this turn of the loop leaves in one write. */
  gather(): void
  /** What is sent until `release` leaves in one write. */
  hold(): void
  release(): void
  /** Bytes that are frames. */
  send(bytes: Buffer, done?: () => void): void
  /** @returns whether both windows took it */
  sendWhole(call: Call, payload: Buffer, done: (() => void) | undefined): boolean
  sendPart(call: Call, part: Buffer, done: (() => void) | undefined): void
  sendReset(stream: number, code: ErrorCode): void
  sendWindow(stream: number, bytes: number): void
  /** Frames that the client brings about. Who does not read them is cut when they are too many. */
  answer(bytes: Buffer, done?: () => void): void
  forget(call: Call): void
  /** Tells the client to open its next calls elsewhere, and cuts the connection when all it had to be told is sent. */
  end(code?: ErrorCode, text?: string): void
}

interface Waiting {
  readonly payload: Buffer
  /** Sent of it. */
  at: number
  readonly done: (() => void) | undefined
}

/** How long a client may keep a call half open to which everything was sent, in ms. */
const HALF_OPEN_MS = 5000
/** How long what was written before the end, and then the end, may take to leave, in ms: the client reads slowly, or not at all. */
const DRAIN_MS = 30_000

/** One stream of a connection: a request and its response. */
export class Call {
  readonly id: number
  readonly connection: CallConnection
  handler: CallHandler | undefined
  /** What the client takes at present. */
  window: number
  headersSent = false
  /** The client sent its end. */
  heard = false
  /** Everything was sent. */
  said = false
  /** Nothing more comes or goes. */
  closed = false
  private waiting: Waiting[] | undefined
  private trailers: Buffer | undefined
  /** Bytes that came and were not given back to the client's window. */
  private unreturned = 0
  /** What came while nothing was to be read. */
  private held: Buffer[] | undefined
  private heldEnd = false
  /** Of the request, as its headers announced it. */
  private readonly announced: number | undefined
  private received = 0
  private late: NodeJS.Timeout | undefined

  constructor(connection: CallConnection, id: number, headers: RequestHeaders, window: number) {
    this.connection = connection
    this.id = id
    this.window = window
    const length = headers['content-length']
    this.announced = length === undefined ? undefined : Number(length)
  }

  /** @param headers pairs, or a block of `writeHeaders` that was made once */
  respond(headers: Buffer | readonly Header[]): void {
    if (this.closed || this.headersSent) return
    this.headersSent = true
    this.connection.answer(headerFrames(this.id, Buffer.isBuffer(headers) ? headers : writeHeaders(headers), 0))
  }

  /** The whole response in its headers. */
  respondOnly(headers: readonly Header[]): void {
    if (this.closed || this.headersSent) return
    this.headersSent = true
    this.sendLast(writeHeaders(headers))
  }

  /** Sends bytes without copying them. `done` is called when the kernel has them, or will never have them because the connection is gone. */
  write(payload: Buffer, done?: () => void): void {
    if (this.closed || this.said || this.trailers) return
    if (!this.waiting && this.connection.sendWhole(this, payload, done)) return
    this.waiting ??= []
    this.waiting.push({ payload, at: 0, done })
    this.flush()
  }

  /** Ends the response, after all that was written. */
  end(trailers: readonly Header[]): void {
    if (this.closed || this.said || this.trailers) return
    this.trailers = writeHeaders(trailers)
    if (!this.waiting) this.sendLast(this.trailers)
    else this.cutIn(DRAIN_MS, ERROR.cancel)
  }

  /** Ends both halves at once. */
  reset(code: ErrorCode): void {
    if (this.closed) return
    this.connection.sendReset(this.id, code)
    this.close(code)
  }

  /** What comes is kept until `resume`, and the client's window is not opened: it stops by itself. */
  pause(): void {
    this.held ??= []
  }

  resume(): void {
    const { held } = this
    if (!held) return
    this.held = undefined
    for (const [index, chunk] of held.entries()) {
      this.deliver(chunk)
      if (this.held) {
        ;(this.held as Buffer[]).push(...held.slice(index + 1))
        return
      }
    }
    if (this.heldEnd) this.deliverEnd()
  }

  /** @returns whether the client may send so much */
  receive(chunk: Buffer, length: number): boolean {
    this.unreturned += length
    this.received += chunk.length
    if (this.unreturned > FIRST_WINDOW) return false
    if (this.held) gather(this.held, chunk)
    else this.deliver(chunk)
    return true
  }

  /** The client's end. @returns whether it sent as much as it announced */
  receiveEnd(): boolean {
    this.heard = true
    if (this.announced !== undefined && this.announced !== this.received) return false
    if (this.held) this.heldEnd = true
    else this.deliverEnd()
    if (this.said) this.close(ERROR.none)
    return true
  }

  /** Sends as much of what waits as the windows allow. */
  flush(): void {
    const { waiting, connection } = this
    for (let first = waiting?.[0]; first; first = waiting?.[0]) {
      const room = Math.min(this.window, connection.window, MOST_PAYLOAD)
      if (room <= 0 && first.at < first.payload.length) return
      const to = Math.min(first.payload.length, first.at + room)
      const last = to === first.payload.length
      connection.sendPart(this, first.payload.subarray(first.at, to), last ? first.done : undefined)
      first.at = to
      if (last) waiting?.shift()
    }
    this.waiting = undefined
    if (this.trailers && !this.said) this.sendLast(this.trailers)
  }

  /** Nothing goes on in this call any more. */
  close(code: number): void {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.late)
    this.waiting = undefined
    this.held = undefined
    this.connection.forget(this)
    this.handler?.closed(code)
  }

  private sendLast(block: Buffer): void {
    this.said = true
    // A reset takes from the client what it has not read yet, its end included: the time it has begins when all has left.
    this.cutIn(DRAIN_MS, ERROR.cancel)
    this.connection.answer(headerFrames(this.id, block, FLAG.endStream), () => this.cutIn(HALF_OPEN_MS, ERROR.none))
    if (this.heard) this.close(ERROR.none)
    // What still comes is read and dropped, so that the client's half can end.
    else this.resume()
  }

  private cutIn(ms: number, code: ErrorCode): void {
    clearTimeout(this.late)
    if (this.closed) return
    this.late = setTimeout(() => this.reset(code), ms)
    this.late.unref()
  }

  private deliver(chunk: Buffer): void {
    if (chunk.length > 0 && !this.said) this.handler?.data(chunk)
    if (!this.held && this.unreturned > FIRST_WINDOW / 2 && !this.heard && !this.closed) {
      this.connection.sendWindow(this.id, this.unreturned)
      this.unreturned = 0
    }
  }

  private deliverEnd(): void {
    this.heldEnd = false
    if (!this.said) this.handler?.end()
  }
}
