import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { StatusSource } from '../status/book.ts'
import type { Received } from '../subscription/acknowledgement.ts'
import type { Client } from '../subscription/client.ts'
import { WILDCARD_TYPES } from '../subscription/interest.ts'
import { portions } from '../subscription/portions.ts'
import { type DiscoveryRequest, type RequestReading, readRequest } from '../subscription/request.ts'
import type { NodeInfo, UnservedRequest } from '../xds/resource.ts'
import { askedType, unservedAnswer, wrongType } from './asked-type.ts'
import { join, type Member, otherNode } from './joining.ts'
import type { Method } from './method.ts'
import { INTERNAL, invalid, type Refusal, refusalOf, silent, tooManyMissing, tooManyNames } from './refusals.ts'
import { RequestLine, type RequestLineOptions } from './request-line.ts'
import { RequestReader, type RequestReaderOptions } from './request-reader.ts'
import type { StreamContext } from './stream-context.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Status, Transport, TransportHandler } from './transport.ts'

/** Answers of types that are not served which wait for one client. */
const MOST_UNSERVED = 32
/** How long a stream is not read that sends more than it can be answered, in ms. */
const SLOWER_MS = 20

/** One xDS stream: requests are checked and given to its `Client`, whose answers are written as the transport takes them. */
export class Stream implements TransportHandler, StatusSource, RequestReaderOptions, RequestLineOptions {
  readonly stream: number
  readonly connectedAt: number
  readonly method: Method
  private readonly context: StreamContext
  private readonly transport: Transport
  /** Requests up to as many as may come at once; only beyond them a rate counts. */
  private requests = 0
  private bucket: TokenBucket | undefined
  private joined: Member | undefined
  private ended = false
  /** What was handed to the transport has not left yet, and since when. */
  private unsent = false
  private unsentSince = 0
  /** Requests were taken that are not answered yet. */
  private unanswered = false
  /** Answers to requests of types that are not served. */
  private unserved: Buffer[] | undefined
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
    this.reader = new RequestReader(this)
    this.line = new RequestLine(this)
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
    return (
      onDemand && {
        node,
        classKey: key,
        onDemand,
        clusters: client.place('cds')?.interest.names ?? [],
        keepsAll: client.spentNames > this.context.limits.spentNames,
      }
    )
  }

  message(bytes: Buffer): void {
    if (this.ended) return
    this.pace()
    this.reader.add(bytes)
  }

  /** Requests that came together are answered together: in one look at what there is to say, and one write. */
  settled(): void {
    if (!this.unanswered || this.ended) return
    this.unanswered = false
    this.pump()
    const { client } = this.member()
    if (client.class.due) this.context.ready()
    this.converge(client, this.context.now())
  }

  /** Nearly all streams come and go with fewer requests than may come at once. */
  private pace(): void {
    const { limits, now } = this.context
    const { requestsPerSecond, requestBurst } = limits
    if (this.requests < requestBurst) {
      this.requests++
      return
    }
    this.bucket ??= new TokenBucket(requestsPerSecond, requestBurst, this.connectedAt, 0)
    const time = now()
    if (!this.bucket.take(time)) this.transport.pause(Math.max(10, this.bucket.wait(time)))
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
    this.context.closed(this.stream)
  }

  /** Ends the stream because all of them ask for more names that do not exist than may be. */
  shed(missing: number): void {
    this.refuse(tooManyMissing(missing, this.context.limits.missingNames))
  }

  /** Ends the stream; the client will come back by itself. */
  end(status: Status): void {
    if (!this.ended) this.transport.close(status)
  }

  /** Moves to the class the node belongs to now. */
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
    if (this.ended || !this.joined || this.unsent) return
    const { now, waiting, metrics } = this.context
    const { client } = this.joined
    const time = now()
    const frames = client.flow(time)
    if (client.wakeAt !== undefined) waiting.add(this)
    if (frames.length === 0) {
      if (this.unserved) this.write([], time)
      return
    }
    if (changedAt !== undefined) this.changedAt ??= changedAt
    if (client.class.onDemand && frames.some(({ type }) => type === 'cds')) this.context.warming.add(this)
    for (const { type, bytes } of frames) metrics.pushed(type, bytes.length)
    this.write(
      frames.map(({ bytes }) => bytes),
      time,
    )
  }

  /** Called now and then while in `waiting`. */
  tick(time: number): void {
    const { limits, waiting, metrics, logger } = this.context
    if (this.unsent) {
      this.joined?.client.blocked(time)
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
      if (time - this.connectedAt >= limits.firstRequestMs) this.refuse(silent(limits.firstRequestMs))
      return
    }
    const { wakeAt } = this.joined.client
    if (wakeAt === undefined) waiting.delete(this)
    else if (wakeAt <= time) this.pump()
  }

  private write(frames: readonly Buffer[], time: number): void {
    const { unserved } = this
    this.unserved = undefined
    this.unsent = true
    this.unsentSince = time
    this.context.waiting.add(this)
    this.transport.write(unserved ? [...unserved, ...frames] : frames, this.left)
  }

  private readonly left = (): void => {
    this.unsent = false
    if (this.ended) return
    const { now, metrics } = this.context
    metrics.sendTime((now() - this.unsentSince) / 1000)
    this.pump()
  }

  begin(bytes: Buffer): RequestReading {
    const { namesPerStream: names, nameLength } = this.context.limits
    return readRequest(this.method.form, bytes, { names, nameLength })
  }

  arrived(request: DiscoveryRequest): void {
    if (!this.ended && (this.joined || this.join(request))) this.line.add(request)
  }

  divide(request: DiscoveryRequest): readonly DiscoveryRequest[] {
    const type = askedType(this.method, request)
    return portions(type, request, type && this.client.place(type)?.interest.names)
  }

  hasTime(): boolean {
    return this.context.turns.hasTime()
  }

  later(work: () => void): void {
    this.context.turns.later(work)
  }

  slowDown(): void {
    this.transport.pause(SLOWER_MS)
  }

  failed(error: unknown): void {
    const refusal = refusalOf(error)
    if (!refusal) this.context.logger.error({ peer: this.peer, node: this.joined?.node.id, error }, 'xDS stream failed')
    this.refuse(refusal ?? INTERNAL)
  }

  prepares(request: DiscoveryRequest, line: { ready(): void }): boolean {
    const { client } = this.member()
    const type = askedType(this.method, request)
    const names = request.form === 'sotw' ? request.names : request.subscribe
    if (!type || (names.length === 0 && client.place(type))) return false
    const log = client.class
    const { view } = log
    const { preparations, arrivals, classes } = this.context
    const arriving = client.arriving(type, request)
    if (arriving)
      return arrivals.wait(
        this,
        () => arriving,
        () => line.ready(),
      )
    const wildcard = WILDCARD_TYPES.has(type) && (names.length === 0 || names.includes('*'))
    return preparations.wait(
      log,
      () => log.preparation(type, wildcard, names),
      () => {
        if (this.ended) preparations.add(classes.forsake(view, type, names))
        else line.ready()
      },
    )
  }

  take(request: DiscoveryRequest): void {
    const time = this.context.now()
    const { client, node } = this.member()
    const other = request.node && otherNode(request.node, node)
    if (other) {
      this.refuse(other)
      return
    }
    const type = askedType(this.method, request)
    if (!type) {
      this.passOver(request)
      return
    }
    const received = client.receive(type, request, time)
    const { limits, classes } = this.context
    if (client.subscribedNames > limits.namesPerStream) {
      this.refuse(tooManyNames(limits.namesPerStream))
      return
    }
    if (classes.missing.count > limits.missingNames) this.context.crowded()
    if (this.ended) return
    this.count(type, received)
    this.unanswered = true
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
    if (this.changedAt === undefined || this.unsent) return
    for (let at = 0; at < RESOURCE_TYPES.length; at++) if (!client.settled(RESOURCE_TYPES[at]!)) return
    this.context.metrics.converged((time - this.changedAt) / 1000)
    this.changedAt = undefined
  }

  private join(request: DiscoveryRequest): boolean {
    const { context } = this
    const found = join(request, this.method.form, this.transport.peer, context)
    if ('reason' in found) {
      this.refuse(found)
      return false
    }
    this.joined = found
    const { node } = found
    context.status.opened(this)
    context.logger.info(
      { stream: this.stream, peer: this.peer, node: node.id, form: node.protocol, agent: node.userAgent },
      'xDS client connected',
    )
    const shortfall = context.mesh.shortfall?.(node)
    if (shortfall) context.logger.warn({ node: node.id }, shortfall)
    return true
  }

  /** A request about no type that is served. */
  private passOver(request: DiscoveryRequest): void {
    const { frames, logger } = this.context
    const wrong = wrongType(this.method, request)
    if (wrong !== undefined) {
      this.refuse(invalid('type', wrong))
      return
    }
    logger.debug({ node: this.node.id, type: request.typeUrl }, 'xDS client asks for a type that is not served')
    const bytes = unservedAnswer(request, frames)
    if (!bytes) return
    this.unserved ??= []
    if (this.unserved.length < MOST_UNSERVED) this.unserved.push(bytes)
    this.unanswered = true
  }

  /** Ends the stream for what its client did; counted, and told in the log. */
  refuse({ reason, status, claimed, loud = false }: Refusal): void {
    const { metrics, refusals } = this.context
    metrics.refused(reason)
    const node = this.joined?.node.id ?? claimed
    const about = { peer: this.peer, node, ...(loud && { identities: this.identities }), code: status.code }
    refusals.tell(
      loud ? 'warn' : 'info',
      this.peer,
      `${reason} ${node ?? ''}`,
      about,
      `xDS stream refused: ${status.message}`,
    )
    this.end(status)
  }

  private member(): Member {
    if (!this.joined) throw new Error('the stream has not said who it is')
    return this.joined
  }
}
