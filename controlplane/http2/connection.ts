import type { Socket } from 'node:net'
import { Call, type CallConnection, type CallHandler } from './call.ts'
import { Calls } from './calls.ts'
import {
  ConnectionError,
  dependsOn,
  ERROR,
  type ErrorCode,
  FIRST_WINDOW,
  FLAG,
  FRAME,
  type Frame,
  FrameReader,
  frame,
  goawayFrame,
  MOST_PAYLOAD,
  MOST_WINDOW,
  numberFrame,
  PREFACE,
  SETTING,
  settingsFrame,
  sharedDataFrames,
  unpadded,
} from './frames.ts'
import { HeaderBlock } from './header-block.ts'
import { areTrailers, type RequestHeaders, requestHeaders } from './header-rules.ts'
import { type Header, HeaderReader, HeadersUnreadable } from './hpack.ts'
import { Keepalive, type KeepaliveTimes } from './keepalive.ts'
import { Outbox } from './outbox.ts'
import { Patience } from './patience.ts'
import { Wire } from './wire.ts'

export interface ConnectionOptions extends KeepaliveTimes {
  /** Calls at a time. */
  readonly calls: number
  /** A client asks for something; what is returned hears what comes. It may answer at once. */
  open(call: Call, headers: RequestHeaders, connection: Connection): CallHandler
  closed(connection: Connection): void
}

/** What all calls of a connection may have sent that is not taken yet. */
const CONNECTION_WINDOW = 1024 * 1024
/** A shorter piece of a message is sent only because the client's window is no longer, in bytes. */
const CRUMB = 256
/** How long the reason for the end of a connection may take to leave, in ms. */
const LAST_WORD_MS = 2000
const PING = frame(FRAME.ping, 0, 0, Buffer.from('meshgate'))
const SETTINGS_ACK = frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0))

/**
 * The server's side of one HTTP/2 connection (RFC 9113) that carries gRPC calls. It exists because Node's own costs an xDS client twice
 * the CPU of a push and twice the memory of an idle stream (docs/decisions/http2.md): here a response that goes to a thousand
 * clients is framed once and written as it is.
 *
 * Left out: server push, priorities, a table for our own headers, which are the same few anyhow.
 */
export class Connection implements CallConnection {
  readonly socket: Socket
  window = FIRST_WINDOW
  private readonly options: ConnectionOptions
  private readonly reader = new FrameReader()
  private readonly headers = new HeaderReader()
  private readonly calls = new Calls()
  private readonly patience = new Patience()
  private state: 'preface' | 'settings' | 'open' | 'ended' = 'preface'
  private callWindow = FIRST_WINDOW
  /** Bytes that came and were not given back. */
  private unreturned = 0
  /** A header block that goes on in the next frame. */
  private block: HeaderBlock | undefined
  private readonly outbox: Outbox
  private readonly keepalive: Keepalive

  /** @param now ms */
  constructor(socket: Socket, options: ConnectionOptions, now: number) {
    this.socket = socket
    this.options = options
    this.keepalive = new Keepalive(now)
    socket.setNoDelay(true)
    this.outbox = new Outbox(new Wire(socket, this.read))
    socket.on('close', this.gone)
  }

  /**
   * To be called now and then.
   * @param now ms
   * @param stoodMs for which this process did not run since the last call: what came meanwhile is not read yet, and nobody is to blame
   */
  tick(now: number, stoodMs = 0): void {
    this.patience.tick()
    const due = this.keepalive.tick(now, stoodMs, this.options, this.state !== 'preface')
    if (due === 'cut') this.socket.destroy()
    else if (due === 'ping') this.send(PING)
  }

  end(code: ErrorCode = ERROR.none, text = ''): void {
    if (this.isOver) return
    this.send(goawayFrame(this.calls.last, code, text))
    this.outbox.flush()
    this.socket.destroySoon()
    // Not for ever: who is told that it must go need not read that.
    setTimeout(() => this.socket.destroy(), LAST_WORD_MS).unref()
    this.gone()
  }

