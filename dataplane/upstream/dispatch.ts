import type { Codec, ConnectionMode } from '../../codecs/contract.ts'
import type { Hash64 } from '../cluster/balance/xxhash64.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Engine } from '../engine.ts'
import type { Client } from '../listen/client.ts'
import { forget } from '../reply/outcome.ts'
import { fail } from '../reply/retry.ts'
import { reportCodecError } from '../reply/text.ts'
import { type CompiledRoute, canShare } from '../route/compile.ts'
import type { Hasher } from '../route/hash.ts'
import { C } from '../stats/counters.ts'
import type { UpstreamConnection } from './connection.ts'
import { HostPool } from './pool.ts'
import { type ActiveRequest, MIRROR, PENDING } from './requests.ts'
import { arm, sendOn } from './send.ts'

/** Chooses host and connection for a waiting request and sends it, or gives it its outcome. */
export function dispatch(engine: Engine, request: ActiveRequest): void {
  const { flags, tries } = request
  const client = request.client!
  const route = request.route!
  if (client.closed && (flags & MIRROR) === 0) {
    forget(engine, request)
    return
  }
  const { codec } = client
  const mode = (flags & MIRROR) !== 0 ? mirrorMode(codec)! : (route.mode ?? client.listener.mode)
  const home = mode === 'bound' && client.session?.fixed ? client.session.home.pool : undefined
  const cluster = home?.cluster ?? request.cluster
  if (!cluster || cluster.removed) {
    fail(engine, request, 'noUpstream')
    return
  }
  const breaker = cluster.breakers[route.priority]
  if (breaker.requests >= breaker.maxRequests) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, request, 'overflow')
    return
  }
  const { hash } = engine
  const hashed = route.hasher !== undefined && hashOf(route.hasher, request, client, hash)
  if (hashed === undefined) {
    fail(engine, request, 'badRequest')
    return
  }
  const host =
    home?.host ||
    (mode === 'bound' && !hashed && tries === 0 && client.bound.hostOf(cluster)) ||
    cluster.pick(hashed, hash.lo, hash.hi, tries, request.host)
  if (!host) {
    fail(engine, request, 'noUpstream')
    return
  }
  request.host = host
  if (home) request.cluster = cluster
  const connection = chooseConnection(engine, request, mode, cluster, host, client, route)
  if (connection && !sendOn(engine, request, connection) && mode === 'exclusive') connection.pool.free(connection)
}

/** Writes the hash of a request's key into `hash`. @returns whether it has a key; undefined: its codec threw, perhaps where nobody else would catch it (a retry) */
function hashOf(hasher: Hasher, request: ActiveRequest, client: Client, hash: Hash64): boolean | undefined {
  try {
    return hasher(request.bytes, request.at, request.length, client.ip, hash)
  } catch (error) {
    reportCodecError(client.codec, error)
    return undefined
  }
}

/** The connection for a request; undefined when the request waits for one or has failed. */
function chooseConnection(
  engine: Engine,
  request: ActiveRequest,
  mode: ConnectionMode,
  cluster: Cluster,
  host: Host,
  client: Client,
  route: CompiledRoute,
): UpstreamConnection | undefined {
  const pool = HostPool.of(engine, cluster, host, client.codec)
  if (mode === 'shared') {
    const shared = pool.takeShared(client.lane, route.priority)
    return shared ?? wait(engine, request, mode, cluster, pool, route)
  }
  if (mode === 'bound') {
    const bound = client.bound.bind(pool, route.priority)
    if (!bound) fail(engine, request, 'overflow')
    return bound
  }
  // Whoever waits already goes first.
  const idle = pool.waiting.count === 0 ? pool.takeExclusive() : undefined
  if (idle) return idle
  return wait(engine, request, mode, cluster, pool, route)
}

/** The request waits for an exclusive connection, or for a shared one with a free id. */
function wait(
  engine: Engine,
  request: ActiveRequest,
  mode: ConnectionMode,
  cluster: Cluster,
  pool: HostPool,
  route: CompiledRoute,
): undefined {
  const breaker = cluster.breakers[route.priority]
  if (breaker.pending >= breaker.maxPending) {
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, request, 'overflow')
    return undefined
  }
  cluster.counters[C.upstream_rq_pending_total]!++
  breaker.pending++
  request.flags |= PENDING
  if (mode === 'shared') {
    request.queue = pool.sharing
    pool.sharing.add(request)
    arm(engine, request)
    return undefined
  }
  request.queue = pool.waiting
  pool.waiting.add(request)
  arm(engine, request)
  pool.want(route.priority)
  return undefined
}

/** How a protocol can be mirrored; undefined when its connections belong to clients. */
export function mirrorMode(codec: Codec): ConnectionMode | undefined {
  if (codec.modes.includes('shared') && canShare(codec)) return 'shared'
  return codec.modes.includes('exclusive') ? 'exclusive' : undefined
}
