import { type Codec, type ConnectionMode, type ErrorReason, emptyFrame, FrameKind } from '../codecs/contract.ts'
import type { Hash64 } from './cluster/balance/xxhash64.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Host } from './cluster/host.ts'
import type { DirectReply } from './configuration.ts'
import { logRequest } from './filters/access-log.ts'
import { applyEdits } from './filters/mutate.ts'
import { type Client, Hold } from './listen/client.ts'
import { type CompiledRoute, canShare } from './route/compile.ts'
import { clientSignal, upstreamSignal } from './signals.ts'
import { C, L, R } from './stats/counters.ts'
import { clock } from './turn.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import { HostPool } from './upstream/pool.ts'
import {
  BACKOFF,
  DELAYED,
  HOLDS,
  LOGGED,
  MIRROR,
  ONEWAY,
  PENDING,
  RETRY,
  REWRITTEN,
  RequestState,
  Requests,
  slotBits,
} from './upstream/requests.ts'
import { TimerWheel } from './upstream/wheel.ts'

const slotMask = (1 << slotBits) - 1
const defaultBackoffMs = 25

/**
 * The one path of every message, whatever the mode of connections: inspect, route, filters, cluster, host, connection; and back: match, count,
 * restore, hand to the client. A request has exactly one outcome: `complete`, `fail`, or the end of its client.
 */
export class Engine {
  readonly requests = new Requests()
  readonly wheel: TimerWheel
  readonly #frame = emptyFrame()
  readonly #hash: Hash64 = { lo: 0, hi: 0 }
  readonly #ticker: NodeJS.Timeout

  constructor(tickMs = 16) {
    this.wheel = new TimerWheel(this.requests, (slot) => this.#due(slot))
    this.#ticker = setInterval(() => this.tick(), tickMs)
    this.#ticker.unref()
  }

  tick(): void {
    clock.now = performance.now()
    this.wheel.advance()
  }

  stop(): void {
    clearInterval(this.#ticker)
  }

  /** A frame of a client. @returns false when the client is not to be read further for now. */
  message(client: Client, b: Uint8Array, at: number, length: number): boolean {
    const { codec, listener } = client
    const frame = this.#frame
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
    const route = index < 0 ? undefined : table!.routes[index]
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
    if (route.filtered) {
      for (const limiter of route.limiters) {
        if (!limiter.applies(b, at, length) || limiter.allow(b, at, length)) continue
        counters[L.downstream_rq_rate_limited]!++
        routeCounters[R.rq_rate_limited]!++
        this.#refuse(client, flags, b, at, length, 'rateLimited')
        return true
      }
      const { reply, fault } = route.action
      if (reply) {
        this.#refuse(client, flags, b, at, length, reply.reason, reply)
        return true
      }
      if (fault?.delay && Math.random() * 100 < fault.delay.percent) delayMs = fault.delay.ms
      if (fault?.abort && Math.random() * 100 < fault.abort.percent) {
        counters[L.downstream_rq_fault_aborted]!++
        routeCounters[R.rq_fault]!++
        // A delay counts for the aborted too, but not at the price of a slot: the two draws are made apart.
        this.#refuse(client, flags, b, at, length, fault.abort.reply?.reason ?? 'fault', fault.abort.reply)
        return true
      }
    }
    const slot = this.requests.take()
    if (slot < 0) {
      this.#refuse(client, flags, b, at, length, 'overflow')
      return true
    }
    const r = this.requests
    const log = listener.accessLog
    if (log !== undefined && Math.random() * 100 < log.sampling) flags |= LOGGED
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
    const destination = route.draw ? route.destinations[route.draw()] : route.destinations[0]
    r.cluster[slot] = destination?.cluster ?? null
    if (route.requestEdits.length > 0) this.#edit(slot, codec, route.requestEdits)
    if (destination && destination.edits.length > 0) this.#edit(slot, codec, destination.edits)
    if (route.mirrors.length > 0) this.#mirror(slot, route)
    if (delayMs > 0) {
      counters[L.downstream_rq_fault_delayed]!++
      routeCounters[R.rq_fault]!++
      this.#delay(slot, client, delayMs)
    } else this.dispatch(slot)
    if (client.inFlight >= listener.maxRequestsPerConnection) client.hold(Hold.requests)
    return !client.held
  }

  #edit(slot: number, codec: Codec, edits: CompiledRoute['requestEdits']): void {
    const r = this.requests
    const changed = applyEdits(codec, r.bytes[slot]!, r.at[slot]!, r.length[slot]!, edits)
    if (changed) this.#replaceBytes(slot, changed)
  }

  #replaceBytes(slot: number, bytes: Uint8Array): void {
    const r = this.requests
    r.bytes[slot] = bytes
    r.at[slot] = 0
    r.length[slot] = bytes.length
  }

