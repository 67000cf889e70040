import type { Socket } from 'node:net'
import { Call, type CallHandler } from './call.ts'
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
import { Outbox } from './outbox.ts'
import { Wire } from './wire.ts'

export interface ConnectionOptions {
  /** Calls at a time. */
  readonly calls: number
  /** A connection that did not say that it speaks HTTP/2 after so long is cut, in ms. */
  readonly prefaceMs: number
  /** PING after so long in which nothing came, in ms, and how long to wait for the answer. */
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
  /** A client asks for something; what is returned hears what comes. It may answer at once. */
  open(call: Call, headers: RequestHeaders): CallHandler
  closed(connection: Connection): void
}

/** What all calls of a connection may have sent that is not taken yet. */
const CONNECTION_WINDOW = 1024 * 1024
/**
 * Frames in one tick that cost us something and the client nothing: an honest client sends some hundred. Also what is known of
 * CVE-2019-9512 to -9518 and CVE-2023-44487 (endless pings, settings, resets, empty frames).
 */
const MOST_CHEAP = 20_000
const RESET_COSTS = 20
/** Answers to the client's own frames that it does not read. */
const MOST_UNREAD_ANSWERS = 1000
/** Calls we ended before the client did: what it had sent by then is no fault of its. */
const REMEMBERED_RESETS = 100
/** How long the reason for the end of a connection may take to leave, in ms. */
const LAST_WORD_MS = 2000
const NO_CALLS: readonly Call[] = []
const PING = frame(FRAME.ping, 0, 0, Buffer.from('meshgate'))
const SETTINGS_ACK = frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0))

/**
 * The server's side of one HTTP/2 connection (RFC 9113) that carries gRPC calls. It exists because Node's own costs an xDS client twice
 * the CPU of a push and twice the memory of an idle stream (docs/decisions/http2.md): here a response that goes to a thousand
 * clients is framed once and written as it is.
 *
 * Left out: server push, priorities, a table for our own headers, which are the same few anyhow.
 */
export class Connection {
  readonly socket: Socket
  /** What the client takes at present, over all calls. */
  window = FIRST_WINDOW
  private readonly options: ConnectionOptions
  private readonly reader = new FrameReader()
  private readonly headers = new HeaderReader()
  /** Nearly always one: a table would take twice the room. */
  private calls: readonly Call[] = NO_CALLS
  private resets: Set<number> | undefined
  private state: 'preface' | 'settings' | 'open' | 'ended' = 'preface'
  private callWindow = FIRST_WINDOW
  private lastCall = 0
  /** Bytes that came and were not given back. */
  private unreturned = 0
  /** A header block that goes on in the next frame. */
  private block: HeaderBlock | undefined
  private readonly outbox: Outbox
  private cheap = 0
  private answers = 0
  private readonly openedAt: number
  private heardAt: number
  private pingedAt: number | undefined
  /** As of the last tick: a clock for each read would cost more than it is worth. */
  private now: number

  /** @param now ms */
  constructor(socket: Socket, options: ConnectionOptions, now: number) {
    this.socket = socket
    this.options = options
    this.openedAt = now
    this.heardAt = now
    this.now = now
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
    this.cheap = 0
    if (this.pingedAt !== undefined) this.pingedAt += stoodMs
    const { prefaceMs, keepaliveMs, keepaliveTimeoutMs } = this.options
    if (this.state === 'preface' && now - this.openedAt >= prefaceMs) this.socket.destroy()
    else if (this.pingedAt !== undefined) {
      if (now - this.pingedAt >= keepaliveTimeoutMs) this.socket.destroy()
    } else if (now - this.heardAt >= keepaliveMs) {
      this.pingedAt = now
      this.send(PING)
    }
    this.now = now
  }

  /** Tells the client to open its next calls elsewhere, and cuts the connection when all it had to be told is sent. */
  end(code: ErrorCode = ERROR.none, text = ''): void {
    if (this.isOver) return
    this.send(goawayFrame(this.lastCall, code, text))
    this.outbox.flush()
    this.socket.destroySoon()
    // Not for ever: who is told that it must go need not read that.
    setTimeout(() => this.socket.destroy(), LAST_WORD_MS).unref()
    this.gone()
  }

