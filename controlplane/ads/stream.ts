import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import type { StatusBook, StatusSource } from '../status/book.ts'
import type { ClassLog } from '../subscription/class-log.ts'
import { Client, type Received } from '../subscription/client.ts'
import type { FrameOptions } from '../subscription/frames.ts'
import { WILDCARD_TYPES } from '../subscription/interest.ts'
import type { WorkingSet } from '../subscription/on-demand.ts'
import { portions } from '../subscription/portions.ts'
import { type DiscoveryRequest, RequestTooLarge, readRequest } from '../subscription/request.ts'
import { writeResponse } from '../subscription/response.ts'
import { WireError } from '../subscription/wire.ts'
import type { Mesh, NodeInfo, UnservedRequest } from '../xds/resource.ts'
import { authorize } from './authorize.ts'
import type { Classes } from './classes.ts'
import type { Method } from './grpc.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import type { AdsMetrics } from './metrics.ts'
import { readNode, readNodeId } from './node.ts'
import type { Preparations } from './preparations.ts'
import { RequestLine } from './request-line.ts'
import { RequestReader } from './request-reader.ts'
import { TokenBucket } from './token-bucket.ts'
import { STATUS, type Status, type Transport, type TransportHandler } from './transport.ts'
import type { Turns } from './turns.ts'

/** What all streams of a server share. */
export interface StreamContext {
  readonly mesh: Mesh
  readonly classes: Classes
  readonly status: StatusBook
  readonly limits: Limits
  readonly frames: FrameOptions
  readonly logger: Logger
  readonly metrics: AdsMetrics
  readonly now: () => number
  /** Streams to look after when time has passed. */
  readonly waiting: Set<Stream>
  /** Streams that were sent clusters they ask for on demand, and have not acknowledged them. */
  readonly warming: Set<Stream>
  /** What is remembered of the workload of a node. */
  readonly workingSets: ((node: NodeInfo) => WorkingSet) | undefined
  /** What classes compile for their first clients. */
  readonly preparations: Preparations<ClassLog>
  readonly turns: Turns
  closed(stream: Stream): void
  /** A client is gone whose names are to be let go of. */
  leaving(client: Client): void
  /** All streams together ask for more names that do not exist than may be. */
  crowded(): void
  /** A class can take the changes it held back. */
  ready(): void
}

const typeByUrl = new Map(Object.entries(TYPE_URL).map(([type, url]) => [url as string, type as ResourceType]))

/** How long a stream is not read that sends more than it can be answered, in ms. */
const SLOWER_MS = 20

/** One xDS stream: requests are checked and given to its `Client`, whose answers are written as the transport takes them. */
export class Stream implements TransportHandler, StatusSource {
  readonly stream: number
  readonly connectedAt: number
  readonly method: Method
  private readonly context: StreamContext
  private readonly transport: Transport
  private readonly bucket: TokenBucket
  private joined: { readonly node: NodeInfo; readonly client: Client } | undefined
  private ended = false
  /** Frames handed to the transport that have not left yet, and since when. */
  private unsent = 0
  private unsentSince = 0
  /** Nonce of the clusters whose late acknowledgement was told. */
  private toldSlow: string | undefined
  private readonly reader: RequestReader
  private readonly line: RequestLine
  /** When the oldest change this client has not fully accepted was made. */
  private changedAt: number | undefined

  constructor(stream: number, method: Method, transport: Transport, context: StreamContext) {
    this.stream = stream
    this.method = method
    this.transport = transport
    this.context = context
    this.connectedAt = context.now()
    const { requestsPerSecond, requestBurst } = context.limits
    this.bucket = new TokenBucket(requestsPerSecond, requestBurst, this.connectedAt)
    this.reader = new RequestReader({
      begin: (bytes) => {
        const { namesPerStream: names, nameLength } = context.limits
        return readRequest(method.form, bytes, { names, nameLength })
      },
      take: (request) => {
        if (!this.ended && (this.joined || this.join(request))) this.line.add(request)
      },
      failed: (error) => this.refuseError(error),
      slowDown: () => transport.pause(SLOWER_MS),
    })
    this.line = new RequestLine({
      divide: (request) => {
        const type = this.typeNamed(request)
        return portions(type, request, type && this.client.place(type)?.interest.names)
      },
      prepares: (request, ready) => this.prepares(request, ready),
      take: (request) => this.take(request, context.now()),
      hasTime: () => context.turns.hasTime(),
      later: (work) => context.turns.later(work),
      failed: (error) => this.refuseError(error),
      slowDown: () => transport.pause(SLOWER_MS),
    })
    context.waiting.add(this)
  }

