import type { Resource } from '../xds/resource.ts'
import type { Reader } from './reader.ts'
import { FULL_SET_TYPES } from './response.ts'
import type { TypeLog } from './type-log.ts'
import type { TypeState } from './type-state.ts'

/**
 * Ids of the clients that have just this version of a resource: they accepted it, or came with it. Who has something of the type on its way
 * is not told of, unless that holds other resources.
 * @param log of the resource's type
 */
export function* holders(readers: Iterable<Reader>, resource: Resource, log: TypeLog): Generator<string> {
  const { type, name, version } = resource
  const isIt = (one: Resource) => one.name === name && one.version === version
  const isPublished = log.get(name)?.version === version
  // Clients in the same state have the same set.
  let set: readonly Resource[] | undefined
  let isInSet = false
  for (const reader of readers) {
    const state = reader.place(type)
    if (!state) continue
    if (reader.form === 'delta' || !FULL_SET_TYPES.has(type)) {
      if (isPublished && tookIt(state, name, log)) yield reader.id
      continue
    }
    if (state.has !== set) {
      set = state.has
      isInSet = set?.some(isIt) ?? false
    }
    if (isInSet) yield reader.id
  }
}

/** Whether what is published under the name was sent, and is neither to be sent again nor unanswered. */
function tookIt(state: TypeState, name: string, log: TypeLog): boolean {
  const { interest, upserted, owed, owedAll, extra, unread, trials, inFlight } = state
  if (!log.visible(name, interest) || log.changedAt(name) > upserted) return false
  if (owedAll || owed?.has(name) || extra?.has(name) || unread?.has(name)) return false
  if (trials?.some((group) => group.includes(name))) return false
  return !inFlight.some(({ frame }) => frame.upserts.some((one) => one.name === name))
}
