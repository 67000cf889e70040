import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { StatusBook } from '../status/book.ts'
import type { ClassLog } from '../subscription/class-log.ts'
import type { Client } from '../subscription/client.ts'
import type { FrameOptions } from '../subscription/frames.ts'
import type { WorkingSet } from '../subscription/on-demand.ts'
import type { Mesh, NodeInfo, OnDemand, UnservedRequest } from '../xds/resource.ts'
import { Classes } from './classes.ts'
import type { ExtraService } from './grpc.ts'
import { growSteadily } from './heap-growth.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { Listener } from './listener.ts'
import { type Logger, SILENT } from './logger.ts'
import type { Method } from './method.ts'
import { type AdsMetrics, NO_METRICS } from './metrics.ts'
import { Preparations } from './preparations.ts'
import { pushRound } from './push-round.ts'
import { RefusalLog } from './refusal-log.ts'
import { Rounds } from './rounds.ts'
import { Rush } from './rush.ts'
import { Slices } from './slices.ts'
import { Stream } from './stream.ts'
import type { StreamContext } from './stream-context.ts'
import type { TlsFiles } from './tls.ts'
import { TokenBucket } from './token-bucket.ts'
import {
  GRPC_HEADROOM,
  STATUS,
  type Status,
  sealGrpcFrame,
  type Transport,
  type TransportHandler,
} from './transport.ts'
import { Turns } from './turns.ts'
import { Warming } from './warming.ts'

export interface XdsServerOptions {
  readonly limits?: Partial<Limits>
  readonly logger?: Logger
  readonly metrics?: AdsMetrics
  /** Certificates; without them only loopback addresses may be listened on. */
  readonly tls?: TlsFiles
  /** Listen without TLS on any address. Everybody who reaches the port can read the configuration. */
  readonly insecure?: boolean
  /** Whether all sources were read; until then streams are refused with UNAVAILABLE. Default: yes. */
  readonly ready?: () => boolean
  /** Shown by Envoy as the control plane's name. Default: `meshgate@<host>`. */
  readonly identifier?: string
  /** Other gRPC services on the same ports: load reports, access logs, client status. */
  readonly services?: readonly ExtraService[]
  /** What is remembered of workloads that get clusters on demand. Default: nothing is. */
  readonly workingSets?: (node: NodeInfo) => WorkingSet
  /** Milliseconds since 1970; must not go back. */
  readonly now?: () => number
}

/** Reading `performance.timeOrigin` costs more than the clock itself. */
const STARTED_AT = performance.timeOrigin

/** Below this share of the streams that are taken there is room again: one that comes and goes at the limit is told once. */
const ROOM_AGAIN = 0.95

/** How often streams that wait for time to pass are looked at. */
const TICK_MS = 100

/**
 * Serves a mesh over xDS: state of the world and delta, aggregated and by single type.
 *
 * ```ts
 * const server = new XdsServer(mesh, { ready: () => synced })
 * const { port } = await server.listen('127.0.0.1:15010')
 * server.status.clients()
 * await server.stop(5000)
 * ```
 */
export class XdsServer {
  /** Who is connected and in which state. */
  readonly status: StatusBook
  private readonly options: XdsServerOptions
  private readonly limits: Limits
  private readonly logger: Logger
  private readonly metrics: AdsMetrics
  private readonly classes: Classes
  private readonly context: StreamContext
  private readonly refusals: RefusalLog
  private readonly rounds: Rounds
  private readonly streams = new Map<number, Stream>()
  private readonly admission: TokenBucket
  private readonly listeners: Listener[] = []
  private readonly unsubscribe: () => void
  private readonly rush = new Rush()
  private readonly ticker: NodeJS.Timeout
  private readonly now: () => number
  private lastStream = 0
  private changedAt: number | undefined
  private reclassifyAll = false
  private classification: unknown
  private stopping = false
  /** It was told that there is no room; told again only after there was. */
  private full = false
  /** Clients that are gone and whose names are let go of in slices. */
  private releasing = 0
  private verifiedAt: number
  private unverified: ClassLog[] = []