  /** As authorised. @throws Error before the first request */
  get node(): NodeInfo {
    return this.member().node
  }

  get client(): Client {
    return this.member().client
  }

  get peer(): string {
    return this.transport.peer.address
  }

  get identities(): readonly string[] | undefined {
    return this.transport.peer.identities?.map((identity) => identity.text)
  }

  /** Names it asks for that do not exist. */
  get missingNames(): number {
    return this.joined?.client.missingNames ?? 0
  }

  /** Its clusters, when it gets them on demand. */
  get lazy() {
    if (!this.joined) return undefined
    const { node, client } = this.joined
    const { onDemand, key } = client.class
    return onDemand && { node, classKey: key, onDemand, clusters: client.place('cds')?.interest.names ?? [] }
  }

  message(bytes: Buffer): void {
    if (this.ended) return
    const time = this.context.now()
    if (!this.bucket.take(time)) this.transport.pause(Math.max(10, this.bucket.wait(time)))
    this.reader.add(bytes)
  }

  closed(): void {
    this.ended = true
    this.reader.stop()
    this.line.stop()
    const { waiting, warming, status } = this.context
    waiting.delete(this)
    warming.delete(this)
    if (this.joined) {
      status.closed(this.stream)
      this.context.leaving(this.joined.client)
    }
    this.context.closed(this)
  }

  /** Ends the stream because all of them ask for more names that do not exist than may be. */
  shed(missing: number): void {
    this.refuse('missing', {
      code: STATUS.resourceExhausted,
      message: `asks for ${missing} names that do not exist, more than any other proxy, and all of them together may ask for ${this.context.limits.missingNames}; remove what names them, or raise the limit`,
    })
  }

  /** Ends the stream; the client will come back by itself. */
  end(status: Status): void {
    if (!this.ended) this.transport.close(status)
  }

  /** Moves to the class the node belongs to now. @returns whether the client has something to hear of the change */
  reclassify(): void {
    if (!this.joined) return
    const { client, node } = this.joined
    const { classes, mesh, now } = this.context
    const log = classes.of(mesh.view(node))
    if (log === client.class) return
    const before = client.class
    client.move(log, now())
    classes.left(before, now())
  }

  /** The client told of a request for which it had no cluster: sends those of its route. */
  rescue(request: UnservedRequest): void {
    const onDemand = this.lazy?.onDemand
    if (!onDemand || this.ended) return
    const clusters = this.client.rescue(onDemand.needed(request))
    if (clusters.length === 0) return
    this.context.metrics.rescued(clusters.length)
    this.context.logger.warn(
      { node: this.node.id, ...request, clusters },
      'a proxy had no cluster for a request: it is sent',
    )
    this.pump()
  }

  /** Writes what there is to say, if the transport can take it. */
  pump(changedAt?: number): void {
    if (this.ended || !this.joined || this.unsent > 0) return
    const { now, waiting, metrics } = this.context
    const { client } = this.joined
    const time = now()
    const frames = client.flow(time)
    if (client.wakeAt !== undefined) waiting.add(this)
    if (frames.length === 0) return
    if (changedAt !== undefined) this.changedAt ??= changedAt
    this.unsent = frames.length
    this.unsentSince = time
    waiting.add(this)
    if (client.class.onDemand && frames.some(({ type }) => type === 'cds')) this.context.warming.add(this)
    for (const frame of frames) {
      metrics.pushed(frame.type, frame.bytes.length)
      this.transport.write(frame.bytes, this.left)
    }
  }

  /** Called now and then while in `waiting`. */
  tick(time: number): void {
    const { limits, waiting, metrics, logger } = this.context
    if (this.unsent > 0) {
      if (time - this.unsentSince < limits.sendTimeoutMs) return
      metrics.writeTimeout()
      logger.warn(
        { peer: this.peer, node: this.joined?.node.id, waitedMs: limits.sendTimeoutMs },
        'xDS client does not read: disconnected',
      )
      this.transport.destroy()
      return
    }
    if (!this.joined) {
      if (time - this.connectedAt >= limits.firstRequestMs) {
        this.refuse('silent', {
          code: STATUS.invalidArgument,
          message: `no request within ${limits.firstRequestMs} ms`,
        })
      }
      return
    }
    const { wakeAt } = this.joined.client
    if (wakeAt === undefined) waiting.delete(this)
    else if (wakeAt <= time) this.pump()
  }

