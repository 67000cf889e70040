import type { Engine } from '../engine.ts'
import { logRequest } from '../filters/access-log.ts'
import type { Client } from '../listen/client.ts'
import { C, L } from '../stats/counters.ts'
import { type ActiveRequest, LOGGED, REWRITTEN, RequestState, TRACED } from '../upstream/requests.ts'
import { cancel, forget, uncount } from './outcome.ts'

/**
 * A client's frame that ends one of its requests, as the frame that was inspected last names it: that is the request's outcome, whatever came of its reply. The
 * upstream is told by the same frame, with the id it knows. @returns whether there is such a request
 */
export function takeCancel(engine: Engine, client: Client, b: Uint8Array, at: number, length: number): boolean {
  const { idLo, idHi } = engine.frame
  const request = client.running?.find(idLo, idHi)
  if (!request) return false
  client.listener.counters[L.downstream_rq_cancelled]!++
  if ((request.flags & (LOGGED | TRACED)) !== 0) logRequest(request, 'cancelled', 0)
  const { connection } = request
  const told = connection !== null && tellsUpstream(request) ? namingIts(request, b.slice(at, at + length)) : undefined
  if (end(engine, request) && told && !connection!.closed) connection!.out.push(told, 0, told.length)
  client.ended()
  return true
}

/** An exclusive connection is closed, which says the same. */
function tellsUpstream({ connection, state }: ActiveRequest): boolean {
  return state === RequestState.sent && connection!.mode !== 'exclusive'
}

/** The frame with the id that the request has upstream; undefined where it takes none. */
function namingIts({ connection, flags, wireId, id }: ActiveRequest, frame: Uint8Array): Uint8Array | undefined {
  if ((flags & REWRITTEN) === 0) return frame
  const { codec, ids, idMask } = connection!
  const its = ids === null ? wireId & idMask : id
  return codec.writeId?.(frame, 0, frame.length, its, 0) ? frame : codec.spliceId?.(frame, 0, frame.length, its, 0)
}

/**
 * Where nobody else can get the id, the request is over wholly: what still comes of its reply is for no request. Few ids wait for the last frame, if there is
 * one. @returns whether the upstream has the request; what was not written yet is taken back
 */
function end(engine: Engine, request: ActiveRequest): boolean {
  const { connection, state, cluster, generation, bytes, at, length } = request
  if (state !== RequestState.sent || !connection || connection.ids !== null || connection.mode === 'exclusive') {
    cancel(engine, request)
    return request.generation === generation
  }
  const has = !connection.out.withdraw(bytes, at, at + length)
  if (cluster) cluster.counters[C.upstream_rq_cancelled]!++
  connection.pending.remove(request)
  uncount(request, connection)
  forget(engine, request)
  connection.settled()
  return has
}
