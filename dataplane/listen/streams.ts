import type { Engine } from '../engine.ts'
import { cancel } from '../reply/outcome.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { ActiveRequest } from '../upstream/requests.ts'
import { Hold } from './hold.ts'

/**
 * The replies of several frames that a client is getting. A connection that serves such a reply alone is not read while the client cannot take
 * more. One that others share is read all the same: what the client does not take waits up to the limit of slow readers.
 */
export class Streams {
  readonly #open = new Set<ActiveRequest>()
  /** Connections whose reply has to wait for those before it, by its place. */
  readonly #behind = new Map<number, UpstreamConnection>()
  #paused = false

  /** The first frame of the request's reply is there. */
  begin(request: ActiveRequest): void {
    this.#open.add(request)
    if (this.#paused) pauseOne(request)
  }

  /** The request has its outcome. */
  end(request: ActiveRequest, connection: UpstreamConnection): void {
    this.#open.delete(request)
    if (connection.mode === 'exclusive') connection.release(Hold.slow)
  }

  /** Whether the client takes no more for now. */
  pause(paused: boolean): void {
    this.#paused = paused
    for (const request of this.#open) {
      if (paused) pauseOne(request)
      else if (request.connection!.mode === 'exclusive') request.connection!.release(Hold.slow)
    }
  }

  /** Enough came for the client in this turn. */
  holdThisTurn({ connection }: ActiveRequest): void {
    if (connection!.mode !== 'shared') connection!.holdThisTurn()
  }

  /** Enough of the request's reply is kept until its turn comes. */
  wait({ sequence, connection }: ActiveRequest): void {
    if (connection!.mode === 'shared') return
    this.#behind.set(sequence, connection!)
    connection!.hold(Hold.order)
  }

  /** The reply for this place is next. */
  turn(next: number): void {
    for (const [place, connection] of this.#behind) {
      if (place > next) continue
      this.#behind.delete(place)
      connection.release(Hold.order)
    }
  }

  /** The client is gone: nobody waits for the rest. */
  close(engine: Engine): void {
    for (const request of [...this.#open]) cancel(engine, request)
  }
}

/** Bound connections are paused with their client. */
function pauseOne({ connection }: ActiveRequest): void {
  if (connection!.mode === 'exclusive') connection!.hold(Hold.slow)
}
