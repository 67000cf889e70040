import type { Engine } from '../engine.ts'
import { C, R } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import { dispatch } from '../upstream/dispatch.ts'
import { type ActiveRequest, BACKOFF, DELAYED, RequestState } from '../upstream/requests.ts'
import { awaitNext, isIdle, isUnheard } from './idle.ts'
import { endWithError, giveUp } from './outcome.ts'
import { retry } from './retry.ts'

/** A request's timer is due: its delay is over, the next try may begin, or its time has run out. */
export function due(engine: Engine, request: ActiveRequest): void {
  const { flags, deadline, cluster, host } = request
  const over = deadline > 0 && clock.now >= deadline
  if ((flags & (DELAYED | BACKOFF)) !== 0 && !over) {
    request.flags &= ~(DELAYED | BACKOFF)
    dispatch(engine, request)
    return
  }
  request.flags &= ~(DELAYED | BACKOFF)
  const idle = !over && isIdle(request)
  if (idle && isUnheard(request)) {
    awaitNext(engine, request, request.parts?.until ?? 0)
    return
  }
  if (cluster)
    cluster.counters[
      over ? C.upstream_rq_timeout : idle ? C.upstream_rq_idle_timeout : C.upstream_rq_per_try_timeout
    ]!++
  const route = request.route!
  if (over || idle) route.state.counters[R.rq_timeout]!++
  if (host && request.state === RequestState.sent) {
    host.timeouts++
    cluster!.record(host, 'local')
  }
  if (!over && retry(engine, request, 'timeout')) return
  giveUp(request)
  endWithError(engine, request, 'timeout')
}
