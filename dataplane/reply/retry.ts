import type { ErrorReason } from '../../codecs/contract.ts'
import type { Engine } from '../engine.ts'
import { C, R } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import {
  type ActiveRequest,
  BACKOFF,
  LOGGED,
  MIRROR,
  ONEWAY,
  RETRY,
  REWRITTEN,
  RequestState,
  TRACED,
} from '../upstream/requests.ts'
import { answerError, forget, giveUp, leave } from './outcome.ts'

const defaultBackoffMs = 25

/** Tries a request again where route, budget and time allow it. @returns whether it did; the old request is then done with. */
export function retry(
  engine: Engine,
  request: ActiveRequest,
  why: 'connectFailure' | 'reset' | 'timeout' | 'error',
  status = 0,
): boolean {
  const route = request.route!
  const { retry } = route.action
  const { cluster, tries, at } = request
  if (!retry || !cluster || (request.flags & (ONEWAY | MIRROR)) !== 0) return false
  // What went to the client cannot be taken back.
  if (request.parts !== null) return false
  if (tries >= retry.attempts || !retry.on.includes(why)) return false
  if (why !== 'connectFailure' && !retry.idempotent) return false
  if (why === 'error' && retry.statuses && !retry.statuses.includes(status)) return false
  if (request.client!.closed || (request.client!.codec.ordered && why === 'timeout')) return false
  const breaker = cluster.breakers[route.priority]
  // The try that is being repeated no longer counts.
  if (!breaker.mayRetry() && (request.flags & RETRY) === 0) {
    cluster.counters[C.upstream_rq_retry_overflow]!++
    return false
  }
  const again = engine.requests.take()
  if (!again) return false
  cluster.counters[C.upstream_rq_retry]!++
  route.state.counters[R.rq_retry]!++
  again.state = RequestState.waiting
  again.idLo = request.idLo
  again.idHi = request.idHi
  again.bytes = request.bytes.slice(at, at + request.length)
  again.at = 0
  again.length = request.length
  again.client = request.client
  again.route = route
  again.cluster = cluster
  again.host = request.host
  again.tries = tries + 1
  again.sequence = request.sequence
  again.started = request.started
  again.deadline = request.deadline
  again.span = request.span
  again.flags = (request.flags & (LOGGED | TRACED | REWRITTEN)) | RETRY | BACKOFF
  giveUp(request)
  leave(engine, request)
  again.client!.running?.open(again)
  breaker.retries++
  const base = retry.baseIntervalMs ?? defaultBackoffMs
  const wait = Math.random() * Math.min(base * 2 ** tries, base * 10)
  const { deadline } = again
  const due = clock.now + wait
  engine.wheel.set(again, deadline > 0 ? Math.min(due, deadline) : due)
  return true
}

/** A waiting request cannot be sent, or its connection is gone: it is tried again or its client gets an error. The request is on no connection any more. */
export function fail(engine: Engine, request: ActiveRequest, reason: ErrorReason): void {
  const why = reason === 'connectFailed' ? 'connectFailure' : reason === 'upstreamClosed' ? 'reset' : undefined
  if (why && retry(engine, request, why)) return
  answerError(request, reason)
  forget(engine, request)
}
