import { clock } from '../turn.ts'
import type { Requests } from './requests.ts'

/** Resolution in ms: nothing fires early, and at most this late. */
export const tickMs = 16
const buckets = 4096
/** `due` of a slot that was taken out to be fired in this very step. */
const firing = -1

/**
 * One timer per slot of `Requests`, as linked lists in buckets of a wheel; a slot that is due later than one round stays for the next.
 * A timer that is cleared or set to a later time leaves its slot where it is: nearly every request is answered long before its deadline and
 * its slot soon used again, so that the lists change once in a deadline and not twice for each message.
 */
export class TimerWheel {
  readonly #requests: Requests
  readonly #heads = new Int32Array(buckets).fill(-1)
  readonly #fire: (slot: number) => void
  readonly #start = performance.now()
  readonly #scratch: number[] = []
  #tick = 0
  /** Slots in the lists, with a timer or not. */
  #linked = 0
  /** Timers that are set. */
  count = 0

  constructor(requests: Requests, fire: (slot: number) => void) {
    this.#requests = requests
    this.#fire = fire
  }

  /** (Re)sets the slot's timer to `at`, ms of the turn's clock. */
  set(slot: number, at: number): void {
    const r = this.#requests
    if (r.timer[slot] === 0) this.count++
    r.timer[slot] = at
    const due = r.due[slot]!
    const tick = Math.max(this.#tick + 1, Math.ceil((at - this.#start) / tickMs))
    if (due > 0) {
      if (due <= tick) return
      this.#unlink(slot, due)
    }
    this.#link(slot, tick)
  }

  clear(slot: number): void {
    const { timer } = this.#requests
    if (timer[slot] === 0) return
    timer[slot] = 0
    this.count--
  }

  #link(slot: number, tick: number): void {
    const r = this.#requests
    const bucket = tick & (buckets - 1)
    const head = this.#heads[bucket]!
    r.due[slot] = tick
    r.wheelPrevious[slot] = -1
    r.wheelNext[slot] = head
    if (head >= 0) r.wheelPrevious[head] = slot
    this.#heads[bucket] = slot
    this.#linked++
  }

  #unlink(slot: number, due: number): void {
    const r = this.#requests
    const next = r.wheelNext[slot]!
    const previous = r.wheelPrevious[slot]!
    if (previous >= 0) r.wheelNext[previous] = next
    else this.#heads[due & (buckets - 1)] = next
    if (next >= 0) r.wheelPrevious[next] = previous
    r.due[slot] = 0
    this.#linked--
  }

  /** Fires everything due by the turn's clock. */
  advance(): void {
    const r = this.#requests
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
      let slot = this.#heads[bucket]!
      if (slot < 0) continue
      // Firing may set and clear timers of other slots, so the bucket is taken apart first.
      let found = 0
      while (slot >= 0) {
        const next = r.wheelNext[slot]!
        const due = r.due[slot]!
        if (due <= tick) {
          this.#unlink(slot, due)
          r.due[slot] = firing
          this.#scratch[found++] = slot
        }
        slot = next
      }
      for (let i = 0; i < found; i++) this.#visit(this.#scratch[i]!, tick)
    }
  }

  #visit(slot: number, tick: number): void {
    const r = this.#requests
    // Set anew by what another timer of this tick did.
    if (r.due[slot] !== firing) return
    r.due[slot] = 0
    const at = r.timer[slot]!
    if (at === 0) return
    const wanted = Math.ceil((at - this.#start) / tickMs)
    if (wanted > tick) {
      this.#link(slot, wanted)
      return
    }
    r.timer[slot] = 0
    this.count--
    this.#fire(slot)
  }
}
