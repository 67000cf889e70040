import type { ErrorReason } from '../../codecs/contract.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import { Hold } from '../listen/client.ts'
import { retry } from '../reply/retry.ts'
import { C, L, R } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { dispatch, leftQueue } from '../upstream/dispatch.ts'
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
} from '../upstream/requests.ts'

/** A waiting slot cannot be sent, or its connection is gone: it is tried again or its client gets an error. The slot is on no connection any more. */
export function fail(engine: Engine, slot: number, reason: ErrorReason): void {
  const why = reason === 'connectFailed' ? 'connectFailure' : reason === 'upstreamClosed' ? 'reset' : undefined
  if (why && retry(engine, slot, why)) return
  answerError(engine, slot, reason)
  forget(engine, slot)
}

export function due(engine: Engine, slot: number): void {
  const r = engine.requests
  const flags = r.flags[slot]!
  const deadline = r.deadline[slot]!
  const over = deadline > 0 && clock.now >= deadline
  if ((flags & (DELAYED | BACKOFF)) !== 0 && !over) {
    r.flags[slot]! &= ~(DELAYED | BACKOFF)
    dispatch(engine, slot)
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
  if (!over && retry(engine, slot, 'timeout')) return
  giveUp(engine, slot)
  const generation = r.generation[slot]
  answerError(engine, slot, 'timeout')
  // Where the protocol has no error reply the client is closed, and its bound connections with all their requests: this one too.
  if (r.generation[slot] === generation) leave(engine, slot)
}

/** Takes a slot out of whatever it waits in. A sent one stays on its connection, expired, until the late reply. */
export function giveUp(engine: Engine, slot: number): void {
  const r = engine.requests
  if (r.state[slot] !== RequestState.waiting || (r.flags[slot]! & PENDING) === 0) return
  const pool = r.host[slot]!.pools.get(r.client[slot]!.codec)!
  pool.waiting.remove(slot)
  leftQueue(engine, slot)
}

/** Frees a slot that has its outcome, or lets it stand for the reply that may still come. */
export function leave(engine: Engine, slot: number): void {
  const r = engine.requests
  const connection = r.connection[slot]
  if (r.state[slot] !== RequestState.sent || !connection) {
    forget(engine, slot)
    return
  }
  uncount(engine, slot, connection)
  engine.wheel.clear(slot)
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
export function uncount(engine: Engine, slot: number, connection: UpstreamConnection): void {
  const r = engine.requests
  const { cluster, host } = connection.pool
  const breaker = cluster.breakers[r.route[slot]!.priority]
  breaker.requests--
  host.active--
  if ((r.flags[slot]! & PENDING) !== 0) {
    r.flags[slot]! &= ~PENDING
    breaker.pending--
  }
  endRetry(engine, slot, cluster)
}

function endRetry(engine: Engine, slot: number, cluster: Cluster): void {
  const r = engine.requests
  if ((r.flags[slot]! & RETRY) === 0) return
  r.flags[slot]! &= ~RETRY
  cluster.breakers[r.route[slot]!.priority].retries--
}

/** Frees a slot that is on no connection. */
export function forget(engine: Engine, slot: number): void {
  const r = engine.requests
  if ((r.flags[slot]! & HOLDS) !== 0) unhold(engine, slot)
  const cluster = r.cluster[slot]
  if (cluster) endRetry(engine, slot, cluster)
  engine.wheel.clear(slot)
  r.release(slot)
}

export function unhold(engine: Engine, slot: number): void {
  const r = engine.requests
  r.flags[slot]! &= ~HOLDS
  r.client[slot]!.release(Hold.delay)
}

/** Tells the slot's client that there will be no reply. */
function answerError(engine: Engine, slot: number, reason: ErrorReason): void {
  const r = engine.requests
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
  if ((flags & LOGGED) !== 0 || log?.errors) logRequest(engine, slot, reason, 0)
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

/** What waited for this connection is in flight now. */
export function connectionOpened(engine: Engine, connection: UpstreamConnection): void {
  const r = engine.requests
  for (let slot = connection.pending.head; slot >= 0; slot = r.next[slot]!) {
    if ((r.flags[slot]! & PENDING) === 0) continue
    r.flags[slot]! &= ~PENDING
    connection.pool.cluster.breakers[r.route[slot]?.priority ?? 0].pending--
  }
}

/** Every request on the connection gets its outcome; a bound client may have to go with it. */
export function connectionClosed(engine: Engine, connection: UpstreamConnection): void {
  const r = engine.requests
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
    uncount(engine, slot, connection)
    r.state[slot] = RequestState.waiting
    r.connection[slot] = null
    if (client.closed && connection.client === client) {
      cluster.counters[C.upstream_rq_cancelled]!++
      forget(engine, slot)
      continue
    }
    cluster.counters[C.upstream_rq_rx_reset]!++
    cluster.record(host, 'local')
    fail(engine, slot, reason)
  }
  connection.client?.boundClosed(connection)
}

/** Heartbeats of a host go unanswered: it gets no requests until a connection to it succeeds. */
export function hostSilent(cluster: Cluster, host: Host): void {
  host.silent = true
  cluster.record(host, 'local')
  cluster.healthChanged()
}
