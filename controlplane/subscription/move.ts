import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import type { ClassLog } from './class-log.ts'
import { newInterest } from './interest.ts'
import type { TypeState } from './type-state.ts'

const NONE: readonly string[] = []

/**
 * Takes one type of a client from one class to another. Positions of one log mean nothing in another, so what differs between
 * what the client holds and what the other class has becomes its exceptions.
 */
export function moveState(type: ResourceType, state: TypeState, before: ClassLog, after: ClassLog): void {
  const { interest } = state
  const from = before.of(type)
  const unsent = new Set([...from.pending(state.upserted, interest).upserts, ...(state.extra ?? NONE)])
  const unremoved = [...from.pending(state.removed, interest).removals, ...(state.gone?.keys() ?? NONE)]
  const held = new Map(from.all(interest).map((resource) => [resource.name, resource]))
  for (const name of unremoved) {
    const last = from.last(name) ?? state.gone?.get(name)
    if (last) held.set(name, last)
    unsent.add(name)
  }
  after.track(type, {
    before: newInterest(type),
    interest,
    added: [...interest.names],
    dropped: NONE,
    asked: NONE,
    askedAll: false,
  })
  const to = after.of(type)
  const extra = new Set<string>()
  const gone = new Map<string, Resource | undefined>()
  // What a client came back with and was to be told to be gone: nobody knows what it has under these names.
  for (const name of unremoved) if (!to.visible(name, interest)) gone.set(name, undefined)
  for (const [name, resource] of held) if (!to.visible(name, interest)) gone.set(name, resource)
  for (const { name, version } of to.all(interest)) {
    if (unsent.has(name) || held.get(name)?.version !== version) extra.add(name)
  }
  state.upserted = state.removed = to.position
  state.extra = extra.size > 0 ? extra : undefined
  // What was not sent yet may be new to the client.
  state.older = state.extra && new Set([...extra].filter((name) => held.has(name) && !unsent.has(name)))
  state.gone = gone.size > 0 ? gone : undefined
}
