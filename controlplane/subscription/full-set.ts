import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { permitted, type Recipient } from './compose.ts'
import type { TypeLog } from './type-log.ts'
import type { TypeState } from './type-state.ts'

/** The resources of a complete response, and whether all clients with this interest and position get the same. */
export interface FullSet {
  readonly resources: readonly Resource[]
  readonly shared: boolean
}

/** What a client of this class may have now in a full set, what it must not lose yet included. */
export function fullSet(to: Recipient, type: ResourceType, state: TypeState): FullSet {
  const log = to.log.of(type)
  const { verdicts } = to.log
  const published = log.all(state.interest)
  const { ghosts, own } = ghostsFor(log, state)
  if (!verdicts.any && !state.trials) {
    return { resources: ghosts.length > 0 ? [...published, ...ghosts] : published, shared: !own }
  }
  const instead = state.trials && whileOnTrial(to, type, state)
  let same = ghosts.length === 0
  const resources: Resource[] = []
  for (const resource of published) {
    const candidate = instead ? instead(resource) : resource
    // What others accepted this client may have refused.
    const one = candidate && verdicts.forClient(to.id, candidate)
    if (one !== resource) same = false
    if (one) resources.push(one)
  }
  // Not a list of each client's own, where it is what all of them have.
  const leaving = instead ? asHad(ghosts, state) : ghosts
  return { resources: same ? published : [...resources, ...permitted(to, leaving)], shared: false }
}

/** What went and stays in the set for now, and whether that is of this client alone. */
function ghostsFor(log: TypeLog, state: TypeState): { readonly ghosts: readonly Resource[]; readonly own: boolean } {
  const ghosts: Resource[] = []
  for (const name of log.pending(state.removed, state.interest).removals) {
    const ghost = log.last(name)
    if (ghost) ghosts.push(ghost)
  }
  const moved = state.gone ? [...state.gone.values()].filter((held): held is Resource => held !== undefined) : []
  const held = new Set(ghosts.map((ghost) => ghost.name))
  for (const ghost of moved) if (!held.has(ghost.name) && !log.visible(ghost.name, state.interest)) ghosts.push(ghost)
  const kept = ghosts.length > 0 ? ghosts.filter(({ name }) => mayHave(state, name)) : ghosts
  return { ghosts: kept, own: moved.length > 0 || kept.length < ghosts.length }
}

/** Whether a client would lose something if this name were missing: what it refused along with something else it never had. */
function mayHave(state: TypeState, name: string): boolean {
  const { has, inFlight } = state
  return isUnknown(state) || inFlight.length > 0 || (has !== undefined && byName(has).has(name))
}

/** Whether the client has something that nobody knows: what it is not sent it may lose. */
export function isUnknown({ has, resumed }: TypeState): boolean {
  return has === undefined && resumed
}

/**
 * What is sent of each resource while the culprit of a refused set is searched: what is not on trial the client has as it has it now. Anything new
 * beside what is on trial, also what it gets in place of a culprit that was found, could be refused, and what is on trial be blamed for it.
 */
function whileOnTrial(
  to: Recipient,
  type: ResourceType,
  state: TypeState,
): (resource: Resource) => Resource | undefined {
  const [tried = [], ...others] = state.trials!
  const withheld = new Set(others.flat())
  for (const name of to.log.of(type).pending(state.upserted, state.interest).upserts) withheld.add(name)
  const onTrial = new Set(tried)
  const { verdicts } = to.log
  const has = isUnknown(state) ? undefined : byName(state.has ?? [])
  return (resource) => {
    const { name, version } = resource
    if (onTrial.has(name)) return resource
    if (!has) return withheld.has(name) ? verdicts.lastAccepted(type, name, version) : resource
    const had = has.get(name)
    if (had || withheld.has(name)) return had
    // What it asked for meanwhile, but for a culprit that it never had.
    return verdicts.forClient(to.id, resource) === resource ? resource : undefined
  }
}

/** What went as the client has it: a version it was never sent would be on trial, too. */
function asHad(ghosts: readonly Resource[], state: TypeState): readonly Resource[] {
  if (isUnknown(state)) return ghosts
  const has = byName(state.has ?? [])
  return ghosts.flatMap(({ name }) => has.get(name) ?? [])
}

let last: { readonly set: readonly Resource[]; readonly named: ReadonlyMap<string, Resource> } | undefined

/** Clients in the same state have the same set, and they are served one after the other. */
function byName(set: readonly Resource[]): ReadonlyMap<string, Resource> {
  if (last?.set !== set) last = { set, named: new Map(set.map((resource) => [resource.name, resource])) }
  return last.named
}

/** Whether a search has left the client without something that it may have: what it gets in place of a culprit that it never had. */
export function lacksSomething(to: Recipient, type: ResourceType, state: TypeState): boolean {
  const has = byName(state.has ?? [])
  return fullSet(to, type, state).resources.some(({ name }) => !has.has(name))
}

/** Whether a client has just what it would be sent. */
export function hasAll(to: Recipient, type: ResourceType, state: TypeState): boolean {
  if (!state.has || state.trials) return false
  const { resources } = fullSet(to, type, state)
  return resources.length === state.has.length && newIn(resources, state).length === 0
}

/** What of a set is new to a client: it accepted the others already, as they are. */
export function newIn(set: readonly Resource[], { has }: TypeState): readonly Resource[] {
  if (!has) return set
  const known = byName(has)
  return set.filter(({ name, version }) => known.get(name)?.version !== version)
}