  /**
   * While clusters warm, Envoy asks for no others: a proxy that takes more than a second fails or delays every cold request.
   * Called now and then while in `warming`.
   */
  watchWarming(time: number): void {
    const { metrics, logger, warming, limits } = this.context
    const oldest = this.ended ? undefined : this.client.place('cds')?.inFlight[0]
    if (!oldest) warming.delete(this)
    else if (time - oldest.sentAt >= limits.slowAckMs && this.toldSlow !== oldest.frame.nonce) {
      this.toldSlow = oldest.frame.nonce
      metrics.slowAck()
      logger.warn(
        {
          node: this.node.id,
          waitedMs: Math.round(time - oldest.sentAt),
          clusters: oldest.frame.upserts.slice(0, 5).map(({ name }) => name),
        },
        'a proxy does not acknowledge its clusters: it can start no other on demand meanwhile',
      )
    }
  }

  private readonly left = (): void => {
    if (--this.unsent > 0 || this.ended) return
    const { now, metrics } = this.context
    metrics.sendTime((now() - this.unsentSince) / 1000)
    this.pump()
  }

  /** The first request: who is it, may it, and to which class does it belong? */
  private join(request: DiscoveryRequest): boolean {
    const { logger, mesh, classes, status, limits, frames } = this.context
    const { node: bytes } = request
    if (!bytes) {
      this.refuse('node', {
        code: STATUS.invalidArgument,
        message: 'the first request of a stream must carry the node',
      })
      return false
    }
    const claimed = inNode(() => readNode(bytes, this.method.form))
    if (claimed.id === '') {
      this.refuse('node', { code: STATUS.invalidArgument, message: 'the node has no id: set node.id in the bootstrap' })
      return false
    }
    const decision = authorize(claimed, this.transport.peer)
    if ('refused' in decision) {
      logger.warn({ peer: this.peer, node: claimed.id, identities: this.identities }, `xDS: ${decision.refused}`)
      this.refuse('identity', { code: STATUS.permissionDenied, message: decision.refused })
      return false
    }
    const { node } = decision
    const client = new Client(classes.of(mesh.view(node)), {
      id: `${node.id} ${node.userAgent}`,
      form: this.method.form,
      ackTimeoutMs: limits.ackTimeoutMs,
      paceMs: limits.paceMs,
      removalTimeoutMs: limits.removalTimeoutMs,
      settleMs: limits.settleMs,
      frames,
      ...(this.context.workingSets && { workingSet: this.context.workingSets(node) }),
    })
    this.joined = { node, client }
    status.opened(this)
    logger.info(
      { stream: this.stream, peer: this.peer, node: node.id, form: node.protocol, agent: node.userAgent },
      'xDS client connected',
    )
    const shortfall = mesh.shortfall?.(node)
    if (shortfall) logger.warn({ node: node.id }, shortfall)
    return true
  }

  private prepares(request: DiscoveryRequest, ready: () => void): boolean {
    const { client } = this.member()
    const type = this.typeNamed(request)
    const names = request.form === 'sotw' ? request.names : request.subscribe
    if (!type || (names.length === 0 && client.place(type))) return false
    const log = client.class
    const wildcard = WILDCARD_TYPES.has(type) && (names.length === 0 || names.includes('*'))
    return this.context.preparations.wait(log, () => log.preparation(type, wildcard, names), ready)
  }

  private take(request: DiscoveryRequest, time: number): void {
    const { client, node } = this.member()
    if (request.node) this.sameNode(request.node, node)
    if (this.ended) return
    const type = this.typeOf(request)
    if (!type) return
    const received = client.receive(type, request, time)
    const { limits, classes } = this.context
    if (client.subscribedNames > limits.namesPerStream) {
      this.refuse('names', {
        code: STATUS.resourceExhausted,
        message: `subscribed to more than ${limits.namesPerStream} names; scope the proxy (Sidecar egress hosts) or raise the limit`,
      })
      return
    }
    if (classes.missing.count > limits.missingNames) this.context.crowded()
    if (this.ended) return
    this.count(type, received)
    this.pump()
    if (client.class.due) this.context.ready()
    this.converge(client, time)
  }

