import type { ClassLog } from './class-log.ts'
import { isFullSet, recipientOf } from './compose.ts'
import { hasAll } from './full-set.ts'
import type { Parts } from './parts.ts'
import type { Progress } from './progress.ts'
import { owe } from './type-state.ts'

/** The first pause, and the longest, ms: an address is mostly free again when a program has ended, or when a person came. */
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 120_000

/**
 * Listeners that a client's machine did not let it open: an Envoy does not try again by itself. They are offered again, to this client
 * alone, after pauses that grow; nobody else is sent anything. Only such a client has one of these.
 */
export class OfferAgain {
  private pauseMs = FIRST_PAUSE_MS
  private at: number
  private isOffered = false

  constructor(now: number) {
    this.at = now + FIRST_PAUSE_MS
  }

  /** Something was refused: what was offered again is still not wanted. */
  refused(parts: Parts, now: number): void {
    if (!this.isOffered) return
    const state = parts.types.lds
    // Where nothing else was in the set that it did not have, the set without it would tell nothing.
    if (state?.owedAll && isFullSet(parts.options.form, 'lds') && hasAll(recipientOf(parts), 'lds', state))
      state.owedAll = false
    this.isOffered = false
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS)
    this.at = now + this.pauseMs
  }

  /** Owes the listeners to the client when their time has come. @returns whether there is still something to offer */
  look({ types, log, options }: Parts, progress: Pick<Progress, 'wake'>, now: number): boolean {
    const state = types.lds
    if (!state || !isUnable(log, options.id)) return false
    // Nothing else may be under way: of one answer the client says only whether it took all of it.
    const waits = now < this.at || state.inFlight.length > 0 || state.trials !== undefined
    if (waits) {
      progress.wake(Math.max(this.at, now + 1))
      return true
    }
    const names = log.verdicts.offerAgain(options.id)
    if (isFullSet(options.form, 'lds')) state.owedAll = true
    else owe(state, names)
    this.isOffered = true
    // Should no answer come, it is offered when something else is refused, or when the client connects anew.
    this.at = now + LONGEST_PAUSE_MS
    return true
  }
}

/** Whether there is something that a client's machine does not let it take. */
export function isUnable({ verdicts }: Pick<ClassLog, 'verdicts'>, client: string): boolean {
  return verdicts.any && verdicts.isUnable(client)
}
