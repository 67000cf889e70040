import { type Codec, type ErrorReason, emptyFrame, FrameKind } from '../codecs/contract.ts'
import type { Hash64 } from './cluster/balance/xxhash64.ts'
import type { DirectReply } from './configuration.ts'
import { logRefusal } from './filters/access-log.ts'
import { applyEdits } from './filters/mutate.ts'
import { Slabs } from './framing/slabs.ts'
import { LimitServices, type Question } from './limits/service.ts'
import type { Client } from './listen/client.ts'
import { Hold } from './listen/hold.ts'
import { cancel, forget, isAbandoned } from './reply/outcome.ts'
import { fail } from './reply/retry.ts'
import { due } from './reply/timeout.ts'
import type { CompiledRoute } from './route/compile.ts'
import { clientSignal } from './signals.ts'
import { C, countRequest, L, R } from './stats/counters.ts'
import { clock, everyMs } from './turn.ts'
import { dial } from './upstream/dial.ts'
import { dispatch, mirrorMode } from './upstream/dispatch.ts'
import {
  type ActiveRequest,
  DELAYED,
  HOLDS,
  LOGGED,
  MIRROR,
  ONEWAY,
  RequestState,
  Requests,
  TRACED,
} from './upstream/requests.ts'
import { TimerWheel } from './upstream/wheel.ts'

/** So many copies for mirrors leave at once, whatever the time. */
const mostCopies = 64

/**
 * The first half of the one path of every message, whatever the mode of connections: inspect, route, filter; `upstream/dispatch.ts` chooses cluster,
 * host and connection; `reply/match.ts` brings the reply back. A request has exactly one outcome: a reply (`complete`), an error (`reply/outcome.ts`), or
 * the end of its client.
 */
export class Engine {
  readonly requests = new Requests()
  readonly wheel: TimerWheel
  readonly frame = emptyFrame()
  readonly hash: Hash64 = { lo: 0, hi: 0 }
  readonly limits = new LimitServices()
  readonly #stopTicking: () => void
  /** What clients send: held by requests in flight. */
  readonly slabs = new Slabs()
  /** What upstreams send: written on in the same turn, so that a slab or two do for all, and apart from what is held for longer. */
  readonly replySlabs = new Slabs()
  /** Copies for mirrors that wait for the next tick: nobody waits for their replies, so they may share a write. */
  #copies: ActiveRequest[] = []

  /** A client left with requests in flight since the last tick. */
  #left = false

  /** Opens upstream connections. */
  readonly dial: typeof dial

  constructor(open: typeof dial = dial, tickMs = 16) {
    this.dial = open
    this.wheel = new TimerWheel((request) => due(this, request))
    this.#stopTicking = everyMs(tickMs, () => this.tick())
  }

