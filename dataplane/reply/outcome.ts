import type { ErrorReason } from '../../codecs/contract.ts'
import type { Breaker } from '../cluster/breaker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import { Hold } from '../listen/hold.ts'
import { C, L, R } from '../stats/counters.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import {
  type ActiveRequest,
  HOLDS,
  LOGGED,
  MIRROR,
  ONEWAY,
  PARTED,
  PENDING,
  RETRY,
  REWRITTEN,
  RequestState,
  TRACED,
} from '../upstream/requests.ts'

/** Takes a request out of whatever it waits in. A sent one stays on its connection, expired, until the late reply. */
export function giveUp(request: ActiveRequest): void {
  if (request.state !== RequestState.waiting || (request.flags & PENDING) === 0) return
  request.queue!.remove(request)
  leftQueue(request)
}

/** A request was taken out of the queue for a connection. */
export function leftQueue(request: ActiveRequest): void {
  if ((request.flags & PENDING) === 0) return
  request.flags &= ~PENDING
  request.queue = null
  request.cluster!.breakers[request.route!.priority].pending--
}

/** Frees a request that has its outcome, or lets it stand for the reply that may still come. */
export function leave(engine: Engine, request: ActiveRequest): void {
  const { connection } = request
  if (request.state !== RequestState.sent || !connection) {
    forget(engine, request)
    return
  }
  const { bytes, at, length } = request
  if (connection.out.withdraw(bytes, at, at + length)) {
    // Never sent: no reply will come, and its id is free.
    connection.pending.remove(request)
    if (connection.ids !== null) connection.ids.free(request)
    uncount(request, connection)
    forget(engine, request)
    connection.settled()
    return
  }
  uncount(request, connection)
  engine.wheel.clear(request)
  request.state = RequestState.expired
  request.client = null
  request.dropBytes()
  request.route = null
  // The next request would get this one's reply.
  if (connection.mode === 'exclusive') connection.close()
  else connection.gaveUp()
  connection.settled()
}

/** Takes a sent request out of the counts of requests in flight. */
export function uncount(request: ActiveRequest, connection: UpstreamConnection): void {
  const { cluster, host } = connection.pool
  const breaker = cluster.breakers[request.route!.priority]
  breaker.requests--
  host.active--
  if ((request.flags & PARTED) !== 0) request.client!.streams.end(request, connection)
  if ((request.flags & PENDING) !== 0) opened(request, breaker)
  endRetry(request, cluster)
}

function endRetry(request: ActiveRequest, cluster: Cluster): void {
  if ((request.flags & RETRY) === 0) return
  request.flags &= ~RETRY
  cluster.breakers[request.route!.priority].retries--
}

/** Whether nobody is left to hear of a request that waits: as in Envoy it need not be sent. A one-way message is sent all the same. */
export function isAbandoned({ client, flags }: ActiveRequest): boolean {
  return client!.closed && (flags & (MIRROR | ONEWAY)) === 0
}

/** Nobody waits for a request any more: it is in no count of those in flight. What was sent stands for the reply that may still come. */
export function cancel(engine: Engine, request: ActiveRequest): void {
  const { cluster } = request
  if (cluster) cluster.counters[C.upstream_rq_cancelled]!++
  giveUp(request)
  leave(engine, request)
}

/** Frees a request that is on no connection. */
export function forget(engine: Engine, request: ActiveRequest): void {
  if ((request.flags & HOLDS) !== 0) unhold(request)
  const { cluster } = request
  if (cluster) endRetry(request, cluster)
  engine.wheel.clear(request)
  engine.requests.release(request)
}

/** Lets the request's client read on, or go. */
export function unhold(request: ActiveRequest): void {
  request.flags &= ~HOLDS
  const client = request.client!
  client.release(Hold.delay)
  if ((request.flags & ONEWAY) !== 0) client.wasSent()
}

/** Tells the request's client that there will be no reply. */
export function answerError(request: ActiveRequest, reason: ErrorReason): void {
  const { flags } = request
  if ((flags & MIRROR) !== 0) return
  const client = request.client!
  const route = request.route!
  route.state.counters[R.rq_error]!++
  if ((flags & ONEWAY) !== 0) {
    client.listener.counters[L.downstream_rq_dropped]!++
    return
  }
  if (client.closed) return
  const log = client.listener.accessLog
  if ((flags & (LOGGED | TRACED)) !== 0 || log?.errors) logRequest(request, reason, 0)
  let { bytes, at, length } = request
  if ((flags & REWRITTEN) !== 0) {
    // On a copy: the frame itself may still wait to be written.
    const { codec } = client
    bytes = bytes.slice(at, at + length)
    at = 0
    if (!codec.writeId?.(bytes, 0, length, request.idLo, request.idHi)) {
      bytes = codec.spliceId?.(bytes, 0, length, request.idLo, request.idHi) ?? bytes
      length = bytes.length
    }
  }
  client.answerError(request.sequence, bytes, at, length, reason)
}

/**
 * Ends a request in its middle. Where the protocol has no error reply its client is closed, and with it bound connections and replies of several frames: then
 * this request has ended already.
 */
export function endWithError(engine: Engine, request: ActiveRequest, reason: ErrorReason): void {
  const { generation } = request
  answerError(request, reason)
  if (request.generation === generation && request.state !== RequestState.expired) leave(engine, request)
}

/** A request on a connection waits no longer for it to open. */
function opened(request: ActiveRequest, breaker: Breaker): void {
  request.flags &= ~PENDING
  breaker.pending--
  breaker.opening--
}

/** What waited for this connection is in flight now, and counts as sent, as in Envoy. */
export function connectionOpened(connection: UpstreamConnection): void {
  const { pool, oneways, counters } = connection
  const { cluster, host } = pool
  const sent = oneways + connection.pending.count
  for (let request = connection.pending.head; request; request = request.next)
    if ((request.flags & PENDING) !== 0) opened(request, cluster.breakers[request.route!.priority])
  counters[C.upstream_rq_total]! += sent
  counters[C.upstream_rq_oneway]! += oneways
  host.total += sent
  connection.oneways = 0
}
