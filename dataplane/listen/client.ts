import type { Socket } from 'node:net'
import { type Codec, type ConnectionMode, type ErrorReason, frameErrorName } from '../../codecs/contract.ts'
import { complain } from '../complain.ts'
import type { DirectReply } from '../configuration.ts'
import type { Engine } from '../engine.ts'
import type { Intake } from '../framing/intake.ts'
import { FrameReader, type FrameSink } from '../framing/reader.ts'
import { replyTexts, reportCodecError } from '../reply/text.ts'
import { L } from '../stats/counters.ts'
import { afterTurn, clock, wake } from '../turn.ts'
import { Output, type OutputOwner } from '../upstream/output.ts'
import type { ActiveRequest } from '../upstream/requests.ts'
import { BoundUpstreams } from './bound.ts'
import { type HeldOwner, Hold, Holds } from './hold.ts'
import { Linger } from './linger.ts'
import type { ListenerRuntime } from './listener.ts'
import { OrderedReplies } from './ordered-replies.ts'
import type { Addresses } from './proxy-protocol.ts'
import { type Book, Running } from './running.ts'
import type { Session } from './session.ts'
import { Streams } from './streams.ts'

/** From then on the kernel asks for a client that has ended its side and waits for replies. */
const halfOpenMs = 30_000

let lanes = 0

/** A connection of a client. */
export class Client implements FrameSink, OutputOwner, HeldOwner {
  readonly engine: Engine
  readonly listener: ListenerRuntime
  readonly codec: Codec
  readonly socket: Socket
  readonly out: Output
  readonly lane = lanes++ & 0x3fffffff
  readonly replies: OrderedReplies | null
  /** Its requests by their ids, where it may end them. */
  readonly running: Running | null
  /** Whichever of the two there is. */
  readonly book: Book | null
  readonly addresses: Addresses | undefined
  readonly #reader: FrameReader
  /** No more is read or written. */
  closed = false
  /** It has to go: by its next reply, or `#finishing`. */
  #going = false
  /** FIN follows the last reply. */
  #finishing = false
  /** What was owed is given to the socket, FIN behind it; what its upstreams were sent still goes there. */
  #finished = false
  #linger: Linger | undefined
  readonly #holds: Holds
  inFlight = 0
  /** One-way messages of it that wait for a delay or an answer: they are sent before it goes. */
  unsent = 0
  session: Session | undefined
  #streams: Streams | null = null
  lastActive = clock.now
  /** When the frame that is not whole yet began, 0 without. */
  #partialSince = 0
  readonly bound = new BoundUpstreams(this)

