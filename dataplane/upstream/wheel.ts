import { clock } from '../turn.ts'
import type { Requests } from './requests.ts'

/** Resolution in ms: nothing fires early, and at most this late. */
export const tickMs = 16
const buckets = 4096
/** `due` of a slot that was taken out to be fired in this very step. */
const firing = -1

/** One timer per slot of `Requests`, as linked lists in buckets of a wheel; a slot that is due later than one round stays for the next. */
export class TimerWheel {
  readonly #requests: Requests
  readonly #heads = new Int32Array(buckets).fill(-1)
  readonly #fire: (slot: number) => void
  readonly #start = performance.now()
  readonly #scratch: number[] = []
  #tick = 0
  count = 0

  constructor(requests: Requests, fire: (slot: number) => void) {
    this.#requests = requests
    this.#fire = fire
  }

  /** (Re)sets the slot's timer to `at`, ms of the turn's clock. */
  set(slot: number, at: number): void {
    const r = this.#requests
    if (r.due[slot] !== 0) this.clear(slot)
    const tick = Math.max(this.#tick + 1, Math.ceil((at - this.#start) / tickMs))
    const bucket = tick & (buckets - 1)
    const head = this.#heads[bucket]!
    r.due[slot] = tick
    r.wheelPrevious[slot] = -1
    r.wheelNext[slot] = head
    if (head >= 0) r.wheelPrevious[head] = slot
    this.#heads[bucket] = slot
    this.count++
  }

  clear(slot: number): void {
    const r = this.#requests
    const due = r.due[slot]!
    if (due === 0) return
    if (due === firing) {
      r.due[slot] = 0
      return
    }
    const next = r.wheelNext[slot]!
    const previous = r.wheelPrevious[slot]!
    if (previous >= 0) r.wheelNext[previous] = next
    else this.#heads[due & (buckets - 1)] = next
    if (next >= 0) r.wheelPrevious[next] = previous
    r.due[slot] = 0
    this.count--
  }

  /** Fires everything due by the turn's clock. */
  advance(): void {
    const r = this.#requests
    const target = Math.floor((clock.now - this.#start) / tickMs)
    if (this.count === 0) {
      this.#tick = Math.max(this.#tick, target)
      return
    }
    // After a long stall one round visits every bucket.
    if (target - this.#tick > buckets) this.#tick = target - buckets
    while (this.#tick < target) {
      const tick = ++this.#tick
      const bucket = tick & (buckets - 1)
      let slot = this.#heads[bucket]!
      if (slot < 0) continue
      // Firing may set and clear timers of other slots, so the bucket is taken apart first.
      let found = 0
      while (slot >= 0) {
        const next = r.wheelNext[slot]!
        if (r.due[slot]! <= tick) {
          this.clear(slot)
          r.due[slot] = firing
          this.#scratch[found++] = slot
        }
        slot = next
      }
      for (let i = 0; i < found; i++) {
        const due = this.#scratch[i]!
        if (r.due[due] !== firing) continue
        r.due[due] = 0
        this.#fire(due)
      }
    }
  }
}