  constructor(mesh: Mesh, options: XdsServerOptions = {}) {
    this.options = options
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.logger = options.logger ?? SILENT
    this.metrics = options.metrics ?? NO_METRICS
    this.now = options.now ?? (() => STARTED_AT + performance.now())
    this.status = new StatusBook(this.now)
    this.refusals = new RefusalLog(this.logger, this.now)
    this.classes = new Classes(this.status, this.limits.idleClassMs, () => {
      this.metrics.pushTriggered('verdict')
      this.rounds.request()
    })
    const frames: FrameOptions = {
      headroom: GRPC_HEADROOM,
      seal: sealGrpcFrame,
      identifier: options.identifier ?? `meshgate@${hostname()}`,
      boot: randomBytes(4).toString('hex'),
      responseBytes: this.limits.responseBytes,
    }
    this.context = {
      mesh,
      classes: this.classes,
      status: this.status,
      limits: this.limits,
      frames,
      logger: this.logger,
      refusals: this.refusals,
      metrics: this.metrics,
      now: this.now,
      waiting: new Set(),
      warming: new Warming(this.limits, this.logger, this.metrics),
      workingSets: options.workingSets,
      preparations: new Preparations(this.limits.sliceMs, (error) =>
        this.logger.error({ error }, 'preparing what a client asked for failed'),
      ),
      arrivals: new Preparations(this.limits.sliceMs, (error) =>
        this.logger.error({ error }, 'preparing what a client came back with failed'),
      ),
      turns: new Turns(this.limits.sliceMs),
      closed: (stream) => this.closed(stream),
      leaving: (client) => this.release(client),
      crowded: () => this.shed(),
      ready: () => this.rounds.request(),
    }
    this.admission = new TokenBucket(this.limits.newStreamsPerSecond, this.limits.newStreamBurst, this.now())
    this.rounds = new Rounds({
      gapMs: this.limits.roundGapMs,
      sliceMs: this.limits.sliceMs,
      work: () => this.round(),
      failed: (error) => this.logger.error({ error }, 'a round of xDS pushes failed'),
    })
    this.verifiedAt = this.now()
    this.classification = mesh.classification?.()
    this.unsubscribe = mesh.onChange(() => {
      this.classes.epoch.now++
      this.changedAt ??= this.now()
      const { classification } = this
      this.classification = mesh.classification?.()
      if (!mesh.classification || this.classification !== classification) this.reclassifyAll = true
      this.metrics.pushTriggered('config')
      this.rounds.request()
    })
    this.ticker = setInterval(() => this.tick(), TICK_MS)
    this.ticker.unref()
  }

  /**
   * @param address `host:port`, `[v6 address]:port`, a port (loopback) or `unix:/path`; port 0 takes a free one
   * @throws Error when the address is not loopback and there is neither TLS nor `insecure`, when it is taken, or when the
   *   TLS files cannot be used
   */
  async listen(address: string): Promise<{ readonly port: number }> {
    growSteadily()
    const listener = await Listener.open(address, {
      limits: this.limits,
      logger: this.logger,
      refusals: this.refusals,
      tls: this.options.tls,
      insecure: this.options.insecure ?? false,
      services: this.options.services ?? [],
      open: (method, transport) => this.open(method, transport),
      refused: (reason) => this.metrics.refused(reason),
    })
    this.listeners.push(listener)
    this.logger.info({ address, port: listener.port, tls: this.options.tls !== undefined }, 'xDS is served')
    return { port: listener.port }
  }

  /** When the first of the certificates it shows ends, ms since the epoch; undefined without TLS. */
  get certificateUntil(): number | undefined {
    const ends = this.listeners.flatMap(({ certificateUntil }) => certificateUntil ?? [])
    return ends.length > 0 ? Math.min(...ends) : undefined
  }

  /**
   * Takes no new streams, ends the present ones spread over `graceMs` so that they do not fall on another replica all at
   * once, then cuts what is left.
   */
  async stop(graceMs = 0): Promise<void> {
    if (this.stopping) return
    this.stopping = true
    for (const listener of this.listeners) listener.stopAccepting()
    const left = [...this.streams.values()]
    const until = this.now() + graceMs
    for (const [index, stream] of left.entries()) {
      const wait = until - (graceMs * (left.length - index)) / left.length - this.now()
      if (graceMs > 0 && wait > 1) await sleep(wait)
      stream.end({ code: STATUS.unavailable, message: 'the control plane is stopping' })
    }
    this.unsubscribe()
    this.rounds.stop()
    clearInterval(this.ticker)
    this.rush.end()
    // One turn for the last statuses to leave.
    await sleep(Math.min(graceMs, 50))
    for (const listener of this.listeners) listener.stop()
  }

  /** Connected proxies that get clusters on demand, and the names of those they were told about one by one. */
  *lazyProxies(): Generator<{
    readonly node: NodeInfo
    readonly classKey: string
    readonly onDemand: OnDemand
    readonly clusters: Iterable<string>
    readonly keepsAll: boolean
  }> {
    for (const stream of this.streams.values()) {
      const found = stream.lazy
      if (found) yield found
    }
  }

  /** A proxy told of a request for which it had no cluster. Costs nothing for those that hold everything. */
  rescue(nodeId: string, request: UnservedRequest): void {
    for (const stream of this.streams.values()) if (stream.lazy?.node.id === nodeId) stream.rescue(request)
  }

