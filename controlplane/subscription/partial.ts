import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { interestKey } from './answers.ts'
import { batchKey, leavingEndpoints, permitted, type Recipient, visible } from './compose.ts'
import { standInsFor } from './on-demand.ts'
import type { TypeLog } from './type-log.ts'
import { type TypeState, withoutHeld } from './type-state.ts'
import { nowhere } from './virtual-hosts.ts'

const NONE: readonly string[] = []

/** What a response that need not be complete is to hold. */
export interface Wanted {
  /** Everything the client is subscribed to. */
  readonly all: boolean
  /** Else these. */
  readonly names: ReadonlySet<string>
  /** What changed is sent too, not only what was asked for. */
  readonly push: boolean
  /** Removals may go in the same response, these first. */
  readonly gone: readonly string[] | undefined
  /** Positions the client is at: what is pushed to clients at the same positions is the same. */
  readonly from: string
  /** Clusters the client has just asked for. */
  readonly lately: ReadonlySet<string> | undefined
}

export interface PartialAnswer {
  readonly upserts: readonly Resource[]
  readonly removed: readonly string[]
  /** The same bytes serve all clients with this key; undefined: this one alone. */
  readonly key: string | undefined
  /** Clusters sent although they are gone: for a request on its way to them. They go once the client has its present routes. */
  readonly passing: readonly Resource[]
}

/** A response that names what it changes: every one of the delta form, and those of types that state-of-the-world clients get in parts. */
export function partialAnswer(to: Recipient, type: ResourceType, state: TypeState, wanted: Wanted): PartialAnswer {
  const { all, names, push, gone, lately } = wanted
  const { onDemand, verdicts } = to.log
  const log = to.log.of(type)
  const { interest } = state
  const present = all ? log.known(interest) : visible(to, type, state, names)
  let upserts = verdicts.any ? permitted(to, present) : present
  if (state.unread) upserts = withoutHeld(state, upserts)
  const leaving = leavingEndpoints(to, type, state)
  if (leaving.length > 0) upserts = [...upserts, ...leaving]
  const absent = absentOf(to, type, state, all, upserts === present ? undefined : upserts)
  const isNew = (name: string) => lately?.has(name) === true
  const { stay, pass } = standInsFor(type, absent, onDemand, isNew, (name) => interest.names.has(name))
  const openings = type === 'vhds' && absent.length > 0 ? new Set(onDemand?.virtualHosts?.openings()) : undefined
  const unknown = openings ? absent.filter((name) => !openings.has(name)).map(nowhere) : []
  const instead = [...stay, ...pass, ...unknown]
  if (instead.length > 0) upserts = [...upserts, ...instead]
  // A virtual host goes with its table; requests that are on their way through an old listener still need it.
  const leave = push && type !== 'vhds' ? gone : undefined
  const list = to.form === 'sotw' ? NONE : removals(absent, instead, leave, leave && departed(state, log))
  const key = upserts === present ? keyOf(state, upserts, list, wanted) : undefined
  return { upserts, removed: list, key, passing: pass }
}

/** Names that were to be removed beyond the log and are not there again. */
function departed({ gone, interest }: TypeState, log: TypeLog): readonly string[] {
  return gone ? [...gone.keys()].filter((name) => !log.visible(name, interest)) : NONE
}

/** What is absent and not stood in for, and more, each name once. */
function removals(
  absent: readonly string[],
  instead: readonly Resource[],
  ...more: readonly (readonly string[] | undefined)[]
): readonly string[] {
  const held = instead.length > 0 ? new Set(instead.map((resource) => resource.name)) : undefined
  const left = held ? absent.filter((name) => !held.has(name)) : absent
  return more.some((names) => names && names.length > 0)
    ? [...new Set([...left, ...more.flatMap((names) => names ?? [])])]
    : left
}

function keyOf(
  { interest }: TypeState,
  upserts: readonly Resource[],
  removed: readonly string[],
  { all, push, from }: Wanted,
): string {
  const id = interestKey(interest)
  return all && !push ? `all ${id}` : batchKey(upserts, removed, id, push ? from : '')
}

/** Names that are answered although there is nothing under them. @param sent what is sent, where it is not all that is present */
function absentOf(
  to: Recipient,
  type: ResourceType,
  state: TypeState,
  all: boolean,
  sent: readonly Resource[] | undefined,
): readonly string[] {
  const log = to.log.of(type)
  if (all && !sent) return log.absent(state.interest)
  const has = sent && new Set(sent.map((resource) => resource.name))
  const asked = all ? state.interest.names : (state.owed ?? NONE)
  return [...asked].filter((name) => (has ? !has.has(name) : !log.visible(name, state.interest)))
}
