import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { Step } from './order.ts'
import type { Parts } from './parts.ts'
import { isAsked, type TypeState } from './type-state.ts'

/** How far a client is: what may be sent to it now, what has to wait, and until when. */
export class Progress {
  /** When to look again although nothing came from the client; undefined: no need. */
  wakeAt: number | undefined
  private readonly parts: Parts

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** Everything sent was answered, and nothing is left to send, also of what is not published yet. */
  settled(type: ResourceType): boolean {
    if (this.parts.log.stale) return false
    const state = this.parts.types[type]
    return !state || (state.inFlight.length === 0 && this.allSent(type, state))
  }

  /** Nothing is left to send, and nothing waits. */
  get rests(): boolean {
    for (let at = 0; at < RESOURCE_TYPES.length; at++) {
      const type = RESOURCE_TYPES[at]!
      const state = this.parts.types[type]
      if (state && (state.waitingSince !== undefined || !this.allSent(type, state))) return false
    }
    return true
  }

  /** Whether a push of this step may go now. */
  isOpen(step: Step, state: TypeState, now: number): boolean {
    if (this.isBusy(state, now)) return false
    return step.after.every((type) => {
      const other = this.parts.types[type]
      return !other || (!this.isBusy(other, now) && !other.trials && this.allUpdated(type, other))
    })
  }

  /** A response waits for its answer, not longer than it may. */
  isBusy(state: TypeState, now: number): boolean {
    const oldest = state.inFlight.find((one) => !this.isOver(one.sentAt, now))
    if (oldest) this.wake(oldest.sentAt + this.parts.options.ackTimeoutMs)
    return oldest !== undefined
  }

  /** Whether nothing of this type can make the client use what is about to be removed. */
  released(type: ResourceType): boolean {
    const state = this.parts.types[type]
    if (!state) return true
    const { verdicts } = this.parts.log
    if (verdicts.any && verdicts.refusing(this.parts.options.id, new Set([type]))) return false
    return this.allSent(type, state)
  }

  /** Whether the client was sent every change and addition of the type. */
  allUpdated(type: ResourceType, state: TypeState): boolean {
    return state.upserted === this.parts.log.of(type).position && !state.extra
  }

  /** Whether there is nothing of the type that the client should still hear, removals included. */
  allSent(type: ResourceType, state: TypeState): boolean {
    const { position } = this.parts.log.of(type)
    return this.allUpdated(type, state) && state.removed === position && !state.gone && !isAsked(state) && !state.trials
  }

  /** Whether the client was waited for long enough; times in ms. */
  isOver(since: number, now: number): boolean {
    return now - since >= this.parts.options.ackTimeoutMs
  }

  /** The client is to be looked at again by then (ms), if not earlier. */
  wake(at: number): void {
    if (this.wakeAt === undefined || at < this.wakeAt) this.wakeAt = at
  }
}
