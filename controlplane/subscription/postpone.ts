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

/**
 * Takes the removals that go now; those that wait for the answer to these stay in `state.gone`.
 * @param gone what the log says is gone, before what is in `state.gone`
 * @param most how many go at once; undefined: all
 */
export function removedNow(
  state: Pick<TypeState, 'gone'>,
  gone: readonly string[],
  most: number | undefined,
): readonly string[] {
  if (!state.gone && (most === undefined || gone.length <= most)) return gone
  let left = state.gone
  if (gone.length > 0) {
    left = new Map(gone.map((name) => [name, undefined]))
    for (const name of state.gone?.keys() ?? []) left.set(name, undefined)
  }
  if (!left || most === undefined || left.size <= most) {
    state.gone = undefined
    return left ? [...left.keys()] : []
  }
  // Not copied: who comes back with a hundred thousand clusters that are gone takes them in some thousand turns.
  const now: string[] = []
  for (const name of left.keys()) {
    if (now.length === most) break
    now.push(name)
    left.delete(name)
  }
  state.gone = left
  return now
}
