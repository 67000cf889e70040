import { type Codec, type ErrorReason, emptyFrame, FrameKind } from '../codecs/contract.ts'
import type { Hash64 } from './cluster/balance/xxhash64.ts'
import type { DirectReply } from './configuration.ts'
import { applyEdits } from './filters/mutate.ts'
import { LimitServices, type Question } from './limits/service.ts'
import { type Client, Hold } from './listen/client.ts'
import { due, fail, forget } from './reply/outcome.ts'
import type { CompiledRoute } from './route/compile.ts'
import { clientSignal } from './signals.ts'
import { C, L, R } from './stats/counters.ts'
import { clock } from './turn.ts'
import { dial } from './upstream/dial.ts'
import { dispatch, mirrorMode } from './upstream/dispatch.ts'
import { DELAYED, HOLDS, LOGGED, MIRROR, ONEWAY, RequestState, Requests } from './upstream/requests.ts'
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
  readonly #ticker: NodeJS.Timeout
  /** Copies for mirrors that wait for the next tick: nobody waits for their replies, so they may share a write. */
  readonly #copies = new Int32Array(mostCopies)
  #copied = 0

  /** Opens upstream connections. */
  readonly dial: typeof dial

  constructor(open: typeof dial = dial, tickMs = 16) {
    this.dial = open
    this.wheel = new TimerWheel(this.requests, (slot) => due(this, slot))
    this.#ticker = setInterval(() => this.tick(), tickMs)
    this.#ticker.unref()
  }

  tick(): void {
    clock.now = performance.now()
    if (this.#copied > 0) this.#sendCopies()
    this.wheel.advance()
  }

  stop(): void {
    clearInterval(this.#ticker)
    this.limits.close()
  }

  /** A frame of a client. @returns false when the client is not to be read further for now. */
  message(client: Client, b: Uint8Array, at: number, length: number): boolean {
    const { codec, listener } = client
    const frame = this.frame
    const bad = codec.inspect(b, at, length, frame)
    if (bad < 0) {
      client.broken()
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
        this.#refuse(client, flags, b, at, length, 'rateLimited')
        return true
      }
    }
    if (!route) {
      counters[L.downstream_rq_no_route]!++
      this.#refuse(client, flags, b, at, length, 'noRoute')
      return true
    }
    const routeCounters = route.state.counters
    routeCounters[R.rq_total]!++
    let delayMs = 0
    let question: Question | undefined
    if (own?.filtered) {
      for (const limiter of own.limiters) {
        if (!limiter.applies(b, at, length) || limiter.allow(b, at, length)) continue
        counters[L.downstream_rq_rate_limited]!++
        routeCounters[R.rq_rate_limited]!++
        this.#refuse(client, flags, b, at, length, 'rateLimited')
        return true
      }
      const { reply, fault } = own.action
      if (reply) {
        this.#refuse(client, flags, b, at, length, reply.reason, reply)
        return true
      }
      if (own.delays?.take()) delayMs = fault?.delay?.ms ?? 0
      if (own.aborts?.take()) {
        counters[L.downstream_rq_fault_aborted]!++
        routeCounters[R.rq_fault]!++
        // A delay counts for the aborted too, but not at the price of a slot: the two draws are made apart.
        this.#refuse(client, flags, b, at, length, fault?.abort?.reply?.reason ?? 'fault', fault?.abort?.reply)
        return true
      }
      if (own.globalLimits.length > 0) {
        const found = this.limits.look(own.globalLimits, b, at, length, client.ip, routeCounters)
        if (found === false) {
          counters[L.downstream_rq_rate_limited]!++
          routeCounters[R.rq_rate_limited]!++
          this.#refuse(client, flags, b, at, length, 'rateLimited')
          return true
        }
        if (found !== true) question = found
      }
    }
    const slot = this.requests.take()
    if (slot < 0) {
      this.#refuse(client, flags, b, at, length, 'overflow')
      return true
    }
    const r = this.requests
    const log = listener.accessLog
    if (log?.sample.take()) flags |= LOGGED
    r.state[slot] = RequestState.waiting
    r.idLo[slot] = frame.idLo
    r.idHi[slot] = frame.idHi
    r.at[slot] = at
    r.length[slot] = length
    r.bytes[slot] = b
    r.client[slot] = client
    r.route[slot] = route
    r.tries[slot] = 0
    r.started[slot] = clock.now
    r.sequence[slot] = -1
    r.flags[slot] = flags
    let timeout = route.timeoutMs >= 0 ? route.timeoutMs : listener.requestTimeoutMs
    if (frame.timeout > 0 && (timeout === 0 || frame.timeout < timeout)) timeout = frame.timeout
    r.deadline[slot] = timeout > 0 ? clock.now + timeout : 0
    if ((flags & ONEWAY) === 0) {
      client.inFlight++
      if (client.replies) r.sequence[slot] = client.replies.open()
    }
    if (question) this.#ask(slot, question, own!, delayMs)
    else this.#forward(slot, own, delayMs)
    if (client.inFlight >= listener.maxRequestsPerConnection) client.hold(Hold.requests)
    return !client.held
  }

  /** What comes after all that may refuse the message: its cluster is drawn, it is edited and mirrored, and sent now or after a delay. */
  #forward(slot: number, own: CompiledRoute | undefined, delayMs: number): void {
    const r = this.requests
    const client = r.client[slot]!
    const { codec } = client
    if (!own) r.cluster[slot] = client.session!.home.pool.cluster
    else if (own.straight) r.cluster[slot] = own.destinations[0]!.cluster ?? null
    else {
      const destination = own.draw ? own.destinations[own.draw()] : own.destinations[0]
      r.cluster[slot] = destination?.cluster ?? null
      if (own.requestEdits.length > 0) this.#edit(slot, codec, own.requestEdits)
      if (destination && destination.edits.length > 0) this.#edit(slot, codec, destination.edits)
      if (own.mirrors.length > 0) this.#mirror(slot, own)
    }
    if (delayMs > 0) {
      client.listener.counters[L.downstream_rq_fault_delayed]!++
      r.route[slot]!.state.counters[R.rq_fault]!++
      this.#delay(slot, client, delayMs)
    } else dispatch(this, slot)
  }

  /** The message waits for the answer of a rate limit service, or for its own deadline. */
  #ask(slot: number, question: Question, own: CompiledRoute, delayMs: number): void {
    const r = this.requests
    const client = r.client[slot]!
    const generation = r.generation[slot]!
    r.own(slot)
    this.#holdOrder(slot, client)
    if (r.deadline[slot]! > 0) this.wheel.set(slot, r.deadline[slot]!)
    this.limits.ask(question, own.state.counters, (allowed) => {
      // Its time ran out meanwhile.
      if (r.generation[slot] !== generation) return
      this.wheel.clear(slot)
      if (client.closed) forget(this, slot)
      else if (allowed) this.#forward(slot, own, delayMs)
      else {
        client.listener.counters[L.downstream_rq_rate_limited]!++
        own.state.counters[R.rq_rate_limited]!++
        fail(this, slot, 'rateLimited')
      }
    })
  }

  /** In a protocol without ids what comes later may not overtake. */
  #holdOrder(slot: number, client: Client): void {
    if (!client.codec.ordered) return
    this.requests.flags[slot]! |= HOLDS
    client.hold(Hold.delay)
  }

  #edit(slot: number, codec: Codec, edits: CompiledRoute['requestEdits']): void {
    const r = this.requests
    const changed = applyEdits(codec, r.bytes[slot]!, r.at[slot]!, r.length[slot]!, edits)
    if (changed) this.requests.replaceBytes(slot, changed)
  }

  #delay(slot: number, client: Client, ms: number): void {
    const r = this.requests
    r.flags[slot]! |= DELAYED
    this.requests.own(slot)
    this.#holdOrder(slot, client)
    const { deadline } = r
    const due = clock.now + ms
    this.wheel.set(slot, deadline[slot]! > 0 ? Math.min(due, deadline[slot]!) : due)
    r.tryStarted[slot] = due
  }

  #sendCopies(): void {
    const count = this.#copied
    this.#copied = 0
    for (let i = 0; i < count; i++) dispatch(this, this.#copies[i]!)
  }

  /** A copy for each mirror that is drawn; what becomes of it is nobody's business. */
  #mirror(slot: number, route: CompiledRoute): void {
    const r = this.requests
    for (const { cluster, sample } of route.mirrors) {
      if (!sample.take() || !cluster) continue
      const copy = mirrorMode(r.client[slot]!.codec) ? r.take() : -1
      if (copy < 0) {
        cluster.counters[C.upstream_rq_mirror_dropped]!++
        continue
      }
      cluster.counters[C.upstream_rq_mirrored]!++
      const at = r.at[slot]!
      r.state[copy] = RequestState.waiting
      r.idLo[copy] = r.idLo[slot]!
      r.idHi[copy] = r.idHi[slot]!
      r.bytes[copy] = r.bytes[slot]!.slice(at, at + r.length[slot]!)
      r.at[copy] = 0
      r.length[copy] = r.length[slot]!
      r.client[copy] = r.client[slot]!
      r.route[copy] = route
      r.cluster[copy] = cluster
      r.tries[copy] = 0
      r.started[copy] = clock.now
      r.sequence[copy] = -1
      r.flags[copy] = (r.flags[slot]! & ONEWAY) | MIRROR
      r.deadline[copy] = r.deadline[slot]! || clock.now + 60_000
      this.#copies[this.#copied++] = copy
      if (this.#copied === mostCopies) this.#sendCopies()
    }
  }

  /** A request that never got a slot. */
  #refuse(
    client: Client,
    flags: number,
    b: Uint8Array,
    at: number,
    length: number,
    reason: ErrorReason,
    direct?: DirectReply,
  ): void {
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
    const r = this.requests
    for (let slot = 0; slot < r.capacity; slot++) {
      const bytes = r.bytes[slot]
      if (!bytes || clock.now - r.started[slot]! < 1000) continue
      if (bytes.buffer.byteLength > 4096 + r.length[slot]! * 2) this.requests.own(slot)
    }
  }
}
