import type { Codec, ConnectionMode } from '../../codecs/contract.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import type { Client } from '../listen/client.ts'
import { fail, forget, unhold } from '../reply/outcome.ts'
import type { CompiledRoute } from '../route/compile.ts'
import { canShare } from '../route/compile.ts'
import { C } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { HostPool } from '../upstream/pool.ts'
import { HOLDS, LOGGED, MIRROR, ONEWAY, PENDING, REWRITTEN, RequestState } from '../upstream/requests.ts'

/** Chooses host and connection for a waiting slot and sends it, or gives it its outcome. */
export function dispatch(engine: Engine, slot: number): void {
  const r = engine.requests
  const cluster = r.cluster[slot]!
  const client = r.client[slot]!
  const route = r.route[slot]!
  const flags = r.flags[slot]!
  if (client.closed && (flags & MIRROR) === 0) {
    forget(engine, slot)
    return
  }
  if (!cluster || cluster.removed) {
    fail(engine, slot, 'noUpstream')
    return
  }
  const breaker = cluster.breakers[route.priority]
  if (breaker.requests >= breaker.maxRequests) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, slot, 'overflow')
    return
  }
  const { codec } = client
  const mode = (flags & MIRROR) !== 0 ? mirrorMode(codec)! : (route.mode ?? client.listener.mode)
  const hash = engine.hash
  const { hasher } = route
  const hashed = hasher?.(r.bytes[slot]!, r.at[slot]!, r.length[slot]!, client.ip, hash) === true
  const tries = r.tries[slot]!
  const host =
    (mode === 'bound' && !hashed && tries === 0 && client.boundHost(cluster)) ||
    cluster.pick(hashed, hash.lo, hash.hi, tries, r.host[slot]!)
  if (!host) {
    fail(engine, slot, 'noUpstream')
    return
  }
  r.host[slot] = host
  const connection = chooseConnection(engine, slot, mode, cluster, host, client, route)
  if (connection && !sendOn(engine, slot, connection) && mode === 'exclusive') connection.pool.free(connection)
}

/** The connection for a slot; undefined when the slot waits for one or has failed. */
function chooseConnection(
  engine: Engine,
  slot: number,
  mode: ConnectionMode,
  cluster: Cluster,
  host: Host,
  client: Client,
  route: CompiledRoute,
): UpstreamConnection | undefined {
  const pool = HostPool.of(engine, cluster, host, client.codec)
  if (mode === 'shared') return pool.takeShared(client.lane, route.priority)
  if (mode === 'bound') {
    const bound = client.bind(pool, route.priority)
    if (!bound) fail(engine, slot, 'overflow')
    return bound
  }
  // Whoever waits already goes first.
  const idle = pool.waiting.count === 0 ? pool.takeExclusive() : undefined
  if (idle) return idle
  const breaker = cluster.breakers[route.priority]
  if (breaker.pending >= breaker.maxPending) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, slot, 'overflow')
    return undefined
  }
  cluster.counters[C.upstream_rq_pending_total]!++
  breaker.pending++
  const r = engine.requests
  r.flags[slot]! |= PENDING
  r.tryStarted[slot] = clock.now
  pool.waiting.add(slot)
  arm(engine, slot)
  pool.want(route.priority)
  return undefined
}

/** A slot was taken out of the queue for an exclusive connection. */
export function leftQueue(engine: Engine, slot: number): void {
  const r = engine.requests
  if ((r.flags[slot]! & PENDING) === 0) return
  r.flags[slot]! &= ~PENDING
  r.cluster[slot]!.breakers[r.route[slot]!.priority].pending--
}

/** Puts a slot's frame on a connection. @returns false when the slot failed instead and the connection is as free as before. */
export function sendOn(engine: Engine, slot: number, connection: UpstreamConnection): boolean {
  const r = engine.requests
  const { out, codec } = connection
  const { cluster, host } = connection.pool
  const breaker = cluster.breakers[r.route[slot]!.priority]
  const flags = r.flags[slot]!
  if (!out.open && breaker.pending >= breaker.maxPending) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, slot, 'overflow')
    return false
  }
  if ((out.blocked || !out.open) && out.waiting > breaker.maxPendingBytes) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, slot, 'overflow')
    return false
  }
  const oneway = (flags & ONEWAY) !== 0
  if (connection.rewrites && !oneway && !rewrite(engine, slot, codec, connection.idMask)) {
    fail(engine, slot, 'badRequest')
    return false
  }
  const at = r.at[slot]!
  out.push(r.bytes[slot]!, at, at + r.length[slot]!)
  connection.served++
  connection.lastUsed = clock.now
  cluster.counters[C.upstream_rq_total]!++
  host.total++
  if ((flags & HOLDS) !== 0) unhold(engine, slot)
  if (oneway) {
    cluster.counters[C.upstream_rq_oneway]!++
    settleOneway(engine, slot, connection)
    return true
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
  arm(engine, slot)
  const most = cluster.maxRequestsPerConnection
  if (most > 0 && connection.served >= most && !connection.draining) {
    cluster.counters[C.upstream_cx_max_requests]!++
    connection.drain()
  }
  return true
}

function settleOneway(engine: Engine, slot: number, connection: UpstreamConnection): void {
  const r = engine.requests
  if ((r.flags[slot]! & LOGGED) !== 0) logRequest(engine, slot, 'oneway', 0)
  engine.wheel.clear(slot)
  r.release(slot)
  if (connection.mode === 'exclusive') connection.pool.free(connection)
}

/** Writes our id into the slot's frame. @returns false when the frame cannot take one. */
function rewrite(engine: Engine, slot: number, codec: Codec, mask: number): boolean {
  const r = engine.requests
  const id = r.wireId(slot) & mask
  r.flags[slot]! |= REWRITTEN
  const bytes = r.bytes[slot]!
  if (codec.writeId?.(bytes, r.at[slot]!, r.length[slot]!, id, 0)) return true
  const spliced = codec.spliceId?.(bytes, r.at[slot]!, r.length[slot]!, id, 0)
  if (!spliced) {
    r.flags[slot]! &= ~REWRITTEN
    return false
  }
  engine.requests.replaceBytes(slot, spliced)
  return true
}

/** Sets the slot's timer to what comes first: the request's deadline or the try's. */
function arm(engine: Engine, slot: number): void {
  const r = engine.requests
  let due = r.deadline[slot]!
  const { perTryTimeoutMs } = r.route[slot]!
  if (perTryTimeoutMs > 0) {
    const tryDue = clock.now + perTryTimeoutMs
    due = due > 0 ? Math.min(due, tryDue) : tryDue
  }
  if (due > 0) engine.wheel.set(slot, due)
}

/** How a protocol can be mirrored; undefined when its connections belong to clients. */
export function mirrorMode(codec: Codec): ConnectionMode | undefined {
  if (codec.modes.includes('shared') && canShare(codec)) return 'shared'
  return codec.modes.includes('exclusive') ? 'exclusive' : undefined
}
