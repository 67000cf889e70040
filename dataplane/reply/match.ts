import { FrameKind } from '../../codecs/contract.ts'
import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import { applyEdits } from '../filters/mutate.ts'
import { uncount } from '../reply/outcome.ts'
import { retry } from '../reply/retry.ts'
import { upstreamSignal } from '../signals.ts'
import { C, L, R } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { LOGGED, MIRROR, PENDING, RETRY, REWRITTEN, RequestState, slotBits } from '../upstream/requests.ts'

const slotMask = (1 << slotBits) - 1

/** A frame of an upstream. @returns false when it is not to be read further for now. */
export function takeReply(
  engine: Engine,
  connection: UpstreamConnection,
  b: Uint8Array,
  at: number,
  length: number,
): boolean {
  const { codec } = connection
  const frame = engine.frame
  const bad = codec.inspect(b, at, length, frame)
  if (bad < 0) {
    connection.protocolError()
    return false
  }
  if (frame.kind !== FrameKind.response && frame.kind !== FrameKind.either) {
    upstreamSignal(connection, b, at, length, frame.kind)
    return true
  }
  const slot = match(engine, connection, frame.idLo, frame.idHi)
  if (slot < 0) {
    connection.counters[C.upstream_rq_unmatched_reply]!++
    return true
  }
  const r = engine.requests
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
  if (failed && retryReplied(engine, slot, connection, frame.status)) return true
  complete(engine, slot, connection, b, at, length, failed)
  return true
}

/** A retry of a request that an error reply came for; the slot has left its connection's list already. */
function retryReplied(engine: Engine, slot: number, connection: UpstreamConnection, status: number): boolean {
  const r = engine.requests
  if (!r.route[slot]!.retries) return false
  // For `#leave` the slot is on no connection: nothing is to be waited for.
  r.state[slot] = RequestState.waiting
  const host = r.host[slot]
  const flags = r.flags[slot]!
  const priority = r.route[slot]!.priority
  if (!retry(engine, slot, 'error', status)) {
    r.state[slot] = RequestState.sent
    return false
  }
  connection.pool.cluster.breakers[priority].requests--
  if (host) host.active--
  if ((flags & PENDING) !== 0) connection.pool.cluster.breakers[priority].pending--
  freed(connection)
  return true
}

/** The slot a reply is for, -1 if there is none: late, twice, or never asked for. */
function match(engine: Engine, connection: UpstreamConnection, lo: number, hi: number): number {
  const r = engine.requests
  if (connection.rewrites) {
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

function complete(
  engine: Engine,
  slot: number,
  connection: UpstreamConnection,
  b: Uint8Array,
  at: number,
  length: number,
  failed: boolean,
): void {
  const r = engine.requests
  const { codec } = connection
  const { cluster } = connection.pool
  const route = r.route[slot]!
  const client = r.client[slot]!
  const flags = r.flags[slot]!
  if ((flags & RETRY) !== 0 && !failed) cluster.counters[C.upstream_rq_retry_success]!++
  engine.wheel.clear(slot)
  uncount(engine, slot, connection)
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
        logRequest(engine, slot, failed ? 'error' : 'ok', size)
    }
  }
  r.release(slot)
  freed(connection)
}

/** A connection has one request less. */
function freed(connection: UpstreamConnection): void {
  connection.lastUsed = clock.now
  if (connection.mode === 'exclusive') connection.pool.free(connection)
  else if (connection.draining) connection.settled()
}
