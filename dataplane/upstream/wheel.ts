import { clock } from '../turn.ts'
import type { ActiveRequest } from './requests.ts'

/** Resolution in ms: nothing fires early, and at most this late. */
export const tickMs = 16
const buckets = 4096
/** `due` of a request that was taken out to be fired in this very step. */
const firing = -1

/**
 * One timer for each request, as linked lists in buckets of a wheel; a request that is due later than one round stays for the next.
 * A timer that is cleared or set to a later time leaves its request where it is: nearly every request is answered long before its deadline and
 * the object soon used again, so that the lists change once in a deadline and not twice for each message.
 */
export class TimerWheel {
  readonly #heads: (ActiveRequest | null)[] = Array.from({ length: buckets }, () => null)
  readonly #fire: (request: ActiveRequest) => void
  readonly #start = performance.now()
  readonly #scratch: ActiveRequest[] = []
  #tick = 0
  /** Requests in the lists, with a timer or not. */
  #linked = 0
  /** Timers that are set. */
  count = 0

  constructor(fire: (request: ActiveRequest) => void) {
    this.#fire = fire
  }

  /** (Re)sets the request's timer to `at`, ms of the turn's clock. */
  set(request: ActiveRequest, at: number): void {
    if (request.timer === 0) this.count++
    request.timer = at
    const { due } = request
    const tick = Math.max(this.#tick + 1, Math.ceil((at - this.#start) / tickMs))
    if (due > 0) {
      if (due <= tick) return
      this.#unlink(request, due)
    }
    this.#link(request, tick)
  }

  /** The request's time limit holds no more. */
  clear(request: ActiveRequest): void {
    if (request.timer === 0) return
    request.timer = 0
    this.count--
  }

  #link(request: ActiveRequest, tick: number): void {
    const bucket = tick & (buckets - 1)
    const head = this.#heads[bucket] ?? null
    request.due = tick
    request.wheelPrevious = null
    request.wheelNext = head
    if (head) head.wheelPrevious = request
    this.#heads[bucket] = request
    this.#linked++
  }

  #unlink(request: ActiveRequest, due: number): void {
    const { wheelNext: next, wheelPrevious: previous } = request
    if (previous) previous.wheelNext = next
    else this.#heads[due & (buckets - 1)] = next
    if (next) next.wheelPrevious = previous
    request.due = 0
    this.#linked--
  }

  /** Fires everything due by the turn's clock. */
  advance(): void {
    const target = Math.floor((clock.now - this.#start) / tickMs)
    if (this.#linked === 0) {
      this.#tick = Math.max(this.#tick, target)
      return
    }
    // After a long stall one round visits every bucket.
    if (target - this.#tick > buckets) this.#tick = target - buckets
    while (this.#tick < target) {
      const tick = ++this.#tick
      const bucket = tick & (buckets - 1)
      let request = this.#heads[bucket] ?? null
      // Firing may set and clear timers of other requests, so the bucket is taken apart first.
      let found = 0
      while (request) {
        const { wheelNext: next, due }: ActiveRequest = request
        if (due <= tick) {
          this.#unlink(request, due)
          request.due = firing
          this.#scratch[found++] = request
        }
        request = next
      }
      for (let i = 0; i < found; i++) this.#visit(this.#scratch[i]!, tick)
    }
  }

  #visit(request: ActiveRequest, tick: number): void {
    // Set anew by what another timer of this tick did.
    if (request.due !== firing) return
    request.due = 0
    const at = request.timer
    if (at === 0) return
    const wanted = Math.ceil((at - this.#start) / tickMs)
    if (wanted > tick) {
      this.#link(request, wanted)
      return
    }
    request.timer = 0
    this.count--
    this.#fire(request)
  }
}