  /** What is sent from now on in this turn of the loop leaves in one write: a short answer is headers, a message and trailers. */
  gather(): void {
    this.outbox.gather()
  }

  /** Bytes that are frames. @internal for calls */
  send(bytes: Buffer, done?: () => void): void {
    this.outbox.send(bytes, done)
  }

  /** @returns whether both windows took it. @internal for calls */
  sendWhole(call: Call, payload: Buffer, done: (() => void) | undefined): boolean {
    const { length } = payload
    if (length > call.window || length > this.window) return false
    call.window -= length
    this.window -= length
    this.send(sharedDataFrames(call.id, payload), done)
    return true
  }

  /** @internal for calls */
  sendPart(call: Call, part: Buffer, done: (() => void) | undefined): void {
    call.window -= part.length
    this.window -= part.length
    this.send(frame(FRAME.data, 0, call.id, part), done)
  }

  /** @internal for calls */
  sendReset(stream: number, code: ErrorCode): void {
    this.resets ??= new Set()
    if (this.resets.size >= REMEMBERED_RESETS) this.resets.delete(this.resets.values().next().value!)
    this.resets.add(stream)
    this.send(numberFrame(FRAME.rstStream, stream, code))
  }

  /** @internal for calls */
  sendWindow(stream: number, bytes: number): void {
    this.send(numberFrame(FRAME.windowUpdate, stream, bytes))
  }

  /** @internal for calls */
  forget(call: Call): void {
    this.calls = this.calls.length === 1 ? NO_CALLS : this.calls.filter((one) => one !== call)
  }

  private readonly gone = (): void => {
    if (this.isOver) return
    this.state = 'ended'
    for (const call of this.calls) call.close(ERROR.cancel)
    this.options.closed(this)
  }

  private get isOver(): boolean {
    return this.state === 'ended'
  }

