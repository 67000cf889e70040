import type { ClassLog } from './class-log.ts'
import type { TypeLog } from './type-log.ts'
import type { TypeState } from './type-state.ts'

/**
 * Those of the names that are to be sent when the client has taken the others: updates of what it has. What is new to it goes at
 * once, since a route to it may follow.
 * @param names what is to be sent
 * @param open whether an update may go now; if not, only what was asked for goes, and what the client never asks for
 */
export function postponed(
  names: ReadonlySet<string>,
  { owed, interest, upserted, extra, older }: Pick<TypeState, 'owed' | 'interest' | 'upserted' | 'extra' | 'older'>,
  log: Pick<TypeLog, 'existedAt'>,
  open: boolean,
  most: number,
): ReadonlySet<string> {
  const waits = (name: string) =>
    !owed?.has(name) &&
    interest.names.has(name) &&
    log.existedAt(upserted, name) &&
    (!extra?.has(name) || older?.has(name) === true)
  const updates = [...names].filter(waits)
  return new Set(open ? updates.slice(Math.max(0, most - (names.size - updates.length))) : updates)
}

/** The removals that go now, and those that wait for the answer to these. */
export function inTurns(
  log: Pick<ClassLog, 'onDemand'>,
  type: string,
  names: readonly string[],
  most: number,
): { readonly now: readonly string[]; readonly later: readonly string[] } {
  if (type !== 'cds' || !log.onDemand || names.length <= most) return { now: names, later: [] }
  return { now: names.slice(0, most), later: names.slice(most) }
}
