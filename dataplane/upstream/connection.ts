import type { Socket } from 'node:net'
import { type Codec, type ConnectionMode, codecOfSide, frameErrorName } from '../../codecs/contract.ts'
import { complain, reasonOf } from '../complain.ts'
import type { Engine } from '../engine.ts'
import { Intake } from '../framing/intake.ts'
import { FrameReader, type FrameSink } from '../framing/reader.ts'
import type { Client } from '../listen/client.ts'
import { type HeldOwner, Hold, Holds } from '../listen/hold.ts'
import { encodeProxyHeader } from '../listen/proxy-protocol.ts'
import type { Greeting } from '../listen/session.ts'
import { connectionClosed, hostSilent, hostSpeaks } from '../reply/closed.ts'
import { takeReply } from '../reply/match.ts'
import { connectionOpened } from '../reply/outcome.ts'
import { reportCodecError } from '../reply/text.ts'
import { canShare } from '../route/compile.ts'
import { C } from '../stats/counters.ts'
import { clock, wake } from '../turn.ts'
import { countsIds, IdSpace } from './ids.ts'
import { Output, type OutputOwner } from './output.ts'
import type { HostPool } from './pool.ts'
import { RequestList } from './requests.ts'

/** A connection whose peer leaves so many requests unanswered is replaced. */
const mostExpired = 1024
/** Bytes in the socket from which on the peer counts as slow. */
const writeLimit = 1024 * 1024
const defaultConnectMs = 1000
const closeMs = 5000

/** One connection to an upstream host, of whichever mode; the requests on it are in the order in which they were sent. */
export class UpstreamConnection implements FrameSink, OutputOwner, HeldOwner {
  readonly pool: HostPool
  readonly mode: ConnectionMode
  /** How what is sent is laid out. */
  readonly codec: Codec
  /** How what comes is laid out. */
  readonly replyCodec: Codec
  readonly client: Client | null
  readonly pending = new RequestList()
  readonly #engine: Engine
  readonly #reader: FrameReader
  #socket!: Socket
  #holds!: Holds
  out!: Output
  #timer: NodeJS.Timeout | undefined
  /** It takes requests: what comes first, a handshake of TLS and a repeated login included, is done. */
  connected = false
  closed = false
  /** We closed it before it was there, which says nothing of the host. */
  abandoned = false
  /** Takes no new requests; closes with its last reply. */
  draining = false
  /** Of `pending`, those whose client has its outcome already. */
  expired = 0
  served = 0
  /** One-way messages that wait for it to open. */
  oneways = 0
  /** When a request was sent or done with, for the idle timeout: heartbeats do not keep a connection. */
  lastUsed = clock.now
  /** When the peer was heard last, for heartbeats: what is sent to it is no sign of its life. */
  lastHeard = clock.now
  /** When the ping that was not answered yet was sent, 0 without. */
  #pingAt = 0
  #misses = 0
  lastPing = clock.now
  readonly idMask: number
  /** Requests carry ids of ours: always when shared; in exclusive mode where that is possible, so that a reply that came twice meets nobody. */
  readonly rewrites: boolean
  /** The ids of this connection, where those of the proxy's requests do not fit the protocol. */
  readonly ids: IdSpace | null

  constructor(pool: HostPool, mode: ConnectionMode, client: Client | null) {
    this.pool = pool
    this.mode = mode
    this.codec = pool.codec
    this.replyCodec = codecOfSide(pool.codec, 'upstream')
    this.client = client
    this.#engine = pool.engine
    this.#reader = new FrameReader(this.replyCodec, this)
    this.rewrites = mode === 'shared' || (mode === 'exclusive' && canShare(pool.codec))
    this.idMask = pool.codec.idBits >= 32 ? -1 : (1 << pool.codec.idBits) - 1
    this.ids = this.rewrites && countsIds(pool.codec) ? new IdSpace(pool.codec) : null
  }

  /** What is said first, in the steps of the upstream's answers; everything else waits for it. */
  greetings: readonly Greeting[] = []
  #greeted = 0
  #heard = 0

  get counters(): Float64Array {
    return this.pool.cluster.counters
  }

