import type { Engine } from '../engine.ts'
import { giveUp, leave } from '../reply/outcome.ts'
import { C, R } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import { BACKOFF, LOGGED, MIRROR, ONEWAY, RETRY, REWRITTEN, RequestState } from '../upstream/requests.ts'

const defaultBackoffMs = 25

/** Tries a request again where route, budget and time allow it. @returns whether it did; the old slot is then done with. */
export function retry(
  engine: Engine,
  slot: number,
  why: 'connectFailure' | 'reset' | 'timeout' | 'error',
  status = 0,
): boolean {
  const r = engine.requests
  const route = r.route[slot]!
  const retry = route.action.retry
  const cluster = r.cluster[slot]
  if (!retry || !cluster || (r.flags[slot]! & (ONEWAY | MIRROR)) !== 0) return false
  const tries = r.tries[slot]!
  if (tries >= retry.attempts || !retry.on.includes(why)) return false
  if (why !== 'connectFailure' && !retry.idempotent) return false
  if (why === 'error' && retry.statuses && !retry.statuses.includes(status)) return false
  if (r.client[slot]!.closed || (r.client[slot]!.codec.ordered && why === 'timeout')) return false
  const breaker = cluster.breakers[route.priority]
  // The try that is being repeated no longer counts.
  if (!breaker.mayRetry() && (r.flags[slot]! & RETRY) === 0) {
    cluster.counters[C.upstream_rq_retry_overflow]!++
    return false
  }
  const again = r.take()
  if (again < 0) return false
  cluster.counters[C.upstream_rq_retry]!++
  route.state.counters[R.rq_retry]!++
  const at = r.at[slot]!
  r.state[again] = RequestState.waiting
  r.idLo[again] = r.idLo[slot]!
  r.idHi[again] = r.idHi[slot]!
  r.bytes[again] = r.bytes[slot]!.slice(at, at + r.length[slot]!)
  r.at[again] = 0
  r.length[again] = r.length[slot]!
  r.client[again] = r.client[slot]!
  r.route[again] = route
  r.cluster[again] = cluster
  r.host[again] = r.host[slot]!
  r.tries[again] = tries + 1
  r.sequence[again] = r.sequence[slot]!
  r.started[again] = r.started[slot]!
  r.deadline[again] = r.deadline[slot]!
  r.flags[again] = (r.flags[slot]! & (LOGGED | REWRITTEN)) | RETRY | BACKOFF
  giveUp(engine, slot)
  leave(engine, slot)
  breaker.retries++
  const base = retry.baseIntervalMs ?? defaultBackoffMs
  const wait = Math.random() * Math.min(base * 2 ** tries, base * 10)
  const deadline = r.deadline[again]!
  const due = clock.now + wait
  engine.wheel.set(again, deadline > 0 ? Math.min(due, deadline) : due)
  return true
}