  private count(type: ResourceType, received: Received): void {
    const { metrics, logger } = this.context
    if (received.kind === 'ack') metrics.acked(type)
    else if (received.kind === 'expired') metrics.expiredNonce(type)
    else if (received.kind === 'nack') {
      metrics.rejected(type)
      const { frame, culprits } = received
      const error = this.client.place(type)?.nack?.message
      logger.warn(
        {
          stream: this.stream,
          node: this.node.id,
          type,
          nonce: frame.nonce,
          error,
          culprits: culprits.map((one) => one.name),
        },
        'xDS client refused an update',
      )
    } else metrics.pushTriggered('request')
  }

  private converge(client: Client, time: number): void {
    if (this.changedAt === undefined || this.unsent > 0) return
    for (const type of typeByUrl.values()) if (!client.settled(type)) return
    this.context.metrics.converged((time - this.changedAt) / 1000)
    this.changedAt = undefined
  }

  /** Only the first request needs a node; one that names another node later is another client, or a confused one. */
  private sameNode(bytes: Buffer, node: NodeInfo): void {
    const id = inNode(() => readNodeId(bytes))
    if (id !== '' && id !== node.id) {
      this.refuse('node', {
        code: STATUS.invalidArgument,
        message: `the stream began as node ${node.id} and now says ${id}: open a stream per node`,
      })
    }
  }

  /** As the request says, or the service it came to. */
  private typeNamed(request: DiscoveryRequest): ResourceType | undefined {
    return this.method.type ?? typeByUrl.get(request.typeUrl)
  }

  private typeOf(request: DiscoveryRequest): ResourceType | undefined {
    const { type } = this.method
    const asked = typeByUrl.get(request.typeUrl)
    if (type && (request.typeUrl === '' || asked === type)) return type
    if (!type && asked) return asked
    if (type || request.typeUrl === '') {
      const message = type
        ? `this service serves ${TYPE_URL[type]}, not ${request.typeUrl}`
        : 'the request has no type_url; on an aggregated stream every request needs one'
      this.refuse('type', { code: STATUS.invalidArgument, message })
    } else this.answerUnknown(request)
    return undefined
  }

  /** A type nobody serves: what was asked for does not exist. Silence would keep Envoy waiting for its timeout. */
  private answerUnknown(request: DiscoveryRequest): void {
    const { frames, logger } = this.context
    logger.debug({ node: this.node.id, type: request.typeUrl }, 'xDS client asks for a type that is not served')
    if (request.form === 'sotw' || request.subscribe.length === 0 || this.unsent > 0) return
    const removed = request.subscribe.filter((name) => name !== '*')
    const { typeUrl } = request
    const parts = { typeUrl, upserts: [], removed, version: frames.boot, nonce: '-', identifier: frames.identifier }
    const bytes = writeResponse('delta', parts, frames.headroom)
    frames.seal(bytes)
    this.unsent = 1
    this.unsentSince = this.context.now()
    this.context.waiting.add(this)
    this.transport.write(bytes, this.left)
  }

  private refuseError(error: unknown): void {
    const { logger } = this.context
    if (error instanceof RequestTooLarge) {
      this.refuse('limit', { code: STATUS.resourceExhausted, message: error.message })
    } else if (error instanceof WireError) {
      this.refuse('malformed', { code: STATUS.invalidArgument, message: error.message })
    } else {
      logger.error({ peer: this.peer, node: this.joined?.node.id, error }, 'xDS stream failed')
      this.refuse('internal', { code: STATUS.internal, message: 'internal error; the log of the control plane has it' })
    }
  }

  private refuse(reason: string, status: Status): void {
    const { metrics, logger } = this.context
    metrics.refused(reason)
    logger.info(
      { peer: this.peer, node: this.joined?.node.id, code: status.code },
      `xDS stream refused: ${status.message}`,
    )
    this.end(status)
  }

  private member(): { readonly node: NodeInfo; readonly client: Client } {
    if (!this.joined) throw new Error('the stream has not said who it is')
    return this.joined
  }
}

/** Says where the bytes were that could not be read. */
function inNode<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new WireError(`the node is malformed: ${(error as Error).message}`)
  }
}