  #delay(slot: number, client: Client, ms: number): void {
    const r = this.requests
    r.flags[slot]! |= DELAYED
    this.#own(slot)
    // In a protocol without ids what comes later may not overtake.
    if (client.codec.ordered) {
      r.flags[slot]! |= HOLDS
      client.hold(Hold.delay)
    }
    const { deadline } = r
    const due = clock.now + ms
    this.wheel.set(slot, deadline[slot]! > 0 ? Math.min(due, deadline[slot]!) : due)
    r.tryStarted[slot] = due
  }

  /** Gives the slot a copy of its frame, so that the chunk it came in can go. */
  #own(slot: number): void {
    const r = this.requests
    const at = r.at[slot]!
    this.#replaceBytes(slot, r.bytes[slot]!.slice(at, at + r.length[slot]!))
  }

  /** A copy for each mirror that is drawn; what becomes of it is nobody's business. */
  #mirror(slot: number, route: CompiledRoute): void {
    const r = this.requests
    for (const { cluster, percent } of route.mirrors) {
      if (percent < 100 && Math.random() * 100 >= percent) continue
      if (!cluster) continue
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
      this.dispatch(copy)
    }
  }

  /** Chooses host and connection for a waiting slot and sends it, or gives it its outcome. */
  dispatch(slot: number): void {
    const r = this.requests
    const cluster = r.cluster[slot]!
    const client = r.client[slot]!
    const route = r.route[slot]!
    const flags = r.flags[slot]!
    if (client.closed && (flags & MIRROR) === 0) {
      this.#forget(slot)
      return
    }
    if (!cluster || cluster.removed) {
      this.fail(slot, 'noUpstream')
      return
    }
    const breaker = cluster.breakers[route.priority]
    if (breaker.requests >= breaker.maxRequests) {
      cluster.counters[C.upstream_rq_pending_overflow]!++
      this.fail(slot, 'overflow')
      return
    }
    const { codec } = client
    const mode = (flags & MIRROR) !== 0 ? mirrorMode(codec)! : (route.mode ?? client.listener.mode)
    const hash = this.#hash
    const { hasher } = route
    const hashed = hasher?.(r.bytes[slot]!, r.at[slot]!, r.length[slot]!, client.ip, hash) === true
    const tries = r.tries[slot]!
    const host =
      (mode === 'bound' && !hashed && tries === 0 && client.boundHost(cluster)) ||
      cluster.pick(hashed, hash.lo, hash.hi, tries, r.host[slot]!)
    if (!host) {
      this.fail(slot, 'noUpstream')
      return
    }
    r.host[slot] = host
    const connection = this.#connection(slot, mode, cluster, host, client, route)
    if (connection) this.sendOn(slot, connection)
  }

  /** The connection for a slot; undefined when the slot waits for one or has failed. */
  #connection(
    slot: number,
    mode: ConnectionMode,
    cluster: Cluster,
    host: Host,
    client: Client,
    route: CompiledRoute,
  ): UpstreamConnection | undefined {
    const pool = HostPool.of(this, cluster, host, client.codec)
    if (mode === 'shared') return pool.takeShared(client.lane, route.priority)
    if (mode === 'bound') {
      const bound = client.bind(pool, route.priority)
      if (!bound) this.fail(slot, 'overflow')
      return bound
    }
    // Whoever waits already goes first.
    const idle = pool.waiting.count === 0 ? pool.takeExclusive() : undefined
    if (idle) return idle
    const breaker = cluster.breakers[route.priority]
    if (breaker.pending >= breaker.maxPending) {
      cluster.counters[C.upstream_rq_pending_overflow]!++
      this.fail(slot, 'overflow')
      return undefined
    }
    cluster.counters[C.upstream_rq_pending_total]!++
    breaker.pending++
    const r = this.requests
    r.flags[slot]! |= PENDING
    r.tryStarted[slot] = clock.now
    pool.waiting.add(slot)
    this.#arm(slot)
    pool.want(route.priority)
    return undefined
  }

  /** A slot was taken out of the queue for an exclusive connection. */
  leftQueue(slot: number): void {
    const r = this.requests
    if ((r.flags[slot]! & PENDING) === 0) return
    r.flags[slot]! &= ~PENDING
    r.cluster[slot]!.breakers[r.route[slot]!.priority].pending--
  }

  /** Puts a slot's frame on a connection. */
  sendOn(slot: number, connection: UpstreamConnection): void {
    const r = this.requests
    const { out, codec } = connection
    const { cluster, host } = connection.pool
    const breaker = cluster.breakers[r.route[slot]!.priority]
    const flags = r.flags[slot]!
    if (!out.open && breaker.pending >= breaker.maxPending) {
      cluster.counters[C.upstream_rq_pending_overflow]!++
      this.fail(slot, 'overflow')
      return
    }
    if ((out.blocked || !out.open) && out.waiting > breaker.maxPendingBytes) {
      cluster.counters[C.upstream_rq_pending_overflow]!++
      this.fail(slot, 'overflow')
      return
    }
    const oneway = (flags & ONEWAY) !== 0
    if (connection.mode === 'shared' && !oneway && !this.#rewrite(slot, codec, connection.idMask)) {
      this.fail(slot, 'badRequest')
      return
    }
    const at = r.at[slot]!
    out.push(r.bytes[slot]!, at, at + r.length[slot]!)
    connection.served++
    connection.lastUsed = clock.now
    cluster.counters[C.upstream_rq_total]!++
    host.total++
    if ((flags & HOLDS) !== 0) this.#unhold(slot)
    if (oneway) {
      cluster.counters[C.upstream_rq_oneway]!++
      this.#settleOneway(slot, connection)
      return
    }
    r.state[slot] = RequestState.sent
    r.connection[slot] = connection
    r.host[slot] = host
    r.tryStarted[slot] = clock.now
    host.active++
    breaker.requests++
    if (!out.open) {
      r.flags[slot]! |= PENDING
      breaker.pending++
      cluster.counters[C.upstream_rq_pending_total]!++
    }
    connection.pending.add(slot)
    this.#arm(slot)
    const most = cluster.config.connections?.maxRequestsPerConnection ?? 0
    if (most > 0 && connection.served >= most && !connection.draining) {
      cluster.counters[C.upstream_cx_max_requests]!++
      connection.drain()
    }
  }

  #settleOneway(slot: number, connection: UpstreamConnection): void {
    const r = this.requests
    if ((r.flags[slot]! & LOGGED) !== 0) logRequest(this, slot, 'oneway', 0)
    this.wheel.clear(slot)
    r.release(slot)
    if (connection.mode === 'exclusive') connection.pool.free(connection)
  }

  /** Writes our id into the slot's frame. @returns false when the frame cannot take one. */
  #rewrite(slot: number, codec: Codec, mask: number): boolean {
    const r = this.requests
    const id = r.wireId(slot) & mask
    r.flags[slot]! |= REWRITTEN
    const bytes = r.bytes[slot]!
    if (codec.writeId?.(bytes, r.at[slot]!, r.length[slot]!, id, 0)) return true
    const spliced = codec.spliceId?.(bytes, r.at[slot]!, r.length[slot]!, id, 0)
    if (!spliced) {
      r.flags[slot]! &= ~REWRITTEN
      return false
    }
    this.#replaceBytes(slot, spliced)
    return true
  }

  /** Sets the slot's timer to what comes first: the request's deadline or the try's. */
  #arm(slot: number): void {
    const r = this.requests
    let due = r.deadline[slot]!
    const retry = r.route[slot]!.action.retry
    if (retry?.perTryTimeoutMs) {
      const tryDue = clock.now + retry.perTryTimeoutMs
      due = due > 0 ? Math.min(due, tryDue) : tryDue
    }
    if (due > 0) this.wheel.set(slot, due)
  }

  #due(slot: number): void {
    const r = this.requests
    const flags = r.flags[slot]!
    const deadline = r.deadline[slot]!
    const over = deadline > 0 && clock.now >= deadline
    if ((flags & (DELAYED | BACKOFF)) !== 0 && !over) {
      r.flags[slot]! &= ~(DELAYED | BACKOFF)
      this.dispatch(slot)
      return
    }
    r.flags[slot]! &= ~(DELAYED | BACKOFF)
    const cluster = r.cluster[slot]
    if (cluster) cluster.counters[over ? C.upstream_rq_timeout : C.upstream_rq_per_try_timeout]!++
    const route = r.route[slot]!
    if (over) route.state.counters[R.rq_timeout]!++
    const host = r.host[slot]
    if (host && r.state[slot] === RequestState.sent) {
      host.timeouts++
      cluster!.record(host, 'local')
    }
    if (!over && this.#retry(slot, 'timeout')) return
    this.#giveUp(slot)
    this.#answerError(slot, 'timeout')
    this.#leave(slot)
  }

  /** Takes a slot out of whatever it waits in. A sent one stays on its connection, expired, until the late reply. */
  #giveUp(slot: number): void {
    const r = this.requests
    if (r.state[slot] !== RequestState.waiting || (r.flags[slot]! & PENDING) === 0) return
    const pool = r.host[slot]!.pools.get(r.client[slot]!.codec)!
    pool.waiting.remove(slot)
    this.leftQueue(slot)
  }

  /** Frees a slot that has its outcome, or lets it stand for the reply that may still come. */
  #leave(slot: number): void {
    const r = this.requests
    const connection = r.connection[slot]
    if (r.state[slot] !== RequestState.sent || !connection) {
      this.#forget(slot)
      return
    }
    this.#uncount(slot, connection)
    this.wheel.clear(slot)
    r.state[slot] = RequestState.expired
    r.client[slot] = null
    r.bytes[slot] = null
    r.route[slot] = null
    // The next request would get this one's reply.
    if (connection.mode === 'exclusive') connection.close()
    else connection.gaveUp()
    connection.settled()
  }

  /** Takes a sent slot out of the counts of requests in flight. */
  #uncount(slot: number, connection: UpstreamConnection): void {
    const r = this.requests
    const { cluster, host } = connection.pool
    const breaker = cluster.breakers[r.route[slot]!.priority]
    breaker.requests--
    host.active--
    if ((r.flags[slot]! & PENDING) !== 0) {
      r.flags[slot]! &= ~PENDING
      breaker.pending--
    }
    this.#endRetry(slot, cluster)
  }

  #endRetry(slot: number, cluster: Cluster): void {
    const r = this.requests
    if ((r.flags[slot]! & RETRY) === 0) return
    r.flags[slot]! &= ~RETRY
    cluster.breakers[r.route[slot]!.priority].retries--
  }

  /** Frees a slot that is on no connection. */
  #forget(slot: number): void {
    const r = this.requests
    if ((r.flags[slot]! & HOLDS) !== 0) this.#unhold(slot)
    const cluster = r.cluster[slot]
    if (cluster) this.#endRetry(slot, cluster)
    this.wheel.clear(slot)
    r.release(slot)
  }

  #unhold(slot: number): void {
    const r = this.requests
    r.flags[slot]! &= ~HOLDS
    r.client[slot]!.release(Hold.delay)
  }

  /** A waiting slot cannot be sent, or its connection is gone: it is tried again or its client gets an error. The slot is on no connection any more. */
  fail(slot: number, reason: ErrorReason): void {
    const why = reason === 'connectFailed' ? 'connectFailure' : reason === 'upstreamClosed' ? 'reset' : undefined
    if (why && this.#retry(slot, why)) return
    this.#answerError(slot, reason)
    this.#forget(slot)
  }

  /** Tries a request again where route, budget and time allow it. @returns whether it did; the old slot is then done with. */
  #retry(slot: number, why: 'connectFailure' | 'reset' | 'timeout' | 'error', status = 0): boolean {
    const r = this.requests
    const route = r.route[slot]!
    const retry = route.action.retry
    const cluster = r.cluster[slot]
    if (!retry || !cluster || (r.flags[slot]! & (ONEWAY | MIRROR)) !== 0) return false
    const tries = r.tries[slot]!
    if (tries >= retry.attempts || !retry.on.includes(why)) return false
    if (why !== 'connectFailure' && !retry.idempotent) return false
    if (why === 'error' && retry.statuses && !retry.statuses.includes(status)) return false
    if (r.client[slot]!.closed || (r.client[slot]!.codec.ordered && why === 'timeout')) return false
    const breaker = cluster.breakers[route.priority]
    // The try that is being repeated no longer counts.
    if (!breaker.mayRetry() && (r.flags[slot]! & RETRY) === 0) {
      cluster.counters[C.upstream_rq_retry_overflow]!++
      return false
    }
    const again = r.take()
    if (again < 0) return false
    cluster.counters[C.upstream_rq_retry]!++
    route.state.counters[R.rq_retry]!++
    const at = r.at[slot]!
    r.state[again] = RequestState.waiting
    r.idLo[again] = r.idLo[slot]!
    r.idHi[again] = r.idHi[slot]!
    r.bytes[again] = r.bytes[slot]!.slice(at, at + r.length[slot]!)
    r.at[again] = 0
    r.length[again] = r.length[slot]!
    r.client[again] = r.client[slot]!
    r.route[again] = route
    r.cluster[again] = cluster
    r.host[again] = r.host[slot]!
    r.tries[again] = tries + 1
    r.sequence[again] = r.sequence[slot]!
    r.started[again] = r.started[slot]!
    r.deadline[again] = r.deadline[slot]!
    r.flags[again] = (r.flags[slot]! & (LOGGED | REWRITTEN)) | RETRY | BACKOFF
    this.#giveUp(slot)
    this.#leave(slot)
    breaker.retries++
    const base = retry.baseIntervalMs ?? defaultBackoffMs
    const wait = Math.random() * Math.min(base * 2 ** tries, base * 10)
    const deadline = r.deadline[again]!
    const due = clock.now + wait
    this.wheel.set(again, deadline > 0 ? Math.min(due, deadline) : due)
    return true
  }

  /** A frame of an upstream. @returns false when it is not to be read further for now. */
  reply(connection: UpstreamConnection, b: Uint8Array, at: number, length: number): boolean {
    const { codec } = connection
    const frame = this.#frame
    const bad = codec.inspect(b, at, length, frame)
    if (bad < 0) {
      connection.protocolError()
      return false
    }
    if (frame.kind !== FrameKind.response && frame.kind !== FrameKind.either) {
      upstreamSignal(connection, b, at, length, frame.kind)
      return true
    }
    const slot = this.#match(connection, frame.idLo, frame.idHi)
    if (slot < 0) {
      connection.counters[C.upstream_rq_unmatched_reply]!++
      return true
    }
    const r = this.requests
    connection.pending.remove(slot)
    if (r.state[slot] === RequestState.expired) {
      connection.counters[C.upstream_rq_late_reply]!++
      connection.expired--
      r.release(slot)
      connection.settled()
      return true
    }
    const { cluster, host } = connection.pool
    const failed = frame.error !== 0
    cluster.record(host, failed ? 'error' : 'success')
    if (failed) cluster.counters[C.upstream_rq_error_reply]!++
    if (failed && this.#retryReplied(slot, connection, frame.status)) return true
    this.#complete(slot, connection, b, at, length, failed)
    return true
  }

  /** A retry of a request that an error reply came for; the slot has left its connection's list already. */
  #retryReplied(slot: number, connection: UpstreamConnection, status: number): boolean {
    const r = this.requests
    if (!r.route[slot]!.action.retry) return false
    // For `#leave` the slot is on no connection: nothing is to be waited for.
    r.state[slot] = RequestState.waiting
    const host = r.host[slot]
    const flags = r.flags[slot]!
    const priority = r.route[slot]!.priority
    if (!this.#retry(slot, 'error', status)) {
      r.state[slot] = RequestState.sent
      return false
    }
    connection.pool.cluster.breakers[priority].requests--
    if (host) host.active--
    if ((flags & PENDING) !== 0) connection.pool.cluster.breakers[priority].pending--
    this.#freed(connection)
    return true
  }

  /** The slot a reply is for, -1 if there is none: late, twice, or never asked for. */
  #match(connection: UpstreamConnection, lo: number, hi: number): number {
    const r = this.requests
    if (connection.mode === 'shared') {
      const slot = lo & slotMask
      if (slot >= r.capacity || r.connection[slot] !== connection || hi !== 0) return -1
      return (r.wireId(slot) & connection.idMask) === (lo & connection.idMask) ? slot : -1
    }
    const { pending } = connection
    if (connection.codec.ordered) return pending.head
    // Replies come about in order, so the search is short.
    for (let slot = pending.head; slot >= 0; slot = r.next[slot]!) {
      if (r.idLo[slot] === lo && r.idHi[slot] === hi) return slot
    }
    return -1
  }

  #complete(
    slot: number,
    connection: UpstreamConnection,
    b: Uint8Array,
    at: number,
    length: number,
    failed: boolean,
  ): void {
    const r = this.requests
    const { codec } = connection
    const { cluster } = connection.pool
    const route = r.route[slot]!
    const client = r.client[slot]!
    const flags = r.flags[slot]!
    if ((flags & RETRY) !== 0 && !failed) cluster.counters[C.upstream_rq_retry_success]!++
    this.wheel.clear(slot)
    this.#uncount(slot, connection)
    cluster.counters[C.upstream_rq_completed]!++
    const ms = clock.now - r.started[slot]!
    cluster.latency.observe(ms)
    route.state.latency.observe(ms)
    if (failed) route.state.counters[R.rq_error]!++
    if ((flags & MIRROR) === 0) {
      if (client.closed) cluster.counters[C.upstream_rq_cancelled]!++
      else {
        let frame = b
        let start = at
        let size = length
        if ((flags & REWRITTEN) !== 0 && !codec.writeId?.(b, at, length, r.idLo[slot]!, r.idHi[slot]!)) {
          const restored = codec.spliceId?.(b, at, length, r.idLo[slot]!, r.idHi[slot]!)
          if (restored) {
            frame = restored
            start = 0
            size = restored.length
          }
        }
        if (route.responseEdits.length > 0) {
          const changed = applyEdits(codec, frame, start, size, route.responseEdits)
          if (changed) {
            frame = changed
            start = 0
            size = changed.length
          }
        }
        client.listener.counters[failed ? L.downstream_rq_error_replied : L.downstream_rq_replied]!++
        client.deliver(r.sequence[slot]!, frame, start, start + size)
        const log = client.listener.accessLog
        if ((flags & LOGGED) !== 0 || (failed && log?.errors === true))
          logRequest(this, slot, failed ? 'error' : 'ok', size)
      }
    }
    r.release(slot)
    this.#freed(connection)
  }

  /** A connection has one request less. */
  #freed(connection: UpstreamConnection): void {
    connection.lastUsed = clock.now
    if (connection.mode === 'exclusive') connection.pool.free(connection)
    else if (connection.draining) connection.settled()
  }

  /** What waited for this connection is in flight now. */
  connectionOpened(connection: UpstreamConnection): void {
    const r = this.requests
    for (let slot = connection.pending.head; slot >= 0; slot = r.next[slot]!) {
      if ((r.flags[slot]! & PENDING) === 0) continue
      r.flags[slot]! &= ~PENDING
      connection.pool.cluster.breakers[r.route[slot]?.priority ?? 0].pending--
    }
  }

  /** Every request on the connection gets its outcome; a bound client may have to go with it. */
  connectionClosed(connection: UpstreamConnection): void {
    const r = this.requests
    const { cluster, host } = connection.pool
    const reason: ErrorReason = connection.connected ? 'upstreamClosed' : 'connectFailed'
    if (!connection.connected && connection.pending.count === 0) cluster.record(host, 'local')
    while (connection.pending.head >= 0) {
      const slot = connection.pending.head
      connection.pending.remove(slot)
      if (r.state[slot] === RequestState.expired) {
        r.release(slot)
        continue
      }
      const client = r.client[slot]!
      this.#uncount(slot, connection)
      r.state[slot] = RequestState.waiting
      r.connection[slot] = null
      if (client.closed && connection.client === client) {
        cluster.counters[C.upstream_rq_cancelled]!++
        this.#forget(slot)
        continue
      }
      cluster.counters[C.upstream_rq_rx_reset]!++
      cluster.record(host, 'local')
      this.fail(slot, reason)
    }
    connection.client?.boundClosed(connection)
  }

  /** Heartbeats of a host go unanswered: it gets no requests until a connection to it succeeds. */
  hostSilent(cluster: Cluster, host: Host): void {
    host.silent = true
    cluster.record(host, 'local')
    cluster.healthChanged()
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

  /** Tells the slot's client that there will be no reply. */
  #answerError(slot: number, reason: ErrorReason): void {
    const r = this.requests
    const flags = r.flags[slot]!
    if ((flags & MIRROR) !== 0) return
    const client = r.client[slot]!
    const route = r.route[slot]!
    route.state.counters[R.rq_error]!++
    if ((flags & ONEWAY) !== 0) {
      client.listener.counters[L.downstream_rq_dropped]!++
      return
    }
    if (client.closed) return
    const log = client.listener.accessLog
    if ((flags & LOGGED) !== 0 || log?.errors) logRequest(this, slot, reason, 0)
    let bytes = r.bytes[slot]!
    let at = r.at[slot]!
    let length = r.length[slot]!
    if ((flags & REWRITTEN) !== 0) {
      // On a copy: the frame itself may still wait to be written.
      const { codec } = client
      bytes = bytes.slice(at, at + length)
      at = 0
      if (!codec.writeId?.(bytes, 0, length, r.idLo[slot]!, r.idHi[slot]!)) {
        bytes = codec.spliceId?.(bytes, 0, length, r.idLo[slot]!, r.idHi[slot]!) ?? bytes
        length = bytes.length
      }
    }
    client.answerError(r.sequence[slot]!, bytes, at, length, reason)
  }

  /** Frames that wait long are taken out of the large chunks they came in. Called about once a second. */
  compact(): void {
    const r = this.requests
    for (let slot = 0; slot < r.capacity; slot++) {
      const bytes = r.bytes[slot]
      if (!bytes || clock.now - r.started[slot]! < 1000) continue
      if (bytes.buffer.byteLength > 4096 + r.length[slot]! * 2) this.#own(slot)
    }
  }
}

/** How a protocol can be mirrored; undefined when its connections belong to clients. */
function mirrorMode(codec: Codec): ConnectionMode | undefined {
  if (codec.modes.includes('shared') && canShare(codec)) return 'shared'
  return codec.modes.includes('exclusive') ? 'exclusive' : undefined
}
