import { type Call, type CallHandler, type Header, type RequestHeaders, writeHeaders } from '../http2/index.ts'
import { MessageReader, MessageTooLarge, MessageUnreadable } from './message-reader.ts'
import type { Method } from './method.ts'
import { type Peer, STATUS, type Status, type Transport, type TransportHandler } from './transport.ts'
import { TOO_MUCH_UNFINISHED, type UnfinishedShare } from './unfinished.ts'

const RESPONSE_HEADERS: readonly Header[] = [
  [':status', '200'],
  ['content-type', 'application/grpc+proto'],
  ['grpc-accept-encoding', 'identity'],
]
const RESPONSE_BLOCK = writeHeaders(RESPONSE_HEADERS)

/**
 * Whether a call can be served as it comes: it uses nothing of gRPC but messages and a status. Calls with a
 * deadline or compressed messages, which no Envoy makes, are left to grpc-js.
 */
export function isPlain(headers: RequestHeaders): boolean {
  const encoding = headers['grpc-encoding']
  return (
    headers['content-type']?.startsWith('application/grpc') === true &&
    headers['grpc-timeout'] === undefined &&
    (encoding === undefined || encoding === 'identity')
  )
}

/**
 * A gRPC call of a discovery service (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): messages are cut out of what
 * arrives without copying, ready frames are written as they are, a status goes out as trailers.
 */
export class DiscoveryCall implements Transport, CallHandler {
  readonly peer: Peer
  private readonly call: Call
  private readonly handler: TransportHandler
  private readonly reader: MessageReader
  private readonly unfinished: UnfinishedShare
  private over = false
  /** Set while nothing is to be read. */
  private resume: NodeJS.Timeout | undefined

  constructor(
    call: Call,
    method: Method,
    options: {
      readonly peer: Peer
      readonly requestBytes: number
      readonly unfinished: UnfinishedShare
      open(method: Method, transport: Transport): TransportHandler
    },
  ) {
    this.call = call
    this.peer = options.peer
    this.reader = new MessageReader(options.requestBytes)
    this.unfinished = options.unfinished
    this.handler = options.open(method, this)
  }

  data(chunk: Buffer): void {
    if (this.over) return
    this.reader.add(chunk)
    this.read()
  }

  end(): void {
    this.close({ code: STATUS.ok, message: '' })
  }

  closed(): void {
    this.finish()
  }

  write(frames: readonly Buffer[], done: () => void): void {
    if (this.over) return
    const { call } = this
    const last = frames.length - 1
    if (call.headersSent && last === 0) {
      call.write(frames[0]!, done)
      return
    }
    call.connection.hold()
    if (!call.headersSent) call.respond(RESPONSE_BLOCK)
    for (const [index, frame] of frames.entries()) call.write(frame, index === last ? done : undefined)
    call.connection.release()
  }

  close({ code, message }: Status): void {
    if (this.over) return
    this.finish()
    const status: Header[] = [['grpc-status', `${code}`]]
    if (message) status.push(['grpc-message', percentCoded(message)])
    if (this.call.headersSent) this.call.end(status)
    else this.call.respondOnly([...RESPONSE_HEADERS, ...status])
  }

  destroy(): void {
    this.call.connection.socket.destroy()
  }

  pause(ms: number): void {
    if (this.over || this.resume) return
    this.call.pause()
    this.resume = setTimeout(() => {
      this.resume = undefined
      if (this.over) return
      this.read()
      if (!this.resume) this.call.resume()
    }, ms)
  }

  private read(): void {
    try {
      while (!this.over && !this.resume) {
        const message = this.reader.next()
        if (!message) break
        this.handler.message(message)
      }
      if (!this.over) this.handler.settled()
      if (!this.over && !this.unfinished.holds(this.reader.unfinished))
        this.refuse('unfinished', STATUS.resourceExhausted, TOO_MUCH_UNFINISHED)
    } catch (error) {
      if (error instanceof MessageTooLarge) this.refuse('limit', STATUS.resourceExhausted, error.message)
      else if (error instanceof MessageUnreadable) this.refuse('malformed', STATUS.internal, error.message)
      else throw error
    }
  }

  /** Its handler counts it, and closes. */
  private refuse(reason: string, code: Status['code'], message: string): void {
    this.handler.refuse({ reason, status: { code, message } })
  }

  private finish(): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.resume)
    this.unfinished.holds(0)
    this.handler.closed()
  }
}

/** `grpc-message`: printable ASCII, everything else and `%` as percent-coded UTF-8; half a surrogate pair is replaced. */
export function percentCoded(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd').replace(/[^ -$&-~]/gu, encodeURIComponent)
}
