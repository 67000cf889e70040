import type { Engine } from '../engine.ts'
import { clock } from '../turn.ts'
import { type ActiveRequest, RequestState } from '../upstream/requests.ts'

/** How long an upstream may be silent while a reply of it is awaited, or goes on. */

/** When the time of a try is over whose first frame is there; 0: it has none, or the request's own comes first. */
export function endOfTry({ route, timer, deadline }: ActiveRequest): number {
  const { idleTimeoutMs, quietMs, action } = route!
  const tryMs = action.retry?.perTryTimeoutMs ?? 0
  return idleTimeoutMs === 0 || tryMs === 0 || timer === deadline ? 0 : timer - quietMs + tryMs
}

/** The next frame has its time from now; `until` is the end of the try, 0 without. */
export function awaitNext(engine: Engine, request: ActiveRequest, until: number): void {
  const { deadline, route } = request
  let due = clock.now + route!.idleTimeoutMs
  if (deadline > 0) due = Math.min(due, deadline)
  if (until > 0) due = Math.min(due, until)
  engine.wheel.set(request, due)
}

/** Whether the timer that is due is that of a silent upstream, not that of the request or of a try. */
export function isIdle({ route, parts }: ActiveRequest): boolean {
  const { idleTimeoutMs, action } = route!
  const tryMs = action.retry?.perTryTimeoutMs ?? 0
  if (idleTimeoutMs === 0) return false
  if (parts !== null) return parts.until === 0 || clock.now < parts.until
  return tryMs === 0 || idleTimeoutMs < tryMs
}

/** Whether nothing can have been heard: the connection is not read, because its client takes no more, or the replies to others come first. */
export function isUnheard(request: ActiveRequest): boolean {
  const { connection, state } = request
  if (state !== RequestState.sent || !connection) return false
  return connection.held || (connection.codec.ordered && connection.pending.head !== request)
}
