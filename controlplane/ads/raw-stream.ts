import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Method } from './grpc.ts'
import { MessageReader, MessageTooLarge, MessageUnreadable } from './message-reader.ts'
import { type Peer, STATUS, type Status, type Transport, type TransportHandler } from './transport.ts'

const RESPONSE_HEADERS = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': 'identity',
}
const WITH_TRAILERS = { waitForTrailers: true }

/** How long a client may keep a call half open to which its status was sent, in ms. */
const HALF_OPEN_MS = 5000
/** How long what was written before the status, and then the status, may take to leave, in ms: the client reads slowly, or not at all. */
const DRAIN_MS = 30_000

/**
 * Whether a call can be served from the bare HTTP/2 stream: it uses nothing of gRPC but messages and a status. Calls with a
 * deadline or compressed messages, which no Envoy makes, are left to grpc-js.
 */
export function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding']
  return (
    headers['content-type']?.startsWith('application/grpc') === true &&
    headers['grpc-timeout'] === undefined &&
    (encoding === undefined || encoding === 'identity')
  )
}

/**
 * One gRPC call on a bare HTTP/2 stream (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): what grpc-js would
 * put around it costs a new stream twice the CPU and an idle one 15 KB (docs/decisions/raw-streams.md).
 */
export class RawStream implements Transport {
  readonly peer: Peer
  private readonly stream: ServerHttp2Stream
  private readonly handler: TransportHandler
  private readonly cut: () => void
  private readonly reader: MessageReader
  private closed = false
  /** Set while nothing is to be read. */
  private resume: NodeJS.Timeout | undefined

  constructor(
    stream: ServerHttp2Stream,
    method: Method,
    options: {
      readonly peer: Peer
      readonly requestBytes: number
      destroy(): void
      open(method: Method, transport: Transport): TransportHandler
    },
  ) {
    this.stream = stream
    this.peer = options.peer
    this.cut = options.destroy
    this.reader = new MessageReader(options.requestBytes)
    // An error is always followed by `close`.
    stream.on('error', () => {})
    this.handler = options.open(method, this)
    stream.on('data', (chunk: Buffer) => {
      if (this.closed) return
      this.reader.add(chunk)
      this.read()
    })
    stream.on('end', () => this.close({ code: STATUS.ok, message: '' }))
    stream.on('close', () => this.finish())
  }

  write(frame: Buffer, done: () => void): void {
    if (this.closed || this.stream.destroyed) return
    if (!this.stream.headersSent) this.stream.respond(RESPONSE_HEADERS, WITH_TRAILERS)
    // After an error `close` follows.
    this.stream.write(frame, (error) => {
      if (!error) done()
    })
  }

  close({ code, message }: Status): void {
    if (this.closed) return
    this.finish()
    const { stream } = this
    if (stream.destroyed || stream.closed) return
    let late: NodeJS.Timeout | undefined
    const cutIn = (ms: number) => {
      clearTimeout(late)
      late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), ms)
      late.unref()
    }
    const status = { 'grpc-status': `${code}`, ...(message ? { 'grpc-message': percentCoded(message) } : {}) }
    if (!stream.headersSent) {
      stream.respond({ ...RESPONSE_HEADERS, ...status }, { endStream: true })
      cutIn(HALF_OPEN_MS)
    } else {
      // A reset takes from the client what it has not read yet, the status included: the time it has begins when all has left.
      cutIn(DRAIN_MS)
      stream.once('wantTrailers', () => {
        stream.sendTrailers(status)
        cutIn(HALF_OPEN_MS)
      })
      stream.end()
    }
    // What still comes is read and dropped, so that the client's half of the call can end.
    stream.resume()
    stream.once('close', () => clearTimeout(late))
  }

  destroy(): void {
    this.cut()
  }

  pause(ms: number): void {
    if (this.closed || this.resume) return
    this.stream.pause()
    this.resume = setTimeout(() => {
      this.resume = undefined
      if (this.closed) return
      this.read()
      if (!this.resume) this.stream.resume()
    }, ms)
  }

  private read(): void {
    try {
      while (!this.closed && !this.resume) {
        const message = this.reader.next()
        if (!message) return
        this.handler.message(message)
      }
    } catch (error) {
      if (error instanceof MessageTooLarge) this.close({ code: STATUS.resourceExhausted, message: error.message })
      else if (error instanceof MessageUnreadable) this.close({ code: STATUS.internal, message: error.message })
      else throw error
    }
  }

  private finish(): void {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.resume)
    this.handler.closed()
  }
}

/** `grpc-message`: printable ASCII, everything else and `%` as percent-coded UTF-8; half a surrogate pair is replaced. */
export function percentCoded(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd').replace(/[^ -$&-~]/gu, encodeURIComponent)
}
