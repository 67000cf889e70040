import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { batchKey, leavingEndpoints, permitted, type Recipient, visible } from './compose.ts'
import { standInsFor } from './on-demand.ts'
import { interestKey } from './type-log.ts'
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
  const { stay, pass } = standInsFor(type, absent, onDemand, (name) => lately?.has(name) === true)
  const openings = type === 'vhds' && absent.length > 0 ? new Set(onDemand?.virtualHosts?.openings()) : undefined
  const unknown = openings ? absent.filter((name) => !openings.has(name)).map(nowhere) : []
  const instead = [...stay, ...pass, ...unknown]
  if (instead.length > 0) upserts = [...upserts, ...instead]
  const held = new Set(instead.map((resource) => resource.name))
  const removed = new Set(absent.filter((name) => !held.has(name)))
  // A virtual host goes with its table; requests that are on their way through an old listener still need it.
  if (push && gone && type !== 'vhds') {
    for (const name of gone) removed.add(name)
    for (const name of state.gone?.keys() ?? NONE) if (!log.visible(name, interest)) removed.add(name)
  }
  const list = to.form === 'sotw' ? NONE : [...removed]
  const key = upserts === present ? keyOf(state, upserts, list, wanted) : undefined
  return { upserts, removed: list, key, passing: pass }
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