  /** A short answer is headers, a message and trailers. */
  gather(): void {
    this.outbox.gather()
  }

  hold(): void {
    this.outbox.hold()
  }

  release(): void {
    this.outbox.release()
  }

  send(bytes: Buffer, done?: () => void): void {
    this.outbox.send(bytes, done)
  }

  sendWhole(call: Call, payload: Buffer, done: (() => void) | undefined): boolean {
    const { length } = payload
    if (length > call.window || length > this.window) return false
    call.window -= length
    this.window -= length
    this.send(sharedDataFrames(call.id, payload), done)
    return true
  }

  sendPart(call: Call, part: Buffer, done: (() => void) | undefined): void {
    call.window -= part.length
    this.window -= part.length
    const bytes = frame(FRAME.data, 0, call.id, part)
    // A client that opens its window by a byte at a time would have each byte cost a hundred.
    if (!done && part.length < CRUMB) this.answer(bytes)
    else this.send(bytes, done)
  }

  sendReset(stream: number, code: ErrorCode): void {
    this.calls.rememberReset(stream)
    this.answer(numberFrame(FRAME.rstStream, stream, code))
  }

  sendWindow(stream: number, bytes: number): void {
    this.answer(numberFrame(FRAME.windowUpdate, stream, bytes))
  }

  answer(bytes: Buffer, done?: () => void): void {
    const { patience } = this
    patience.answer()
    const answered = () => {
      patience.answered()
      done?.()
    }
    this.send(bytes, done ? answered : patience.answered)
  }

  forget(call: Call): void {
    this.calls.remove(call)
  }

  private readonly gone = (): void => {
    if (this.isOver) return
    this.state = 'ended'
    for (const call of this.calls.all) call.close(ERROR.cancel)
    this.options.closed(this)
  }

  private get isOver(): boolean {
    return this.state === 'ended'
  }

  private readonly read = (chunk: Buffer): void => {
    if (this.isOver) return
    this.keepalive.heard()
    this.outbox.hold()
    try {
      this.reader.add(chunk)
      if (this.state !== 'preface' || this.readPreface()) {
        for (let next = this.reader.next(); next && !this.isOver; next = this.reader.next()) {
          this.take(next)
          this.patience.check()
        }
      }
    } catch (error) {
      if (error instanceof ConnectionError) this.end(error.code, error.message)
      else if (error instanceof HeadersUnreadable) this.end(ERROR.compression, error.message)
      else {
        this.end(ERROR.internal, 'internal error')
        throw error
      }
    } finally {
      this.outbox.release()
    }
  }

  private readPreface(): boolean {
    const preface = this.reader.peek(PREFACE.length)
    if (!preface.equals(PREFACE.subarray(0, preface.length))) {
      if (/^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /.test(preface.toString('latin1'))) this.send(SPEAK_HTTP2)
      throw new ConnectionError(ERROR.protocol, 'this is no HTTP/2')
    }
    if (preface.length < PREFACE.length) return false
    this.reader.skip(PREFACE.length)
    // Not before the client spoke, which it does at once: so this leaves together with the answer to its settings.
    this.send(settingsFrame([[SETTING.maxConcurrentStreams, this.options.calls]]))
    this.sendWindow(0, CONNECTION_WINDOW - FIRST_WINDOW)
    this.state = 'settings'
    return true
  }