  /** Called every `tickMs`: copies for mirrors, requests of clients that left, time limits. */
  tick(): void {
    clock.now = performance.now()
    if (this.#left) this.#cancelAbandoned()
    if (this.#copies.length > 0) this.#sendCopies()
    this.wheel.advance()
  }

  stop(): void {
    this.#stopTicking()
    this.limits.close()
    this.slabs.giveBack()
    this.replySlabs.giveBack()
  }

  /** A client is gone with requests in flight. */
  clientLeft(): void {
    this.#left = true
  }

  /**
   * Requests end with their clients, as in Envoy. All are looked through, once a tick at most however many clients left: a list for each client would cost
   * every message.
   */
  #cancelAbandoned(): void {
    this.#left = false
    for (const request of this.requests.all)
      if (request.client?.closed === true && isAbandoned(request)) cancel(this, request)
  }

  /** A frame of a client. @returns false when the client is not to be read further for now. */
  message(client: Client, b: Uint8Array, at: number, length: number): boolean {
    const { codec, listener } = client
    const frame = this.frame
    frame.idAt = -1
    const bad = codec.inspect(b, at, length, frame)
    if (bad < 0) {
      client.broken(bad)
      return false
    }
    let flags = 0
    switch (frame.kind) {
      case FrameKind.request:
      case FrameKind.either:
        break
      case FrameKind.oneway:
        flags = ONEWAY
        break
      default:
        return clientSignal(this, client, b, at, length, frame.kind)
    }
    const { counters } = listener
    counters[L.downstream_rq_total]!++
    if (flags !== 0) counters[L.downstream_rq_oneway]!++
    const { table } = listener
    const index = table ? table.lookup(b, at, length) : -1
    const own = index < 0 ? undefined : table!.routes[index]
    // A session's messages without a route of their own stay where it is.
    const route = own ?? client.session?.route
    if (table && table.limiters.length > 0) {
      const limiter = table.limiters.find((limit) => limit.applies(b, at, length))
      if (limiter && !limiter.allow(b, at, length)) {
        counters[L.downstream_rq_rate_limited]!++
        this.#refuse(client, route, flags, b, at, length, 'rateLimited')
        return true
      }
    }
    if (!route) {
      counters[L.downstream_rq_no_route]!++
      this.#refuse(client, undefined, flags, b, at, length, 'noRoute')
      return true
    }
    countRequest(route.statsBlock, route.statsAt)
    let delayMs = 0
    let question: Question | undefined
    if (own?.filtered) {
      const routeCounters = own.state.counters
      for (const limiter of own.limiters) {
        if (!limiter.applies(b, at, length) || limiter.allow(b, at, length)) continue
        counters[L.downstream_rq_rate_limited]!++
        routeCounters[R.rq_rate_limited]!++
        this.#refuse(client, route, flags, b, at, length, 'rateLimited')
        return true
      }
      const { reply, faults } = own
      if (reply) {
        this.#refuse(client, route, flags, b, at, length, reply.reason, reply, 'reply')
        return true
      }
      if (faults?.take()) {
        const { delay, abort } = own.action.fault!
        // A delay counts for the aborted too, but not at the price of a request: the two draws are made apart.
        if (faults.hits[1]) {
          counters[L.downstream_rq_fault_aborted]!++
          routeCounters[R.rq_fault]!++
          this.#refuse(client, route, flags, b, at, length, abort?.reply?.reason ?? 'fault', abort?.reply)
          return true
        }
        delayMs = delay?.ms ?? 0
      }
      if (own.globalLimits.length > 0) {
        const found = this.limits.look(own.globalLimits, b, at, length, client.ip, routeCounters)
        if (found === false) {
          counters[L.downstream_rq_rate_limited]!++
          routeCounters[R.rq_rate_limited]!++
          this.#refuse(client, route, flags, b, at, length, 'rateLimited')
          return true
        }
        if (found !== true) question = found
      }
    }
    const request = this.#begin(client, route, flags, b, at, length)
    if (!request) {
      this.#refuse(client, route, flags, b, at, length, 'overflow')
      return true
    }
    if (question) this.#ask(request, question, own!, delayMs)
    else this.#forward(request, own, delayMs)
    if (client.inFlight >= listener.maxRequestsPerConnection) client.hold(Hold.requests)
    return !client.held
  }

  /** A message that is to be sent, as the frame that was inspected last has it; undefined when there are too many. */
  #begin(
    client: Client,
    route: CompiledRoute,
    flags: number,
    b: Uint8Array,
    at: number,
    length: number,
  ): ActiveRequest | undefined {
    const request = this.requests.take()
    if (!request) return undefined
    const { listener } = client
    const { frame } = this
    request.flags = flags
    if (listener.accessLog?.sample.take()) request.flags |= LOGGED
    if (listener.tracer) {
      request.span = listener.tracer.begin(b, at, length)
      if (request.span) request.flags |= TRACED
    }
    request.state = RequestState.waiting
    request.idLo = frame.idLo
    request.idHi = frame.idHi
    request.idAt = frame.idAt
    request.at = at
    request.length = length
    request.bytes = b
    request.slab = this.slabs.hold(b)
    request.client = client
    request.route = route
    request.tries = 0
    request.started = clock.now
    request.sequence = -1
    let timeout = route.timeoutMs >= 0 ? route.timeoutMs : listener.requestTimeoutMs
    if (frame.timeout > 0 && (timeout === 0 || frame.timeout < timeout)) timeout = frame.timeout
    request.deadline = timeout > 0 ? clock.now + timeout : 0
    if ((flags & ONEWAY) === 0) {
      client.inFlight++
      if (client.book) request.sequence = client.book.open(request)
    }
    return request
  }