  connect(): void {
    const { config } = this.pool.cluster
    const preface = config.proxyProtocol && encodeProxyHeader(config.proxyProtocol, this.client?.addresses)
    const { tcpKeepaliveMs } = config.connections ?? {}
    const { name } = this.pool.host.config
    const intake = new Intake(this.#engine.replySlabs)
    intake.take = (bytes, start, end) => this.#receive(bytes, start, end)
    const socket = this.#engine.dial(
      this.pool.host.address,
      intake,
      {
        ...(config.tls && { tls: config.tls }),
        ...(tcpKeepaliveMs && { keepaliveMs: tcpKeepaliveMs }),
        ...(preface && { preface }),
        ...(name !== undefined && { name }),
      },
      () => this.#ready(),
    )
    this.#socket = socket
    this.#holds = new Holds(this.#reader, socket, this)
    this.out = new Output(socket, this, writeLimit, false)
    const late = () => {
      if (this.connected || this.closed) return
      wake()
      this.counters[C.upstream_cx_connect_timeout]!++
      const missing = this.#greeted > 0 ? 'answer to the login' : 'connection'
      this.#failed(`no ${missing} within ${config.connectTimeoutMs ?? defaultConnectMs} ms`)
    }
    // It may be there, and only wait to be read, after the process stood still for a moment.
    this.#timer = setTimeout(() => setImmediate(late), config.connectTimeoutMs ?? defaultConnectMs)
    socket.on('error', (error) => this.#failed(reasonOf(error)))
    socket.on('end', () => this.#gone())
    socket.on('close', () => this.#gone())
  }

  #receive(bytes: Uint8Array, start: number, end: number): void {
    wake()
    this.counters[C.upstream_cx_rx_bytes_total]! += end - start
    this.#misses = 0
    this.lastHeard = clock.now
    if (this.pool.host.silent) hostSpeaks(this.pool.cluster, this.pool.host)
    try {
      this.#reader.feed(bytes, start, end)
    } catch (error) {
      this.thrown(error)
    }
  }

  /** A codec that throws costs the connection whose bytes it was given, not the process. */
  thrown(error: unknown): void {
    reportCodecError(this.codec, error)
    this.protocolError()
  }

  /** The connection cannot be made, or broke. */
  #failed(reason: string): void {
    if (this.closed) return
    const { host, cluster } = this.pool
    host.lastFailure = { reason, at: Date.now() }
    if (!this.connected) complain(`cluster ${cluster.name}, host ${host.key}`, `cannot connect: ${reason}`)
    this.#gone()
  }

  #ready(): void {
    if (this.closed) return
    wake()
    this.#greet()
  }

  /** The upstream said its part of a handshake that is being repeated. */
  greeted(): void {
    this.#heard++
    if (!this.out.open) this.#greet()
  }