  private open(method: Method, transport: Transport): TransportHandler {
    const refusal = this.refusal()
    if (refusal) {
      this.metrics.refused('admission')
      queueMicrotask(() => transport.close(refusal))
      return REFUSED
    }
    this.rush.came(this.now())
    const stream = new Stream(++this.lastStream, method, transport, this.context)
    this.streams.set(stream.stream, stream)
    this.metrics.opened(method.form)
    this.metrics.connected(this.streams.size)
    return stream
  }

  private refusal(): Status | undefined {
    const { streams, newStreamsPerSecond } = this.limits
    if (this.stopping) return { code: STATUS.unavailable, message: 'the control plane is stopping' }
    if (this.options.ready && !this.options.ready()) {
      return { code: STATUS.unavailable, message: 'the control plane has not read its configuration yet; try again' }
    }
    if (this.streams.size >= streams) {
      if (!this.full)
        this.logger.warn(
          { streams },
          'there are as many streams as are taken: further proxies are refused; start another replica, or allow more (--max-streams)',
        )
      this.full = true
      return {
        code: STATUS.resourceExhausted,
        message: `this control plane has the ${streams} streams it takes: another replica may have room; try again`,
      }
    }
    if (!this.admission.take(this.now())) {
      return { code: STATUS.unavailable, message: `more than ${newStreamsPerSecond} new streams per second; try again` }
    }
    return undefined
  }

  private closed(stream: number): void {
    this.streams.delete(stream)
    if (this.streams.size < this.limits.streams * ROOM_AGAIN) this.full = false
    this.metrics.connected(this.streams.size)
  }

  /** Lets go of the names of a client that is gone: of very many in slices, all at once the others would wait. */
  private release(client: Client): void {
    const { class: log } = client
    const steps = client.leave()
    if (steps.next().done) {
      this.classes.left(log, this.now())
      return
    }
    // Its class stays until then: a new one of the same name would be given what this one takes back.
    this.releasing++
    new Slices(this.limits.sliceMs, 1).run(
      () => !steps.next().done,
      (error) => {
        if (error !== undefined) this.logger.error({ error }, 'letting go of the names of a client failed')
        this.releasing--
        this.classes.left(log, this.now())
      },
    )
  }

  /** Ends the stream that asks for most names that do not exist. While those of the last one are let go of, no other. */
  private shed(): void {
    if (this.releasing > 0) return
    let most: Stream | undefined
    let missing = 0
    for (const stream of this.streams.values()) {
      const own = stream.missingNames
      if (own > missing) [most, missing] = [stream, own]
    }
    most?.shed(missing)
  }

  /** Publishes the present configuration and sends everybody what changed. */
  private *round(): Generator<void> {
    const startedAt = this.now()
    const { changedAt } = this
    this.changedAt = undefined
    const reclassify = this.reclassifyAll
    this.reclassifyAll = false
    yield* pushRound(this.classes, this.streams.values(), reclassify, changedAt)
    this.metrics.roundTime((this.now() - startedAt) / 1000)
  }

  /** Anti-entropy: one class each time, so that nobody waits for it. */
  private verify(time: number): void {
    if (this.unverified.length === 0) {
      if (time - this.verifiedAt < this.limits.verifyMs) return
      this.verifiedAt = time
      this.unverified = [...this.classes]
      if (this.unverified.length === 0) this.metrics.verified()
      return
    }
    const log = this.unverified.pop()!
    const drift = log.readers.size > 0 ? log.verify() : []
    if (this.unverified.length === 0) this.metrics.verified()
    if (drift.length === 0) return
    this.metrics.drifted(drift.length)
    this.logger.warn(
      { class: log.key, count: drift.length, first: drift[0] },
      'what proxies were told is not what the configuration says: sending it anew',
    )
    this.rounds.request()
  }

  private tick(): void {
    const time = this.now()
    for (const stream of this.context.waiting) stream.tick(time)
    this.context.warming.tick(time)
    this.rush.tick(time)
    for (const log of this.classes) if (log.due) this.rounds.request()
    this.classes.tick(time)
    this.verify(time)
    const { streamAgeMs } = this.limits
    for (const stream of this.streams.values()) {
      const age = time - stream.connectedAt
      // Oldest first: nobody after this one can be due.
      if (age < streamAgeMs * 0.9) break
      // Multiples of the golden ratio spread neighbours as evenly as can be.
      if (age >= streamAgeMs * (0.9 + ((stream.stream * 0.618034) % 1) * 0.2)) {
        stream.end({ code: STATUS.ok, message: 'maximum age reached' })
      }
    }
  }
}

const REFUSED: TransportHandler = { message: () => {}, settled: () => {}, refuse: () => {}, closed: () => {} }