  private take(next: Frame): void {
    const { type, stream, payload } = next
    if (this.state === 'settings') {
      if (type !== FRAME.settings || next.flags & FLAG.ack) throw new ConnectionError(ERROR.protocol, 'no SETTINGS')
      this.state = 'open'
    }
    if (this.block && (type !== FRAME.continuation || stream !== this.block.stream))
      throw new ConnectionError(ERROR.protocol, 'a header block is not complete')
    switch (type) {
      case FRAME.data:
        this.takeData(next)
        break
      case FRAME.headers:
        this.takeHeaders(next)
        break
      case FRAME.priority:
        if (stream === 0) throw new ConnectionError(ERROR.protocol, 'PRIORITY of no stream')
        this.patience.frame()
        if (payload.length !== 5) this.refuse(stream, ERROR.frameSize)
        else if (dependsOn(payload) === stream) this.refuse(stream, ERROR.protocol)
        break
      case FRAME.rstStream:
        this.takeReset(stream, payload)
        break
      case FRAME.settings:
        this.takeSettings(next)
        break
      case FRAME.pushPromise:
        throw new ConnectionError(ERROR.protocol, 'a client cannot push')
      case FRAME.ping:
        if (stream !== 0) throw new ConnectionError(ERROR.protocol, 'PING of a stream')
        if (payload.length !== 8) throw new ConnectionError(ERROR.frameSize, `PING of ${payload.length} bytes`)
        if (!(next.flags & FLAG.ack)) this.answer(frame(FRAME.ping, FLAG.ack, 0, payload))
        this.patience.frame()
        break
      case FRAME.goaway:
        if (stream !== 0) throw new ConnectionError(ERROR.protocol, 'GOAWAY of a stream')
        this.patience.frame()
        break
      case FRAME.windowUpdate:
        this.takeWindow(stream, payload)
        break
      case FRAME.continuation:
        this.takeContinuation(next)
        break
      default:
        this.patience.frame()
    }
  }

  private takeData({ stream, flags, payload }: Frame): void {
    this.unreturned += payload.length
    if (this.unreturned > CONNECTION_WINDOW) throw new ConnectionError(ERROR.flowControl, 'more than was allowed')
    // Calls have windows of their own: one that is not read keeps back no other.
    if (this.unreturned > CONNECTION_WINDOW / 2) {
      this.sendWindow(0, this.unreturned)
      this.unreturned = 0
    }
    const chunk = unpadded(flags, payload, 0)
    const call = this.calls.find(stream)
    if (chunk.length === 0) this.patience.frame()
    if (!call || call.heard) this.refuse(stream, ERROR.streamClosed)
    else if (!call.receive(chunk, payload.length)) call.reset(ERROR.flowControl)
    else if (flags & FLAG.endStream && !call.closed && !call.receiveEnd()) call.reset(ERROR.protocol)
  }

  private takeHeaders(next: Frame): void {
    const block = new HeaderBlock(next)
    if (block.whole) this.takeBlock(block)
    else this.block = block
  }

  private takeContinuation(next: Frame): void {
    const { block } = this
    if (!block) throw new ConnectionError(ERROR.protocol, 'CONTINUATION of nothing')
    this.patience.frame()
    block.add(next)
    if (!block.whole) return
    this.block = undefined
    this.takeBlock(block)
  }

  private takeBlock({ stream, end, itself, bytes }: HeaderBlock): void {
    // Whatever becomes of the call: the table of the connection depends on it.
    const headers = this.headers.read(bytes)
    const call = this.calls.find(stream)
    if (call) this.takeTrailers(call, headers, end)
    else if (stream > this.calls.last) {
      this.calls.last = stream
      if (this.calls.all.length >= this.options.calls) this.sendReset(stream, ERROR.refusedStream)
      else if (itself) this.sendReset(stream, ERROR.protocol)
      else this.open(stream, headers, end)
    } else if (!this.calls.wasReset(stream))
      throw new ConnectionError(ERROR.streamClosed, `stream ${stream} is over, or was left out`)
  }

  private open(stream: number, list: readonly Header[], end: boolean): void {
    const headers = requestHeaders(list)
    if (!headers) {
      this.sendReset(stream, ERROR.protocol)
      return
    }
    const call = new Call(this, stream, headers, this.callWindow)
    this.calls.add(call)
    call.handler = this.options.open(call, headers, this)
    if (end && !call.closed && !call.receiveEnd()) call.reset(ERROR.protocol)
  }

