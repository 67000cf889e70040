import type { Engine } from '../engine.ts'
import { C } from '../stats/counters.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { type ActiveRequest, MIRROR, PARTED, RequestState } from '../upstream/requests.ts'
import { deliver } from './deliver.ts'
import { awaitNext, endOfTry } from './idle.ts'
import { cancel, endWithError } from './outcome.ts'

/**
 * A frame of a reply behind which more follows: it goes to the client as it comes, and the request stays in flight until the last. Of an exclusive
 * connection its client may leave: the connection is closed then.
 */
export function takePart(
  engine: Engine,
  connection: UpstreamConnection,
  request: ActiveRequest,
  b: Uint8Array,
  at: number,
  length: number,
  idAt: number,
): void {
  const { counters } = connection
  counters[C.upstream_rq_part_total]!++
  if (request.state === RequestState.expired) {
    counters[C.upstream_rq_part_dropped]!++
    return
  }
  if ((request.flags & MIRROR) !== 0) {
    if (request.route!.idleTimeoutMs > 0) awaitNext(engine, request, 0)
    return
  }
  const client = request.client!
  if (client.closed) {
    counters[C.upstream_rq_part_dropped]!++
    cancel(engine, request)
    return
  }
  if (request.parts === null) {
    request.parts = { frames: 0, bytes: 0, until: endOfTry(request) }
    request.flags |= PARTED
    client.streams.begin(request)
  }
  const { parts } = request
  parts.frames++
  if (request.route!.idleTimeoutMs > 0) awaitNext(engine, request, parts.until)
  const size = deliver(request, connection.replyCodec, b, at, length, idAt, true)
  if (size >= 0) parts.bytes += size
  else endWithError(engine, request, 'upstreamClosed')
}
