import { type Frame, FrameKind, putId } from '../../codecs/contract.ts'
import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import { upstreamSignal } from '../signals.ts'
import { C, countLatency, L, R } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import {
  type ActiveRequest,
  LOGGED,
  MIRROR,
  RETRY,
  REWRITTEN,
  RequestState,
  slotMask,
  TRACED,
} from '../upstream/requests.ts'
import { deliver } from './deliver.ts'
import { answerError, uncount } from './outcome.ts'
import { takePart } from './part.ts'
import { retry } from './retry.ts'

/** A frame of an upstream. @returns false when it is not to be read further for now. */
export function takeReply(
  engine: Engine,
  connection: UpstreamConnection,
  b: Uint8Array,
  at: number,
  length: number,
): boolean {
  const { replyCodec } = connection
  const frame = engine.frame
  frame.idAt = -1
  frame.more = 0
  const bad = replyCodec.inspect(b, at, length, frame)
  if (bad < 0) {
    connection.protocolError(bad)
    return false
  }
  if (frame.kind !== FrameKind.response && frame.kind !== FrameKind.either) {
    upstreamSignal(connection, b, at, length, frame.kind)
    return true
  }
  const request = match(engine, connection, frame.idLo, frame.idHi)
  if (!request) {
    if (frame.more !== 0) takeStrayPart(connection, b, at, length)
    else if (answersHandshake(connection)) upstreamSignal(connection, b, at, length, FrameKind.handshake)
    else connection.counters[C.upstream_rq_unmatched_reply]!++
    return true
  }
  if (frame.more !== 0) {
    takePart(engine, connection, request, b, at, length, frame.idAt)
    return true
  }
  connection.pending.remove(request)
  if (connection.ids !== null) connection.ids.free(request)
  if (request.state === RequestState.expired) {
    connection.counters[C.upstream_rq_late_reply]!++
    connection.expired--
    engine.requests.release(request)
    connection.settled()
    return true
  }
  const { cluster, host } = connection.pool
  const failed = frame.error !== 0
  cluster.record(host, failed ? 'error' : 'success')
  if (failed) cluster.counters[C.upstream_rq_error_reply]!++
  if (failed && retryReplied(engine, request, connection, frame.status)) return true
  complete(engine, request, connection, b, at, length, failed, frame)
  return true
}

/** A retry of a request that an error reply came for; the request has left its connection's list already. */
function retryReplied(engine: Engine, request: ActiveRequest, connection: UpstreamConnection, status: number): boolean {
  if (!request.route!.retries) return false
  // For `leave` the request is on no connection: nothing is to be waited for.
  request.state = RequestState.waiting
  const { host } = request
  const { priority } = request.route!
  if (!retry(engine, request, 'error', status)) {
    request.state = RequestState.sent
    return false
  }
  connection.pool.cluster.breakers[priority].requests--
  if (host) host.active--
  freed(connection)
  return true
}

/** Whether a response that is for no request is the upstream's part of a handshake: of protocols that answer a login as they answer anything. */
function answersHandshake(connection: UpstreamConnection): boolean {
  const session = connection.client?.session
  if (!session) return false
  return session.home === connection ? session.takeAnswer() : !connection.out.open
}

/** A frame of a reply that is for no request and has more frames: perhaps of the upstream's part of a handshake, which its last frame ends. */
function takeStrayPart(connection: UpstreamConnection, b: Uint8Array, at: number, length: number): void {
  const session = connection.client?.session
  if (session?.home === connection && session.awaitsAnswer) {
    upstreamSignal(connection, b, at, length, FrameKind.push)
    return
  }
  connection.counters[C.upstream_rq_part_total]!++
  connection.counters[C.upstream_rq_part_dropped]!++
}

/** The request a reply is for, null if there is none: late, twice, or never asked for. */
function match(engine: Engine, connection: UpstreamConnection, lo: number, hi: number): ActiveRequest | null {
  if (connection.rewrites) {
    if (connection.ids !== null) {
      return hi !== 0 && connection.codec.idBits > 32 ? null : connection.ids.owner(lo)
    }
    const request = engine.requests.all[lo & slotMask]
    if (request?.connection !== connection || (hi !== 0 && connection.codec.idBits > 32)) return null
    return (request.wireId & connection.idMask) === (lo & connection.idMask) ? request : null
  }
  // A login is being repeated: no request was sent yet, and what answers one all the same must not decide over it.
  if (!connection.connected) return null
  const { pending } = connection
  if (connection.codec.ordered) return pending.head
  // Replies come about in order, so the search is short. A server may repeat one id only of a frame that has two.
  let half: ActiveRequest | null = null
  for (let request = pending.head; request; request = request.next) {
    if (request.idLo !== lo) continue
    if (request.idHi === hi) return request
    half ??= request
  }
  return connection.codec.idBits <= 32 ? half : null
}

function complete(
  engine: Engine,
  request: ActiveRequest,
  connection: UpstreamConnection,
  b: Uint8Array,
  at: number,
  length: number,
  failed: boolean,
  { status, idAt }: Frame,
): void {
  const { cluster } = connection.pool
  const route = request.route!
  const client = request.client!
  const { flags } = request
  if ((flags & RETRY) !== 0 && !failed) cluster.counters[C.upstream_rq_retry_success]!++
  engine.wheel.clear(request)
  uncount(request, connection)
  cluster.counters[C.upstream_rq_completed]!++
  const ms = clock.now - request.started
  cluster.latency.observe(ms)
  countLatency(route.statsBlock, route.statsAt, ms)
  if (failed) route.state.counters[R.rq_error]!++
  if ((flags & MIRROR) === 0) {
    if (client.closed) cluster.counters[C.upstream_rq_cancelled]!++
    else {
      const outcome = failed ? L.downstream_rq_error_replied : L.downstream_rq_replied
      client.listener.counters[outcome]!++
      let size = length
      // Nearly always the id is all that is written.
      if (idAt >= 0 && (flags & REWRITTEN) !== 0 && !route.editsReplies) {
        putId(b, at + idAt, request.idLo)
        client.deliver(request.sequence, b, at, at + length)
      } else size = deliver(request, connection.replyCodec, b, at, length, idAt, false)
      const log = client.listener.accessLog
      if (size < 0) {
        client.listener.counters[outcome]!--
        answerError(request, 'upstreamClosed')
      } else if ((flags & (LOGGED | TRACED)) !== 0 || (failed && log?.errors === true))
        logRequest(request, failed ? 'error' : 'ok', size, failed ? status : 0)
    }
  }
  engine.requests.release(request)
  freed(connection)
}

/** A connection has one request less. */
function freed(connection: UpstreamConnection): void {
  connection.lastUsed = clock.now
  if (connection.mode === 'exclusive') connection.pool.free(connection)
  else if (connection.draining || connection.ids !== null) connection.settled()
}
