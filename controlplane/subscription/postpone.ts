import type { ClassLog } from './class-log.ts'
import type { TypeState } from './type-state.ts'

/**
 * Clusters that are updated, or removed, in one response to a client that gets them on demand, unless it asked for them. Envoy
 * works about 1 ms on each, and asks for no cluster while one is warming: what a request needs meanwhile waits that long, and not
 * until all of the several hundred clusters are warm that a change may concern.
 */
export const CLUSTERS_AT_ONCE = 64

/**
 * Those of the names that are to be sent when the client has taken the others.
 * @param names what is to be sent
 * @param open whether an update may go now; if not, only what was asked for goes, and what the client never asks for
 */
export function postponed(
  names: ReadonlySet<string>,
  { owed, interest }: Pick<TypeState, 'owed' | 'interest'>,
  open: boolean,
  most: number,
): ReadonlySet<string> {
  const unasked: string[] = []
  const named: string[] = []
  for (const name of names) if (!owed?.has(name)) (interest.names.has(name) ? named : unasked).push(name)
  return new Set(open ? [...unasked, ...named].slice(most) : named)
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