  /** What comes after all that may refuse the message: its cluster is drawn, it is edited and mirrored, and sent now or after a delay. */
  #forward(request: ActiveRequest, own: CompiledRoute | undefined, delayMs: number): void {
    const client = request.client!
    const { codec } = client
    if (!own) request.cluster = client.session!.home.pool.cluster
    else {
      if (own.straight) request.cluster = own.cluster
      else {
        const destination = own.draw ? own.destinations[own.draw()] : own.destinations[0]
        request.cluster = destination?.cluster ?? null
        if (own.requestEdits.length > 0) this.#edit(request, codec, own.requestEdits)
        if (destination && destination.edits.length > 0) this.#edit(request, codec, destination.edits)
      }
      if (own.copied?.take()) this.#mirror(request, own, own.copied.hits)
    }
    if (delayMs > 0) {
      client.listener.counters[L.downstream_rq_fault_delayed]!++
      request.route!.state.counters[R.rq_fault]!++
      this.#delay(request, client, delayMs)
    } else dispatch(this, request)
  }

  /** The message waits for the answer of a rate limit service, or for its own deadline. */
  #ask(request: ActiveRequest, question: Question, own: CompiledRoute, delayMs: number): void {
    const client = request.client!
    const { generation, deadline } = request
    request.own()
    this.#holdClient(request, client)
    if (deadline > 0) this.wheel.set(request, deadline)
    this.limits.ask(question, own.state.counters, (allowed) => {
      // Its time ran out meanwhile.
      if (request.generation !== generation) return
      this.wheel.clear(request)
      if (client.closed) forget(this, request)
      else if (allowed) this.#forward(request, own, delayMs)
      else {
        client.listener.counters[L.downstream_rq_rate_limited]!++
        own.state.counters[R.rq_rate_limited]!++
        fail(this, request, 'rateLimited')
      }
    })
  }

  /** In a protocol without ids what comes later may not overtake. A client that ends its side stays until its one-way message is sent. */
  #holdClient(request: ActiveRequest, client: Client): void {
    const { ordered } = client.codec
    const oneway = (request.flags & ONEWAY) !== 0
    if (!ordered && !oneway) return
    request.flags |= HOLDS
    if (ordered) client.hold(Hold.delay)
    if (oneway) client.unsent++
  }

  #edit(request: ActiveRequest, codec: Codec, edits: CompiledRoute['requestEdits']): void {
    const changed = applyEdits(codec, request.bytes, request.at, request.length, edits)
    if (changed) request.replaceBytes(changed)
  }

  #delay(request: ActiveRequest, client: Client, ms: number): void {
    request.flags |= DELAYED
    request.own()
    this.#holdClient(request, client)
    const { deadline } = request
    const due = clock.now + ms
    this.wheel.set(request, deadline > 0 ? Math.min(due, deadline) : due)
  }

  #sendCopies(): void {
    const copies = this.#copies
    this.#copies = []
    for (const copy of copies) dispatch(this, copy)
  }

  /** A copy for each mirror that is hit; what becomes of it is nobody's business. */
  #mirror(request: ActiveRequest, route: CompiledRoute, hits: readonly boolean[]): void {
    for (const [i, { cluster }] of route.mirrors.entries()) {
      if (!hits[i] || !cluster) continue
      const copy = mirrorMode(request.client!.codec) ? this.requests.take() : undefined
      if (!copy) {
        cluster.counters[C.upstream_rq_mirror_dropped]!++
        continue
      }
      cluster.counters[C.upstream_rq_mirrored]!++
      const { at, length } = request
      copy.state = RequestState.waiting
      copy.idLo = request.idLo
      copy.idHi = request.idHi
      copy.bytes = request.bytes.slice(at, at + length)
      copy.at = 0
      copy.length = length
      copy.client = request.client
      copy.route = route
      copy.cluster = cluster
      copy.tries = 0
      copy.started = clock.now
      copy.sequence = -1
      copy.flags = (request.flags & ONEWAY) | MIRROR
      copy.deadline = request.deadline || clock.now + 60_000
      this.#copies.push(copy)
      if (this.#copies.length === mostCopies) this.#sendCopies()
    }
  }

  /** The outcome of a message that is turned away. */
  #refuse(
    client: Client,
    route: CompiledRoute | undefined,
    flags: number,
    b: Uint8Array,
    at: number,
    length: number,
    reason: ErrorReason,
    direct?: DirectReply,
    logged: ErrorReason | 'reply' = reason,
  ): void {
    const { accessLog, tracer } = client.listener
    if (accessLog || tracer) logRefusal(client, route ?? null, b, at, length, logged)
    if ((flags & ONEWAY) !== 0) {
      client.listener.counters[L.downstream_rq_dropped]!++
      return
    }
    client.inFlight++
    const sequence = client.replies ? client.replies.open() : -1
    client.answerError(sequence, b, at, length, reason, direct)
  }

  /** Frames that wait long are taken out of the large chunks they came in. Called about once a second. */
  compact(): void {
    for (const request of this.requests.all) {
      const { bytes, length, started } = request
      if (bytes.length === 0 || clock.now - started < 1000) continue
      if (bytes.buffer.byteLength > 4096 + length * 2) request.own()
    }
    this.slabs.trim()
    this.replySlabs.trim()
  }
}