  /** `intake` reads the socket. */
  constructor(
    engine: Engine,
    listener: ListenerRuntime,
    socket: Socket,
    intake: Intake,
    addresses: Addresses | undefined,
  ) {
    this.engine = engine
    this.listener = listener
    this.codec = listener.codec
    this.socket = socket
    this.addresses = addresses
    this.replies = this.codec.ordered ? new OrderedReplies() : null
    this.running = this.codec.cancels ? new Running(this) : null
    this.book = this.replies ?? this.running
    this.out = new Output(socket, this, listener.bufferLimit, true)
    this.#reader = new FrameReader(this.codec, this)
    this.#holds = new Holds(this.#reader, socket, this)
    intake.take = (bytes, start, end) => this.receive(bytes, start, end)
    socket.on('end', () => {
      // It may be gone wholly, and a reply that would show it may never come.
      if (this.inFlight > 0) socket.setKeepAlive(true, halfOpenMs)
      this.finish()
    })
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  /** The client's IP address; empty for Unix sockets. */
  get ip(): string {
    return this.addresses?.source.host ?? ''
  }

  get mode(): ConnectionMode {
    return this.listener.mode
  }

  get held(): boolean {
    return this.#holds.reasons !== 0 || this.over
  }

  get over(): boolean {
    return this.closed || this.#finishing
  }

  /** The client is there and has said nothing: where its upstream speaks first that is opened, and without one there is nothing to wait for. */
  begin(): void {
    const { codec, listener } = this
    if (codec.speaksFirst !== 'upstream' || listener.mode !== 'bound') return
    let problem: ReturnType<BoundUpstreams['open']>
    try {
      problem = this.bound.open(this.engine)
    } catch (error) {
      this.thrown(error)
      return
    }
    if (!problem) return
    if (problem === 'noRoute') listener.counters[L.downstream_rq_no_route]!++
    if (problem !== 'refused')
      complain(
        `listener ${listener.name}`,
        `a client was closed, since ${codec.name} servers speak first and ${problem === 'noRoute' ? 'no route is without `match`' : 'the route without `match` has no host'}`,
      )
    this.finish()
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    wake()
    this.listener.counters[L.downstream_cx_rx_bytes_total]! += end - start
    this.lastActive = clock.now
    if (this.#finishing || this.closed) return
    try {
      this.#reader.feed(bytes, start, end)
    } catch (error) {
      this.thrown(error)
    }
    if (!this.#reader.partial) this.#partialSince = 0
    else if (this.#partialSince === 0) this.#partialSince = clock.now
  }

  /** A codec that throws costs the connection whose bytes it was given, not the process. */
  thrown(error: unknown): void {
    reportCodecError(this.codec, error)
    this.broken()
  }

  onFrame(buf: Uint8Array, at: number, length: number): boolean {
    // Another frame begins with the rest, if there is one.
    this.#partialSince = 0
    return this.engine.message(this, buf, at, length)
  }

  onFrameError(code: number): void {
    this.broken(code)
  }

  /** The client broke its protocol: requests before this are answered, then the connection ends. */
  broken(code = 0): void {
    const { listener, codec, addresses } = this
    const who = addresses ? `${addresses.source.host}:${addresses.source.port}` : 'a client'
    const name = frameErrorName(code)
    if (name)
      complain(`listener ${listener.name}`, `${who} sent what is no ${codec.name} frame (${name}); it is closed`)
    this.listener.counters[L.downstream_cx_protocol_error]!++
    this.finish()
  }

  hold(reason: number): void {
    this.#holds.hold(reason)
  }

  release(reason: number): void {
    this.#holds.release(reason)
  }

  /** A reply for a request in flight. */
  deliver(sequence: number, b: Uint8Array, start: number, end: number): void {
    if (this.closed) return
    if (this.replies) this.#inOrder(sequence, b, start, end)
    else this.out.push(b, start, end)
    this.#answered()
  }

  #inOrder(sequence: number, b: Uint8Array, start: number, end: number): void {
    const { replies } = this
    if (!replies) return
    replies.fill(sequence, b, start, end, (bytes, from, to) => this.out.push(bytes, from, to))
    this.#streams?.turn(replies.next)
    if (replies.bytes > this.listener.hardLimit) this.#tooSlow()
  }

  /** The replies of several frames that are on their way. */
  get streams(): Streams {
    this.#streams ??= new Streams()
    return this.#streams
  }

  /** A frame of a request's reply behind which more follows. */
  deliverPart(request: ActiveRequest, b: Uint8Array, start: number, end: number): void {
    this.lastActive = clock.now
    const { replies, out, listener } = this
    if (!replies?.part(request.sequence, b, start, end)) {
      out.push(b, start, end)
      if (out.queued > listener.bufferLimit) this.streams.holdThisTurn(request)
    } else if (replies.bytes > listener.hardLimit) this.#tooSlow()
    else if (replies.bytes > listener.bufferLimit) this.streams.wait(request)
  }

  #answered(): void {
    this.inFlight--
    this.lastActive = clock.now
    if ((this.#holds.reasons & Hold.requests) !== 0 && this.inFlight * 4 <= this.listener.maxRequestsPerConnection * 3)
      this.release(Hold.requests)
    this.#settled()
  }

  /** One of its requests has ended without a reply, because it said so. */
  ended(): void {
    this.#answered()
  }

  /** One of its one-way messages that waited was sent, or is not to be sent. */
  wasSent(): void {
    this.unsent--
    this.#settled()
  }

  #settled(): void {
    if (!this.#going || this.inFlight !== 0 || this.unsent !== 0) return
    if (this.#finishing) this.#finish()
    else afterTurn({ flush: () => this.#gone() })
  }

  /** Who has just been answered and was not heard of again in that turn waits for nothing. */
  #gone(): void {
    if (this.inFlight === 0 && this.unsent === 0 && this.#holds.reasons === 0 && !this.#reader.partial) this.finish()
  }

  /** The outcome of a request that gets no reply: an error in its protocol, or the end of the connection where it has none. */
  answerError(
    sequence: number,
    b: Uint8Array,
    at: number,
    length: number,
    reason: ErrorReason,
    direct?: DirectReply,
  ): void {
    if (this.closed) return
    const { codec, listener } = this
    const code = direct?.code ?? codec.errorCodes[reason]
    const reply = codec.reply?.('error', b, at, length, code, direct?.message ?? replyTexts[reason])
    if (!reply) {
      this.abandon()
      return
    }
    listener.counters[L.downstream_rq_error_replied]!++
    if (this.replies) this.#inOrder(sequence, reply, 0, reply.length)
    else this.out.push(reply, 0, reply.length)
    this.#answered()
  }

  /** Closes after what is written already: a request cannot be answered, and closing is then its outcome and that of all others in flight. */
  abandon(): void {
    if (this.closed) return
    this.out.flush()
    this.#end()
    this.#close()
  }

  /** A frame that is no reply, from a bound upstream. */
  push(b: Uint8Array, at: number, length: number): void {
    if (!this.closed && !this.#finished) this.out.push(b, at, at + length)
  }

  /** Whether heartbeats pass: an upstream that keeps a session wants to hear from its client. */
  get forwardsHeartbeats(): boolean {
    const { heartbeat } = this.listener.config
    return heartbeat ? heartbeat === 'forward' : this.session !== undefined
  }

  onBlocked(waiting: number): void {
    if (this.closed) return
    if (waiting > this.listener.hardLimit) {
      this.#tooSlow()
      return
    }
    this.hold(Hold.slow)
    this.bound.pause(true)
    this.#streams?.pause(true)
  }

  onUnblocked(): void {
    if (this.closed) return
    wake()
    this.release(Hold.slow)
    this.bound.pause(false)
    this.#streams?.pause(false)
  }

  #tooSlow(): void {
    this.listener.counters[L.downstream_cx_slow_reader]!++
    this.destroy()
  }

  /** FIN behind its next reply that leaves none in flight: a request that is on its way to here is read and answered. */
  leave(): void {
    this.#going = true
  }

  /** Reads no more; FIN after the reply of the last request in flight. */
  finish(): void {
    if (this.#finishing || this.closed) return
    this.#going = true
    this.#finishing = true
    this.#reader.stop()
    // What comes now is read and thrown away, or the kernel would answer it with a reset and take replies with it.
    this.socket.resume()
    this.#settled()
  }

  #finish(): void {
    if (this.closed || this.#finished) return
    this.#finished = true
    this.#end()
    this.bound.drain()
  }

  #end(): void {
    this.out.end()
    this.#linger ??= new Linger(
      () => this.out.untaken,
      () => this.socket.destroy(),
    )
  }

  destroy(): void {
    this.#linger?.stop()
    this.socket.destroy()
    this.#close()
  }

  /** Called about once a second: silence, and frames that do not get whole. */
  sweep(): void {
    if (this.closed || this.#finishing) return
    const { listener } = this
    if (
      this.#partialSince > 0 &&
      this.#holds.reasons === 0 &&
      clock.now - this.#partialSince > listener.frameTimeoutMs
    ) {
      listener.counters[L.downstream_cx_frame_timeout]!++
      this.finish()
    } else if (
      listener.idleTimeoutMs > 0 &&
      this.inFlight === 0 &&
      clock.now - this.lastActive > listener.idleTimeoutMs
    ) {
      listener.counters[L.downstream_cx_idle_timeout]!++
      this.finish()
    }
  }

  #counted = 0

  #count(written: number): void {
    this.listener.counters[L.downstream_cx_tx_bytes_total]! += written - this.#counted
    this.#counted = written
  }

  /** Counts what was written since it was counted last. */
  countWritten(): void {
    this.#count(this.out.written)
  }

  #close(): void {
    if (this.closed) return
    this.closed = true
    wake()
    this.#reader.stop()
    const { counters } = this.listener
    counters[L.downstream_rq_closed]! += this.inFlight
    counters[L.downstream_cx_destroy]!++
    this.#count(this.out.written + this.out.queued)
    this.listener.clients.delete(this)
    if (!this.#finished) this.bound.close()
    this.#streams?.close(this.engine)
    if (this.inFlight > 0) this.engine.clientLeft()
  }
}