  private takeTrailers(call: Call, headers: readonly Header[], end: boolean): void {
    if (call.heard) call.reset(ERROR.streamClosed)
    else if (!end || !areTrailers(headers) || !call.receiveEnd()) call.reset(ERROR.protocol)
  }

  private takeReset(stream: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, `RST_STREAM of ${payload.length} bytes`)
    this.calls.mustHaveBeen(stream)
    this.patience.reset()
    this.calls.find(stream)?.close(payload.readUInt32BE(0))
  }

  private takeSettings({ stream, flags, payload }: Frame): void {
    if (stream !== 0) throw new ConnectionError(ERROR.protocol, 'SETTINGS of a stream')
    this.patience.frame()
    const { length } = payload
    if (length % 6 !== 0 || (flags & FLAG.ack && length > 0))
      throw new ConnectionError(ERROR.frameSize, `SETTINGS of ${length} bytes`)
    if (flags & FLAG.ack) return
    let window = this.callWindow
    for (let at = 0; at < length; at += 6) {
      const id = payload.readUInt16BE(at)
      const value = payload.readUInt32BE(at + 2)
      mustBeValid(id, value)
      if (id === SETTING.initialWindowSize) window = value
    }
    // Once, however often the frame says it: each time all calls would send what the window then lets go.
    if (window !== this.callWindow) this.setCallWindow(window)
    this.answer(SETTINGS_ACK)
  }

  private setCallWindow(value: number): void {
    const more = value - this.callWindow
    this.callWindow = value
    for (const call of this.calls.all) {
      call.window += more
      if (call.window > MOST_WINDOW) throw new ConnectionError(ERROR.flowControl, `the window of stream ${call.id}`)
      call.flush()
    }
  }

  private takeWindow(stream: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, `WINDOW_UPDATE of ${payload.length} bytes`)
    const more = payload.readUInt32BE(0) & 0x7fff_ffff
    this.patience.frame()
    if (stream === 0) {
      if (more === 0) throw new ConnectionError(ERROR.protocol, 'WINDOW_UPDATE of 0')
      this.window += more
      if (this.window > MOST_WINDOW) throw new ConnectionError(ERROR.flowControl, 'the window of the connection')
      for (const call of this.calls.all) call.flush()
      return
    }
    this.calls.mustHaveBeen(stream)
    const call = this.calls.find(stream)
    if (!call) return
    call.window += more
    if (more === 0) call.reset(ERROR.protocol)
    else if (call.window > MOST_WINDOW) call.reset(ERROR.flowControl)
    else call.flush()
  }

  /** What a stream did is refused, and nothing else. */
  private refuse(stream: number, code: ErrorCode): void {
    if (code !== ERROR.frameSize && code !== ERROR.protocol) this.calls.mustHaveBeen(stream)
    this.patience.reset()
    const call = this.calls.find(stream)
    if (call) call.reset(code)
    else if (!this.calls.wasReset(stream)) this.sendReset(stream, code)
  }
}

/** @throws ConnectionError for a value that https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 forbids */
function mustBeValid(setting: number, value: number): void {
  if (setting === SETTING.enablePush && value > 1) throw new ConnectionError(ERROR.protocol, `ENABLE_PUSH ${value}`)
  if (setting === SETTING.maxFrameSize && (value < MOST_PAYLOAD || value > 0xff_ffff))
    throw new ConnectionError(ERROR.protocol, `MAX_FRAME_SIZE ${value}`)
  if (setting === SETTING.initialWindowSize && value > MOST_WINDOW)
    throw new ConnectionError(ERROR.flowControl, `INITIAL_WINDOW_SIZE ${value}`)
}

const SPEAK_HTTP2 = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n' +
    'This port speaks gRPC (HTTP/2) to proxies. The HTTP API is on another port.\n',
)
