import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { interestKey } from './answers.ts'
import type { ClassLog } from './class-log.ts'
import { batchKey, isFullSet, permitted, recipientOf, visible } from './compose.ts'
import { Dependents } from './dependents.ts'
import { Exchanges } from './exchanges.ts'
import { buildFrames, type Frame } from './frames.ts'
import { fullSet } from './full-set.ts'
import type { OfferAgain } from './offer-again.ts'
import { past } from './on-demand.ts'
import { ORDER, type Step, USES_OTHERS } from './order.ts'
import { partialAnswer } from './partial.ts'
import type { ClientOptions, Parts } from './parts.ts'
import { postponed, removedNow } from './postpone.ts'
import { Progress } from './progress.ts'
import { FULL_SET_TYPES } from './response.ts'
import { answerTrial, giveUpTrials } from './trials.ts'
import { isAsked, owesAllNames, sent, type TypeState, wantedNames } from './type-state.ts'

const USERS = [...USES_OTHERS]
const NONE: readonly string[] = []
const NO_FRAMES: readonly Frame[] = []
const NO_NAMES: ReadonlySet<string> = new Set()

/** What is written in one go. */
interface Flight {
  /** ms */
  readonly now: number
  /** A request of the client is to be answered: what the answer points to goes out before it, without waiting its turn. */
  readonly flush: boolean
  /** In the order they are written. */
  readonly frames: Frame[]
}

/**
 * What one client is written: the steps of the order, each as far as the answers of the client allow. It is also what the parts of the client
 * share, so that a stream at rest has one object less.
 */
export class Outgoing implements Parts {
  readonly options: ClientOptions
  readonly types: Partial<Record<ResourceType, TypeState>> = {}
  log: ClassLog
  readonly exchanges = new Exchanges()
  readonly progress: Progress
  readonly dependents: Dependents
  /** It kept its class waiting too long; nobody waits for it again until it has answered everything. */
  late = false
  /** While its machine keeps it from opening a listener. */
  again: OfferAgain | undefined
  /** Clusters asked for since clusters were last sent; of those a client names when it comes back, what it may be waiting for. */
  lately: ReadonlySet<string> | undefined

  constructor(log: ClassLog, options: ClientOptions) {
    this.log = log
    this.options = options
    this.progress = new Progress(this)
    this.dependents = new Dependents(this)
  }

  /** What to write now, in this order and in one flight. Call it when the transport can take it, and only then. */
  flow(now: number): readonly Frame[] {
    this.progress.wakeAt = undefined
    if (this.again !== undefined && !this.again.look(this, this.progress, now)) this.again = undefined
    // Nearly all calls are for an acknowledgement of the last there was to say.
    if (this.progress.rests) return NO_FRAMES
    // A client's own request is answered at once; what the answer points to must be there before it.
    const flush = USERS.some((type) => {
      const state = this.types[type]
      return (
        state && (isAsked(state) || (state.waitingSince !== undefined && this.progress.isOver(state.waitingSince, now)))
      )
    })
    const flight: Flight = { now, flush, frames: [] }
    for (let at = 0; at < ORDER.length; at++) {
      const step = ORDER[at]!
      const state = this.types[step.type]
      if (!state) continue
      if (step.upsert) this.update(step, state, flight)
      else this.remove(step, state, flight)
    }
    // Children that stand before their parent in the order.
    for (let at = 0; at < ORDER.length; at++) {
      const step = ORDER[at]!
      const state = this.types[step.type]
      if (state?.owed && step.upsert) this.update(step, state, { ...flight, flush: false })
    }
    return flight.frames
  }

  private update(step: Step, state: TypeState, flight: Flight): void {
    const { type } = step
    const { now, flush } = flight
    const log = this.log.of(type)
    const changed = log.pending(state.upserted, state.interest).upserts
    const gone = step.remove ? log.pending(state.removed, state.interest).removals : NONE
    const waits =
      changed.length > 0 || gone.length > 0 || state.extra !== undefined || (step.remove && state.gone !== undefined)
    if (!waits) {
      state.upserted = log.position
      if (step.remove) state.removed = log.position
      state.waitingSince = undefined
    }
    let open = waits && !state.trials && this.progress.isOpen(step, state, now)
    let push = open || (waits && !state.trials && flush && !USES_OTHERS.has(type))
    if (waits && !push) {
      state.waitingSince ??= now
      push = open = this.progress.isOver(state.waitingSince, now)
      if (now - state.waitingSince >= this.options.paceMs) this.late = true
      else this.progress.wake(state.waitingSince + this.options.paceMs)
      if (push) giveUpTrials(state)
      else this.progress.wake(state.waitingSince + this.options.ackTimeoutMs)
    }
    if (push) state.waitingSince = undefined
    if (push || isAsked(state)) this.send(step, state, push && (open ? 'open' : 'flush'), changed, gone, flight)
    if (state.trials && !isAsked(state) && state.inFlight.length === 0) this.sendTrial(type, state, flight)
  }

