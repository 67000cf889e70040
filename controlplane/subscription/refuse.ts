import type { Resource } from '../xds/resource.ts'
import { isFullSet, type Recipient } from './compose.ts'
import type { Frame } from './frames.ts'
import { isUnknown, newIn } from './full-set.ts'
import type { ErrorDetail } from './request.ts'
import { answerTrial, divide, groupsOf } from './trials.ts'
import { namesOf, owe, type TypeState } from './type-state.ts'

/** Texts are for people to read; Envoy's may repeat a whole message. */
export const MOST_ERROR_TEXT = 4096

/**
 * A client refused a response: finds who is to blame, or prepares to find out, and owes the client the rest of the batch.
 * @returns the resources to blame; empty while it is not known
 */
export function refuse(
  to: Recipient,
  state: TypeState,
  frame: Frame,
  error: ErrorDetail,
  now: number,
): readonly Resource[] {
  const { type } = frame
  const { verdicts } = to.log
  const message = error.message.slice(0, MOST_ERROR_TEXT)
  const full = isFullSet(to.form, type)
  const onTrial = state.trials && frame.serial === state.trial ? state.trials : undefined
  const suspects = full ? newIn(frame.upserts, state) : frame.upserts
  let culprits = verdicts.culprits(frame, message, suspects)
  if (culprits.length === 0 && onTrial?.[0]?.length === 1) {
    culprits = suspects.filter((resource) => resource.name === onTrial[0]![0])
  }
  const names = namesOf(culprits)
  state.nack = { nonce: frame.nonce, code: error.code, message, at: now, culprits: names }
  if (culprits.length > 0) {
    const served = verdicts.blame(to.id, culprits, message, frame, (resource) => to.log.holders(resource))
    const bad = new Set(names)
    if (state.trials) {
      const rest = state.trials
        .map((group) => group.filter((name) => !bad.has(name)))
        .filter((group) => group.length > 0)
      state.trials = rest.length > 0 ? rest : undefined
    }
    // Everything else in the batch is fine, but a client need not have taken any of it.
    if (full) state.owedAll = state.trials === undefined
    else if (!state.trials || !onTrial)
      owe(
        state,
        namesOf(frame.upserts).filter((name) => !bad.has(name)),
      )
    // What others go on getting does not change, and who is new has nothing else under the name.
    if (!full) owe(state, namesOf(served.filter((resource) => verdicts.forClient(to.id, resource))))
  } else if (full) state.trials = searchFullSet(to, state, frame, suspects)
  else if (onTrial) state.trials = answerTrial(onTrial, 'refused')
  else if (frame.upserts.length > 1) {
    const { fresh, others } = divide(frame.upserts, verdicts)
    state.trials = behind(state.trials, groupsOf(fresh.length > 0 ? fresh : others))
    if (fresh.length > 0) owe(state, others)
  }
  // What the response took away is as fine, and was refused with it. A trial takes nothing away.
  if (to.form === 'delta' && !onTrial && frame.upserts.length > 0) owe(state, frame.removed)
  return culprits
}

/**
 * What to try next of a full set that was refused and whose text names nobody. All of it is in each response, so what others accepted is
 * tried before anything is blamed: the set without what nobody accepted. If the client refuses that, too, it is among what others
 * accepted that this client finds its culprit, and nobody else is concerned.
 */
function searchFullSet(
  to: Recipient,
  state: TypeState,
  frame: Frame,
  suspects: readonly Resource[],
): string[][] | undefined {
  const onTrial = frame.serial === state.trial ? state.trials : undefined
  const canWait = (names: readonly string[]) => !isUnknown(state) || names.every((name) => hasAccepted(to, frame, name))
  // A full set without a name deletes it: without knowing an accepted version, a client that has one keeps it only so.
  if (onTrial) return canWait(onTrial[0]!) ? answerTrial(onTrial, 'refused') : undefined
  const { fresh, others } = divide(suspects, to.log.verdicts)
  const names = fresh.length > 0 ? fresh : others
  if (names.length === 0 || !canWait(names)) return state.trials
  const groups = groupsOf(names)
  return behind(state.trials, names === fresh && others.length > 0 ? [[...others], ...groups] : groups)
}

/** Groups to try when those of a search under way are through: what was asked for meanwhile is refused in a response of its own. */
function behind(first: readonly string[][] | undefined, groups: string[][]): string[][] {
  if (!first) return groups
  const known = new Set(first.flat())
  const added = groups.map((group) => group.filter((name) => !known.has(name))).filter((group) => group.length > 0)
  return [...first, ...added]
}

/** Whether something can be sent in place of what was refused. What was not sent needs nothing. */
function hasAccepted(to: Recipient, frame: Frame, name: string): boolean {
  const refused = frame.upserts.find((resource) => resource.name === name)
  return refused === undefined || to.log.verdicts.lastAccepted(frame.type, name, refused.version) !== undefined
}