  #greet(): void {
    for (; this.#greeted < this.greetings.length; this.#greeted++) {
      const { bytes, after } = this.greetings[this.#greeted]!
      if (after > this.#heard) return
      this.#socket.write(bytes)
    }
    clearTimeout(this.#timer)
    this.connected = true
    this.lastUsed = clock.now
    this.lastHeard = clock.now
    connectionOpened(this)
    this.out.release()
    this.pool.connected(this)
    if (this.draining && this.#done) this.close()
    // That it accepts connections says little: a process that hangs does so too.
    else if (this.pool.host.silent) this.#ping()
  }

  onFrame(buf: Uint8Array, at: number, length: number): boolean {
    return takeReply(this.#engine, this, buf, at, length)
  }

  onFrameError(code: number): void {
    this.protocolError(code)
  }

  /** The upstream broke its protocol; `code` is a FrameError. */
  protocolError(code = 0): void {
    const { host, cluster } = this.pool
    const reason = `sent what is no ${this.codec.name} frame (${frameErrorName(code) ?? 'the codec threw'})`
    host.lastFailure = { reason, at: Date.now() }
    complain(`cluster ${cluster.name}, host ${host.key}`, `${reason}; the connection is closed`)
    this.counters[C.upstream_cx_protocol_error]!++
    this.#end()
  }

  onBlocked(): void {
    this.client?.bound.blocked(true)
  }

  onUnblocked(): void {
    this.client?.bound.blocked(false)
  }

  /** Whether it is not read for now. */
  get held(): boolean {
    return this.#holds.reasons !== 0
  }

  get over(): boolean {
    return this.closed
  }

  /** What it said meanwhile was not heard. */
  goesOn(): void {
    this.lastHeard = clock.now
  }

  /** The client whom this connection serves alone cannot take more: its upstream is not read meanwhile. `reason` is a bit of `Hold`. */
  hold(reason: number): void {
    this.#holds.hold(reason)
  }

  release(reason: number): void {
    this.#holds.release(reason)
  }

  /** Enough was read in this turn: it is to be written first. */
  holdThisTurn(): void {
    this.hold(Hold.turn)
    this.release(Hold.turn)
  }

  /** Every request has its outcome, and what waited for the connection to open, as one-way messages do, is sent. */
  get #done(): boolean {
    return this.pending.count === this.expired && (this.connected || this.out.queued === 0)
  }

  /** A request was answered or given up, perhaps the last; its id may serve one that waits. */
  settled(): void {
    if (this.draining && this.#done) this.close()
    else if (this.ids !== null) this.pool.serveSharing()
  }

  /** No new requests; closes when those in flight are done. */
  drain(): void {
    if (this.closed) return
    this.draining = true
    this.pool.withdraw(this)
    if (this.#done && (this.mode !== 'exclusive' || this.pool.waiting.count === 0)) this.close()
    else this.pool.serveSharing()
  }

  /** One more request was given up with its reply still out. */
  gaveUp(): void {
    this.expired++
    // Of few ids half may be burnt: what is left would carry half as much.
    const most = this.ids === null ? mostExpired : Math.min(mostExpired, this.ids.capacity >> 1)
    if (this.expired > most) this.drain()
  }

  /** Whether a heartbeat that came is the answer to our ping. */
  takePong(): boolean {
    if (this.#pingAt === 0) return false
    this.#pingAt = 0
    return true
  }

  /** Called about once a second. */
  sweep(): void {
    if (!this.connected || this.closed) return
    const { connections, heartbeat } = this.pool.cluster.config
    const idleMs = connections?.idleTimeoutMs ?? 60_000
    // Replies that were given up do not keep it: who has been silent for so long will not send them.
    if (
      idleMs > 0 &&
      this.pending.count === this.expired &&
      this.mode !== 'bound' &&
      clock.now - this.lastUsed > idleMs &&
      !this.pool.holds(this)
    ) {
      this.counters[C.upstream_cx_idle_timeout]!++
      this.close()
      return
    }
    // Of who is not read nothing is heard.
    if (heartbeat && !this.codec.ordered && !this.held) this.#heartbeat(heartbeat)
  }

  #heartbeat({ intervalMs, timeoutMs, misses = 3 }: NonNullable<HostPool['cluster']['config']['heartbeat']>): void {
    if (this.#pingAt > 0) {
      if (clock.now - this.#pingAt < timeoutMs) return
      this.#pingAt = 0
      // Any frame is a sign of life; only silence counts.
      if (clock.now - this.lastHeard >= timeoutMs && ++this.#misses >= misses) {
        this.counters[C.upstream_cx_heartbeat_failure]!++
        this.pool.fellSilent(this)
        hostSilent(this.pool.cluster, this.pool.host)
        this.close()
        return
      }
    }
    if (clock.now - this.lastPing >= intervalMs) this.#ping()
  }

  #ping(): void {
    const ping = this.codec.reply?.('ping', nothing, 0, 0, 0, '')
    if (!ping) return
    this.lastPing = clock.now
    this.#pingAt = clock.now
    this.out.push(ping, 0, ping.length)
  }

  #counted = 0

  /** Counts what was written since it was counted last. */
  countWritten(): void {
    const { written } = this.out
    this.counters[C.upstream_cx_tx_bytes_total]! += written - this.#counted
    this.#counted = written
  }

  /** Closes at once; what is pending fails. */
  close(): void {
    if (this.closed) return
    this.abandoned = !this.connected
    this.#end()
  }

  #end(): void {
    if (this.closed) return
    if (this.connected) {
      this.out.flush()
      this.#socket.end()
      const socket = this.#socket
      const late = setTimeout(() => socket.destroy(), closeMs).unref()
      socket.once('close', () => clearTimeout(late))
    } else this.#socket.destroy()
    this.#gone()
  }

  #gone(): void {
    if (this.closed) return
    wake()
    this.closed = true
    clearTimeout(this.#timer)
    this.#reader.stop()
    this.countWritten()
    if (!this.connected && !this.abandoned) {
      this.counters[C.upstream_cx_connect_fail]!++
      this.pool.host.connectFailures++
    }
    if (this.connected && this.pending.count > 0) this.counters[C.upstream_cx_destroy_with_active_rq]!++
    if (!this.#socket.writableEnded) this.#socket.destroy()
    this.pool.closed(this, !this.connected)
    connectionClosed(this.#engine, this)
  }
}

const nothing = new Uint8Array(0)
