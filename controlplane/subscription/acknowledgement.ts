import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { isFullSet, recipientOf } from './compose.ts'
import type { Exchanges } from './exchanges.ts'
import type { Frame } from './frames.ts'
import { lacksSomething } from './full-set.ts'
import type { Parts } from './parts.ts'
import { MOST_ERROR_TEXT, refuse } from './refuse.ts'
import type { DiscoveryRequest, ErrorDetail } from './request.ts'
import { answerTrial } from './trials.ts'
import { type Nack, NONE_IN_FLIGHT, type TypeState, UNAVAILABLE } from './type-state.ts'
import type { Verdicts } from './verdicts.ts'

/** What a request meant, for counters, logs and status. */
export type Received =
  | { readonly kind: 'subscribed' | 'ack' | 'expired' }
  | { readonly kind: 'nack'; readonly frame: Frame; readonly culprits: readonly Resource[] }

/**
 * The part of a request that answers a response: what it accepts or refuses, of this response and of those before it.
 * @param now ms
 * @returns `subscribed` when it answers nothing, `expired` when it answers what is not waited for
 */
export function acknowledge(
  parts: Parts,
  exchanges: Exchanges,
  type: ResourceType,
  state: TypeState,
  request: DiscoveryRequest,
  now: number,
): Received {
  const { nonce, error } = request
  if (nonce === '' || nonce === state.lastAnswered) {
    // What could not be in force when it came is now, or other parts of it are.
    if (nonce !== '' && type === 'mlds' && state.nack?.code === UNAVAILABLE)
      state.nack = error && unavailable(nonce, error, now)
    return { kind: 'subscribed' }
  }
  const { inFlight } = state
  const index = inFlight.findIndex((one) => one.frame.nonce === nonce)
  if (index < 0) return { kind: 'expired' }
  const { frame } = inFlight[index]!
  state.inFlight = index === inFlight.length - 1 ? NONE_IN_FLIGHT : inFlight.slice(index + 1)
  const { id, form } = parts.options
  const full = isFullSet(form, type)
  const { verdicts } = parts.log
  // Not the request's own, of which each stream would hold another.
  state.lastAnswered = frame.nonce
  exchanges.answered(frame, error?.message.slice(0, MOST_ERROR_TEXT), now)
  const refused = error !== undefined && !(type === 'mlds' && error.code === UNAVAILABLE)
  // Answers come in the order of the responses, so one also answers those before it.
  const taken = refused ? index : index + 1
  for (let which = 0; which < taken; which++) accepted(inFlight[which]!.frame, id, verdicts)
  if (full && taken > 0) state.has = inFlight[taken - 1]!.frame.upserts
  if (refused) return { kind: 'nack', frame, culprits: refuse(recipientOf(parts), state, frame, error, now) }
  state.lastAcked = frame.mark
  state.lastAckedAt = now
  if (state.trials && frame.serial === state.trial) {
    state.trials = answerTrial(state.trials, 'accepted')
    if (full && !state.trials) state.owedAll = lacksSomething(recipientOf(parts), type, state)
  }
  if (state.nack && !state.trials) state.nack = found(state.nack, type, id, verdicts)
  if (!error) return { kind: 'ack' }
  // The machine's fault and not the document's: nobody is to blame, and the client goes on trying.
  state.nack = unavailable(nonce, error, now)
  return { kind: 'nack', frame, culprits: [] }
}

/** Whether any response, of whatever type, still waits for its answer. */
export function anyUnanswered({ types }: Parts): boolean {
  return RESOURCE_TYPES.some((type) => types[type]?.inFlight.length)
}

function accepted(frame: Frame, client: string, verdicts: Verdicts): void {
  frame.acks++
  verdicts.accepted(client, frame)
}

function unavailable(nonce: string, { code, message }: ErrorDetail, at: number): Nack {
  return { nonce, code, message: message.slice(0, MOST_ERROR_TEXT), at, culprits: [] }
}

/** What is left of a refusal when something was accepted: whom it was about is known by now, if anybody still is refused. */
function found(nack: Nack, type: ResourceType, client: string, verdicts: Verdicts): Nack | undefined {
  if (!verdicts.refusing(client, new Set([type]))) return undefined
  if (nack.culprits.length > 0) return nack
  return { ...nack, culprits: [...verdicts.refused].flatMap((it) => (it.type === type ? [it.name] : [])) }
}
