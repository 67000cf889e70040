import { type Codec, putId } from '../../codecs/contract.ts'
import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import { unhold } from '../reply/outcome.ts'
import { fail } from '../reply/retry.ts'
import { C } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import type { UpstreamConnection } from './connection.ts'
import { type ActiveRequest, HOLDS, LOGGED, ONEWAY, PENDING, REWRITTEN, RequestState, TRACED } from './requests.ts'

/** Puts a request's frame on a connection. @returns false when the request failed instead and the connection is as free as before. */
export function sendOn(engine: Engine, request: ActiveRequest, connection: UpstreamConnection): boolean {
  const { out, codec } = connection
  const { cluster, host } = connection.pool
  const breaker = cluster.breakers[request.route!.priority]
  const { flags } = request
  if (!out.open && breaker.pending >= breaker.maxPending) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, request, 'overflow')
    return false
  }
  if ((out.blocked || !out.open) && out.waiting > breaker.maxPendingBytes) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, request, 'overflow')
    return false
  }
  const oneway = (flags & ONEWAY) !== 0
  if (connection.rewrites && !oneway) {
    const { ids } = connection
    const id = ids === null ? request.wireId & connection.idMask : ids.next
    if (!rewrite(request, codec, id)) {
      fail(engine, request, 'badRequest')
      return false
    }
    if (ids !== null) ids.take(request)
  }
  // Read here: the frame with our id may be another one.
  const { bytes, at, length } = request
  out.push(bytes, at, at + length)
  connection.served++
  connection.lastUsed = clock.now
  // What is not sent, since no connection can be made, is none of the requests.
  if (out.open) {
    cluster.counters[C.upstream_rq_total]!++
    host.total++
  }
  if ((flags & HOLDS) !== 0) unhold(request)
  if (oneway) {
    if (out.open) cluster.counters[C.upstream_rq_oneway]!++
    else connection.oneways++
    wear(connection)
    settleOneway(engine, request, connection)
    return true
  }
  request.state = RequestState.sent
  request.connection = connection
  request.host = host
  host.active++
  breaker.requests++
  if (!out.open) {
    request.flags |= PENDING
    breaker.pending++
    breaker.opening++
    cluster.counters[C.upstream_rq_pending_total]!++
  }
  connection.pending.add(request)
  arm(engine, request)
  wear(connection)
  return true
}

/** A connection that has had as many requests as one may have takes no more. */
function wear(connection: UpstreamConnection): void {
  const { cluster } = connection.pool
  const most = cluster.maxRequestsPerConnection
  if (most === 0 || connection.served < most || connection.draining) return
  cluster.counters[C.upstream_cx_max_requests]!++
  connection.drain()
}

function settleOneway(engine: Engine, request: ActiveRequest, connection: UpstreamConnection): void {
  if ((request.flags & (LOGGED | TRACED)) !== 0) logRequest(request, 'oneway', 0)
  engine.wheel.clear(request)
  engine.requests.release(request)
  if (connection.mode === 'exclusive') connection.pool.free(connection)
}

/** Writes our id into the request's frame. @returns false when the frame cannot take one. */
function rewrite(request: ActiveRequest, codec: Codec, id: number): boolean {
  request.flags |= REWRITTEN
  const { bytes, idAt } = request
  if (idAt >= 0) {
    putId(bytes, request.at + idAt, id)
    return true
  }
  if (codec.writeId?.(bytes, request.at, request.length, id, 0)) return true
  const spliced = codec.spliceId?.(bytes, request.at, request.length, id, 0)
  if (!spliced) {
    request.flags &= ~REWRITTEN
    return false
  }
  request.replaceBytes(spliced)
  return true
}

/** Sets the request's timer to what comes first: the request's deadline, the try's, or that of a silent upstream. */
export function arm(engine: Engine, request: ActiveRequest): void {
  let due = request.deadline
  const { quietMs } = request.route!
  if (quietMs > 0) {
    const tryDue = clock.now + quietMs
    due = due > 0 ? Math.min(due, tryDue) : tryDue
  }
  if (due > 0) engine.wheel.set(request, due)
}