  private readonly read = (chunk: Buffer): void => {
    if (this.isOver) return
    this.heardAt = this.now
    this.pingedAt = undefined
    this.outbox.hold()
    try {
      this.reader.add(chunk)
      if (this.state !== 'preface' || this.readPreface()) {
        for (let next = this.reader.next(); next && !this.isOver; next = this.reader.next()) this.take(next)
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
        this.count(1)
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
        this.count(1)
        break
      case FRAME.goaway:
        if (stream !== 0) throw new ConnectionError(ERROR.protocol, 'GOAWAY of a stream')
        this.count(1)
        break
      case FRAME.windowUpdate:
        this.takeWindow(stream, payload)
        break
      case FRAME.continuation:
        this.takeContinuation(next)
        break
      default:
        this.count(1)
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
    const call = this.call(stream)
    if (chunk.length === 0) this.count(1)
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
    this.count(1)
    block.add(next)
    if (!block.whole) return
    this.block = undefined
    this.takeBlock(block)
  }

  private takeBlock({ stream, end, itself, bytes }: HeaderBlock): void {
    // Whatever becomes of the call: the table of the connection depends on it.
    const headers = this.headers.read(bytes)
    const call = this.call(stream)
    if (call) this.takeTrailers(call, headers, end)
    else if (stream > this.lastCall) {
      this.lastCall = stream
      if (this.calls.length >= this.options.calls) this.sendReset(stream, ERROR.refusedStream)
      else if (itself) this.sendReset(stream, ERROR.protocol)
      else this.open(stream, headers, end)
    } else if (!this.resets?.has(stream))
      throw new ConnectionError(ERROR.streamClosed, `stream ${stream} is over, or was left out`)
  }

  private open(stream: number, list: readonly Header[], end: boolean): void {
    const headers = requestHeaders(list)
    if (!headers) {
      this.sendReset(stream, ERROR.protocol)
      return
    }
    const call = new Call(this, stream, headers, this.callWindow)
    this.calls = this.calls.length === 0 ? [call] : this.calls.concat(call)
    call.handler = this.options.open(call, headers)
    if (end && !call.closed && !call.receiveEnd()) call.reset(ERROR.protocol)
  }

  private takeTrailers(call: Call, headers: readonly Header[], end: boolean): void {
    if (call.heard) call.reset(ERROR.streamClosed)
    else if (!end || !areTrailers(headers) || !call.receiveEnd()) call.reset(ERROR.protocol)
  }

  private takeReset(stream: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, `RST_STREAM of ${payload.length} bytes`)
    this.known(stream)
    this.count(RESET_COSTS)
    this.call(stream)?.close(payload.readUInt32BE(0))
  }

  private takeSettings({ stream, flags, payload }: Frame): void {
    if (stream !== 0) throw new ConnectionError(ERROR.protocol, 'SETTINGS of a stream')
    this.count(1)
    const { length } = payload
    if (length % 6 !== 0 || (flags & FLAG.ack && length > 0))
      throw new ConnectionError(ERROR.frameSize, `SETTINGS of ${length} bytes`)
    if (flags & FLAG.ack) return
    for (let at = 0; at < length; at += 6) this.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
    this.answer(SETTINGS_ACK)
  }

  private set(id: number, value: number): void {
    if (id === SETTING.enablePush && value > 1) throw new ConnectionError(ERROR.protocol, `ENABLE_PUSH ${value}`)
    if (id === SETTING.maxFrameSize && (value < MOST_PAYLOAD || value > 0xff_ffff))
      throw new ConnectionError(ERROR.protocol, `MAX_FRAME_SIZE ${value}`)
    if (id !== SETTING.initialWindowSize) return
    if (value > MOST_WINDOW) throw new ConnectionError(ERROR.flowControl, `INITIAL_WINDOW_SIZE ${value}`)
    const more = value - this.callWindow
    this.callWindow = value
    for (const call of this.calls) {
      call.window += more
      if (call.window > MOST_WINDOW) throw new ConnectionError(ERROR.flowControl, `the window of stream ${call.id}`)
      call.flush()
    }
  }

  private takeWindow(stream: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, `WINDOW_UPDATE of ${payload.length} bytes`)
    const more = payload.readUInt32BE(0) & 0x7fff_ffff
    this.count(1)
    if (stream === 0) {
      if (more === 0) throw new ConnectionError(ERROR.protocol, 'WINDOW_UPDATE of 0')
      this.window += more
      if (this.window > MOST_WINDOW) throw new ConnectionError(ERROR.flowControl, 'the window of the connection')
      for (const call of this.calls) call.flush()
      return
    }
    this.known(stream)
    const call = this.call(stream)
    if (!call) return
    call.window += more
    if (more === 0) call.reset(ERROR.protocol)
    else if (call.window > MOST_WINDOW) call.reset(ERROR.flowControl)
    else call.flush()
  }

  private call(stream: number): Call | undefined {
    for (const call of this.calls) if (call.id === stream) return call
    return undefined
  }

  /** @throws ConnectionError for a stream that never was */
  private known(stream: number): void {
    if (stream === 0 || stream % 2 === 0 || stream > this.lastCall)
      throw new ConnectionError(ERROR.protocol, `stream ${stream} does not exist`)
  }

  /** What a stream did is refused, and nothing else. */
  private refuse(stream: number, code: ErrorCode): void {
    if (code !== ERROR.frameSize && code !== ERROR.protocol) this.known(stream)
    this.count(RESET_COSTS)
    const call = this.call(stream)
    if (call) call.reset(code)
    else if (!this.resets?.has(stream)) this.sendReset(stream, code)
  }

  private answer(bytes: Buffer): void {
    if (++this.answers > MOST_UNREAD_ANSWERS)
      throw new ConnectionError(ERROR.enhanceYourCalm, 'answers that nobody reads')
    this.send(bytes, this.answered)
  }

  private readonly answered = (): void => {
    this.answers--
  }

  private count(cost: number): void {
    this.cheap += cost
    if (this.cheap > MOST_CHEAP) throw new ConnectionError(ERROR.enhanceYourCalm, 'too many frames without a purpose')
  }
}

const SPEAK_HTTP2 = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n' +
    'This port speaks gRPC (HTTP/2) to proxies. The HTTP API is on another port.\n',
)
