import type { Resource } from '../xds/resource.ts'
import { isFullSet, type Recipient } from './compose.ts'
import type { Frame } from './frames.ts'
import type { ErrorDetail } from './request.ts'
import { answerTrial, startTrials } from './trials.ts'
import { owe, type TypeState } from './type-state.ts'

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
  if (isFullSet(to.form, type) && !state.resumed) doubt(to, state, frame)
  const onTrial = state.trials && frame.serial === state.trial ? state.trials : undefined
  let culprits = verdicts.culprits(frame, message)
  if (culprits.length === 0 && onTrial?.[0]?.length === 1) {
    culprits = frame.upserts.filter((resource) => resource.name === onTrial[0]![0])
  }
  const names = culprits.map((resource) => resource.name)
  state.nack = { nonce: frame.nonce, code: error.code, message, at: now, culprits: names }
  if (culprits.length > 0) {
    verdicts.blame(to.id, culprits, message, frame)
    const bad = new Set(names)
    if (state.trials) {
      const rest = state.trials
        .map((group) => group.filter((name) => !bad.has(name)))
        .filter((group) => group.length > 0)
      state.trials = rest.length > 0 ? rest : undefined
    }
    // Everything else in the batch is fine, but a client need not have taken any of it.
    if (isFullSet(to.form, type)) state.owedAll = state.trials === undefined
    else if (!state.trials || !onTrial) {
      const rest = frame.upserts.filter((resource) => !bad.has(resource.name))
      owe(
        state,
        rest.map((resource) => resource.name),
      )
    }
  } else if (onTrial) state.trials = answerTrial(onTrial, 'refused')
  else if (frame.upserts.length > 1) {
    const { trials, others } = startTrials(frame.upserts, verdicts)
    // A full set without a name deletes it: without knowing an accepted version, a client that has one keeps it only so.
    const safe =
      !isFullSet(to.form, type) || !state.resumed || trials.flat().every((name) => hasAccepted(to, frame, name))
    if (safe) {
      state.trials = behind(state.trials, trials)
      if (!isFullSet(to.form, type)) owe(state, others)
    }
  }
  // What the response took away is as fine, and was refused with it. A trial takes nothing away.
  if (to.form === 'delta' && !onTrial && frame.upserts.length > 0) owe(state, frame.removed)
  return culprits
}

/** Groups to try when those of a search under way are through: what was asked for meanwhile is refused in a response of its own. */
function behind(first: readonly string[][] | undefined, groups: string[][]): string[][] {
  if (!first) return groups
  const known = new Set(first.flat())
  const added = groups.map((group) => group.filter((name) => !known.has(name))).filter((group) => group.length > 0)
  return [...first, ...added]
}

/** What nobody has accepted of a refused full set, the client need not have: it is not kept for it once it is gone. */
function doubt(to: Recipient, state: TypeState, frame: Frame): void {
  state.doubted ??= new Map()
  for (const resource of frame.upserts)
    if (!to.log.verdicts.isAccepted(resource)) state.doubted.set(resource.name, resource.version)
}

function hasAccepted(to: Recipient, frame: Frame, name: string): boolean {
  const refused = frame.upserts.find((resource) => resource.name === name)
  return refused !== undefined && to.log.verdicts.lastAccepted(frame.type, name, refused.version) !== undefined
}