  private send(
    step: Step,
    state: TypeState,
    push: false | 'open' | 'flush',
    changed: readonly string[],
    gone: readonly string[],
    flight: Flight,
  ): void {
    const { type } = step
    const log = this.log.of(type)
    const { interest } = state
    const full = isFullSet(this.options.form, type)
    const all = state.owedAll || owesAllNames(state)
    const wanted = all ? NO_NAMES : wantedNames(state, push || full ? changed : undefined)
    const divides = push && !all && type === 'cds' && this.log.onDemand
    const later = divides ? postponed(wanted, state, log, push === 'open', this.options.clustersAtOnce) : NO_NAMES
    const names = later.size > 0 ? without(wanted, later) : wanted
    // What a full set leaves out does not exist: an empty one tells a client so at once, where silence costs it its timeout.
    const mustAnswer = state.mustAnswer || (state.owedAll && interest.wildcard) || (full && isAsked(state))
    // Clients at the same position are told the same only where nothing but the position says what.
    const from = state.extra || state.owed || state.gone ? '' : `${state.upserted} ${state.removed}`

    let upserts: readonly Resource[]
    let removed: readonly string[] = NONE
    let key: string | undefined
    if (full) {
      if (step.remove) {
        state.removed = log.position
        state.gone = undefined
      }
      const set = fullSet(recipientOf(this), type, state)
      upserts = set.resources
      key = set.shared ? `full ${interestKey(interest)} ${state.removed}` : undefined
    } else {
      const answer = partialAnswer(recipientOf(this), type, state, {
        all,
        names,
        push: push !== false,
        gone: step.remove ? gone : undefined,
        from,
        lately: this.lately,
      })
      ;({ upserts, removed, key } = answer)
      if (type === 'cds') this.lately = undefined
      const { passing } = answer
      if (passing.length > 0) {
        state.gone = new Map([...(state.gone ?? []), ...passing.map((one) => [one.name, one] as const)])
        state.removeAfter = flight.now + this.options.settleMs
      }
    }

    state.owed = undefined
    state.owedAll = false
    state.mustAnswer = false
    if (push || full || all) {
      state.upserted = log.position
      state.extra = later.size > 0 ? new Set(later) : undefined
      state.older = later.size > 0 ? later : undefined
    }
    if (step.remove && (push || full)) {
      state.removed = log.position
      state.gone = undefined
    }
    const silent =
      upserts.length === 0 && removed.length === 0 && !mustAnswer && !(full && (state.served || state.resumed))
    if (silent) return
    this.emit(type, state, key, upserts, removed, flight)
    this.dependents.oweChildren(full && !all ? upserts.filter((resource) => names.has(resource.name)) : upserts)
  }

  /** The removals that had to wait until nothing uses the resources any more. */
  private remove(step: Step, state: TypeState, flight: Flight): void {
    const { type } = step
    const { now } = flight
    const log = this.log.of(type)
    const { interest } = state
    const gone = log.pending(state.removed, interest).removals
    const isAny = gone.length > 0 || state.gone !== undefined
    if (isAny && !(this.options.form === 'sotw' && !FULL_SET_TYPES.has(type))) {
      if (now < state.removeAfter) {
        this.progress.wake(state.removeAfter)
        return
      }
      // From the newest: whatever came before it, this one may still make the client use what is to go.
      const unanswered = [type, ...step.after].flatMap((other) => this.types[other]?.inFlight.at(-1)?.sentAt ?? [])
      const patience = Math.max(...unanswered) + this.options.removalTimeoutMs
      if (unanswered.length > 0 && now < patience) {
        this.progress.wake(patience)
        return
      }
      const free = !isAsked(state) && this.progress.allUpdated(type, state)
      if (!free || !step.after.every((other) => this.progress.released(other))) return
    }
    const names = removedNow(state, gone, type === 'cds' && this.log.onDemand ? this.options.clustersAtOnce : undefined)
    state.removed = log.position
    if (names.length === 0) return
    if (isFullSet(this.options.form, type)) {
      const { resources, shared } = fullSet(recipientOf(this), type, state)
      const key = shared ? `full ${interestKey(interest)} ${state.removed}` : undefined
      if (state.served || state.resumed) this.emit(type, state, key, resources, [], flight)
    } else if (this.options.form === 'delta') {
      const removed = names.filter((name) => !log.visible(name, interest))
      if (removed.length > 0) this.emit(type, state, batchKey([], removed, '', ''), [], removed, flight)
      this.dependents.forget(type, state, past(type, removed, this.log.onDemand))
    }
  }

  private sendTrial(type: ResourceType, state: TypeState, flight: Flight): void {
    const group = state.trials![0]!
    const resources = isFullSet(this.options.form, type)
      ? fullSet(recipientOf(this), type, state).resources
      : permitted(recipientOf(this), visible(recipientOf(this), type, state, group))
    if (resources.length === 0 && !isFullSet(this.options.form, type)) {
      state.trials = answerTrial(state.trials!, 'accepted')
      if (state.trials) this.sendTrial(type, state, flight)
      return
    }
    this.emit(type, state, undefined, resources, [], flight)
    state.trial = state.lastSent!.serial
    this.dependents.oweChildren(resources)
  }

  private emit(
    type: ResourceType,
    state: TypeState,
    key: string | undefined,
    upserts: readonly Resource[],
    removed: readonly string[],
    { now, frames }: Flight,
  ): void {
    const { form, frames: options } = this.options
    const log = this.log.of(type)
    const built = log.frames.get(key && `${form} ${key}`, state.lastSent?.serial ?? 0, () =>
      buildFrames(form, type, { upserts, removed, position: log.position }, options),
    )
    sent(state, built, now)
    for (const frame of built) {
      this.exchanges.sent(frame, now)
      frames.push(frame)
    }
  }
}

function without(names: ReadonlySet<string>, others: ReadonlySet<string>): ReadonlySet<string> {
  const left = new Set(names)
  for (const name of others) left.delete(name)
  return left
}
