import type { CompiledRoute } from '../route/compile.ts'
import { R } from '../stats/counters.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'

/** What a client says at the start is kept for other upstreams, up to here. */
const mostBytes = 64 * 1024

/** A frame of a handshake, and how many frames of the upstream's part must have come before it. */
export interface Greeting {
  readonly bytes: Uint8Array
  readonly after: number
}

/**
 * The session of a client whose protocol begins with a handshake. Its first frames went to one upstream, its home; an upstream that a route
 * names later hears them, too, in the same steps and before anything else. Its part of the handshake is dropped: the client has had that of its
 * home.
 */
export class Session {
  readonly home: UpstreamConnection
  /** The home spoke first: whatever the client says goes there, and without it there is no client. */
  readonly fixed: boolean
  /** The route that took the handshake; messages without a route of their own go where it led. */
  readonly route: CompiledRoute
  readonly greetings: Greeting[] = []
  /** Frames of its part that came from the home. */
  heard = 0
  #bytes = 0
  #said = 0
  #responses = 0

  constructor(home: UpstreamConnection, route: CompiledRoute, fixed = false) {
    this.home = home
    this.route = route
    this.fixed = fixed
    // Its first word may look like an answer.
    if (fixed) this.#said = 1
  }

  /** A frame of the handshake, on its way to the home. */
  greet(b: Uint8Array, at: number, length: number): void {
    this.#bytes += length
    this.#said++
    if (this.repeatable) this.greetings.push({ bytes: b.slice(at, at + length), after: this.heard })
    this.home.out.push(b, at, at + length)
  }

  /**
   * Whether a response of the home that no request waits for is its answer to the handshake: one for each frame of the client's part, where all it said
   * were responses. What calls its part a handshake needs none.
   */
  takeAnswer(): boolean {
    if (!this.awaitsAnswer) return false
    this.#responses++
    return true
  }

  get awaitsAnswer(): boolean {
    return this.#responses === this.heard && this.heard < this.#said
  }

  /** Whether another upstream can be greeted: not when the handshake was too long to keep. */
  get repeatable(): boolean {
    return !this.fixed && this.#bytes <= mostBytes
  }
}

/** Whether a route's filters turn a frame away that cannot be answered. */
export function refuses(route: CompiledRoute, b: Uint8Array, at: number, length: number): boolean {
  const { counters } = route.state
  counters[R.rq_total]!++
  if (!route.filtered) return false
  for (const limiter of route.limiters) {
    if (!limiter.applies(b, at, length) || limiter.allow(b, at, length)) continue
    counters[R.rq_rate_limited]!++
    return true
  }
  const { reply, faults } = route
  if (!reply && !(faults?.take() && faults.hits[1])) return false
  if (!reply) counters[R.rq_fault]!++
  return true
}
