import type { OutgoingHttpHeaders } from 'node:http2'
import { Duplex } from 'node:stream'
import { type Call, type CallHandler, ERROR, type ErrorCode, type Header } from '../http2/index.ts'
import type { UnfinishedShare } from './unfinished.ts'
import { WholeMessages } from './whole-messages.ts'

/**
 * A call as grpc-js wants it: as much of Node's `ServerHttp2Stream` as it uses.
 * @see https://nodejs.org/api/http2.html#class-serverhttp2stream
 */
class GrpcJsStream extends Duplex {
  readonly session: { readonly socket: Call['connection']['socket'] }
  rstCode = 0
  private readonly call: Call

  constructor(call: Call) {
    super()
    this.call = call
    this.session = call.connection
  }

  get headersSent(): boolean {
    return this.call.headersSent
  }

  respond(headers: OutgoingHttpHeaders, { endStream = false } = {}): void {
    this.call.connection.gather()
    const block = pairs({ ':status': 200, ...headers })
    if (!endStream) {
      this.call.respond(block)
      return
    }
    this.call.respondOnly(block)
    this.end()
  }

  sendTrailers(headers: OutgoingHttpHeaders): void {
    this.call.end(pairs(headers))
  }

  close(code: ErrorCode = ERROR.none): void {
    this.call.reset(code)
  }

  override _read(): void {
    this.call.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.call.write(chunk, done)
  }

  override _final(done: () => void): void {
    done()
    if (!this.call.said && !this.emit('wantTrailers')) this.call.end([])
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Both ends were reached: what is left of the response goes out by itself.
    if (error || !this.writableFinished) this.call.reset(ERROR.cancel)
    done(error)
  }
}

/** The stream to give to grpc-js, and what the call is to tell. */
export function grpcJsStream(
  call: Call,
  unfinished: UnfinishedShare,
  refused: (reason: string) => void,
): { readonly stream: Duplex; readonly handler: CallHandler } {
  const stream = new GrpcJsStream(call)
  const messages = new WholeMessages()
  const handler: CallHandler = {
    data: (chunk) => {
      const ready = messages.take(chunk)
      if (!unfinished.holds(messages.unfinished)) {
        refused('unfinished')
        call.reset(ERROR.enhanceYourCalm)
        return
      }
      if (ready && !stream.push(ready)) call.pause()
    },
    end: () => {
      const rest = messages.flush()
      if (rest) stream.push(rest)
      stream.push(null)
    },
    closed: (code) => {
      unfinished.holds(0)
      stream.rstCode = code
      stream.destroy()
    },
  }
  return { stream, handler }
}

function pairs(headers: OutgoingHttpHeaders): readonly Header[] {
  const pseudo: Header[] = []
  const regular: Header[] = []
  for (const [name, value] of Object.entries(headers))
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value])
      (name.startsWith(':') ? pseudo : regular).push([name.toLowerCase(), `${one}`])
  return [...pseudo, ...regular]
}
