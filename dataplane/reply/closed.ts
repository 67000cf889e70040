import type { ErrorReason } from '../../codecs/contract.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Engine } from '../engine.ts'
import { C } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { RequestState } from '../upstream/requests.ts'
import { forget, uncount } from './outcome.ts'
import { fail } from './retry.ts'

/** Every request on the connection gets its outcome; a bound client may have to go with it. */
export function connectionClosed(engine: Engine, connection: UpstreamConnection): void {
  const { cluster, host } = connection.pool
  const reason: ErrorReason = connection.connected ? 'upstreamClosed' : 'connectFailed'
  const ours = connection.abandoned
  if (!connection.connected && !ours && connection.pending.count === 0) cluster.record(host, 'local')
  if (!ours) cluster.counters[C.upstream_rq_pending_failure_eject]! += connection.oneways
  for (let request = connection.pending.head; request; request = connection.pending.head) {
    connection.pending.remove(request)
    if (request.state === RequestState.expired) {
      engine.requests.release(request)
      continue
    }
    const client = request.client!
    uncount(request, connection)
    request.state = RequestState.waiting
    request.connection = null
    if (client.closed && connection.client === client) {
      cluster.counters[C.upstream_rq_cancelled]!++
      forget(engine, request)
      continue
    }
    cluster.counters[connection.connected ? C.upstream_rq_rx_reset : C.upstream_rq_pending_failure_eject]!++
    if (!ours) cluster.record(host, 'local')
    fail(engine, request, reason)
  }
  connection.client?.bound.closed(connection)
}

/** Heartbeats of a host go unanswered: it gets no requests until it is heard again. */
export function hostSilent(cluster: Cluster, host: Host): void {
  host.silent = true
  host.silentSince = clock.now
  cluster.record(host, 'local')
  cluster.healthChanged()
}

/** A host that was silent was heard, or is to be tried again. */
export function hostSpeaks(cluster: Cluster, host: Host): void {
  host.silent = false
  cluster.healthChanged()
}
