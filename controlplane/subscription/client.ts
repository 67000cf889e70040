import { RESOURCE_TYPES, type ResourceType, TYPE_URL } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import type { ClassLog, Reader } from './class-log.ts'
import { buildFrames, type Frame, type FrameOptions } from './frames.ts'
import { changeNames, type InterestChange, listNames, newInterest } from './interest.ts'
import { noEndpoints } from './no-endpoints.ts'
import { ORDER, type Step, USES_OTHERS } from './order.ts'
import type { DeltaRequest, DiscoveryRequest, ErrorDetail, Form, SotwRequest } from './request.ts'
import { FULL_SET_TYPES } from './response.ts'
import { answerTrial, startTrials } from './trials.ts'
import { interestKey } from './type-log.ts'
import { isAsked, newTypeState, owe, owesAllNames, sent, type TypeState } from './type-state.ts'

export interface ClientOptions {
  /** Identifies the client over reconnects; what it refused is remembered under it. */
  readonly id: string
  readonly form: Form
  /** How long a type waits for the answers of those before it in the order, in ms. */
  readonly ackTimeoutMs: number
  /** How long a removal waits for the answers that show that nothing uses the resource, in ms. A refusal makes it wait on. */
  readonly removalTimeoutMs: number
  /** How long removals wait after a reconnect for the client to say what else it uses, in ms. */
  readonly settleMs: number
  readonly frames: FrameOptions
}

/** What a request meant, for counters, logs and status. */
export type Received =
  | { readonly kind: 'subscribed' | 'ack' | 'expired' }
  | { readonly kind: 'nack'; readonly frame: Frame; readonly culprits: readonly Resource[] }

const EVERY_TYPE = RESOURCE_TYPES
const USERS = [...USES_OTHERS]
const NONE: readonly string[] = []
const MOST_ERROR_TEXT = 4096

/**
 * One stream's side of the protocol, both forms: requests in, responses out. It knows no transport and no timer; the caller
 * passes the time and writes what `flow` returns. It holds positions in its class's log, not a copy of what was sent.
 */
export class Client implements Reader {
  readonly options: ClientOptions
  /** When `flow` should be called again although nothing came from the client; undefined: no need. */
  wakeAt: number | undefined
  private log: ClassLog
  /** It kept what comes later in the order waiting too long; others do not wait for it until it has answered everything. */
  private late = false
  private readonly types: Partial<Record<ResourceType, TypeState>> = {}
  /** Children of what was sent to a reconnected client before it subscribed to their type. */
  private orphans: Map<ResourceType, Set<string>> | undefined

  constructor(log: ClassLog, options: ClientOptions) {
    this.log = log
    this.options = options
    log.readers.add(this)
  }

  /** The class the client is served from. */
  get class(): ClassLog {
    return this.log
  }

  place(type: ResourceType): TypeState | undefined {
    return this.types[type]
  }

  /** Names subscribed one by one, over all types. */
  get subscribedNames(): number {
    let count = 0
    for (const type of EVERY_TYPE) count += this.types[type]?.interest.names.size ?? 0
    return count
  }

  /** Everything sent was answered, and nothing is left to send, also of what is not published yet. */
  settled(type: ResourceType): boolean {
    if (this.log.stale) return false
    const state = this.types[type]
    return !state || (state.inFlight.length === 0 && this.allSent(type, state))
  }

  get amid(): boolean {
    return !this.late && USERS.some((type) => this.types[type]?.waitingSince !== undefined)
  }

  /** Takes a request of a type. `flow` then has the answer. */
  receive(type: ResourceType, request: DiscoveryRequest, now: number): Received {
    const known = this.types[type]
    const received = known ? this.answered(type, known, request, now) : ({ kind: 'subscribed' } as const)
    const before = known?.interest ?? newInterest(type)
    const change =
      request.form === 'sotw'
        ? listNames(type, before, request.names)
        : changeNames(type, before, request.subscribe, request.unsubscribe)
    this.log.track(type, change)
    if (known) {
      known.interest = change.interest
      if (change.askedAll) known.owedAll = true
      if (change.asked.length > 0) owe(known, change.asked)
      if (known.extra) for (const name of change.dropped) known.extra.delete(name)
    } else {
      const state = newTypeState(change.interest, this.log.of(type).position)
      this.types[type] = state
      this.begin(type, state, change, request, now)
    }
    return received
  }

  /** What to write now, in this order and in one flight. Call it when the transport can take it, and only then. */
  flow(now: number): readonly Frame[] {
    this.wakeAt = undefined
    const frames: Frame[] = []
    // A client's own request is answered at once; what the answer points to must be there before it.
    const flush = USERS.some((type) => {
      const state = this.types[type]
      return state && (isAsked(state) || (state.waitingSince !== undefined && this.isOver(state.waitingSince, now)))
    })
    for (const step of ORDER) {
      const state = this.types[step.type]
      if (!state) continue
      if (step.upsert) this.update(step, state, now, flush, frames)
      else this.remove(step, state, now, frames)
    }
    // Children that stand before their parent in the order.
    for (const step of ORDER) {
      const state = this.types[step.type]
      if (state?.owed && step.upsert) this.update(step, state, now, false, frames)
    }
    return frames
  }

  /** The client belongs to another class from now on: what differs is sent in the usual order. */
  move(to: ClassLog, now: number): void {
    to.refresh()
    for (const type of EVERY_TYPE) {
      const state = this.types[type]
      if (!state) continue
      const { interest } = state
      const from = this.log.of(type)
      const unsent = new Set([...from.pending(state.upserted, interest).upserts, ...(state.extra ?? NONE)])
      const unremoved = [...from.pending(state.removed, interest).removals, ...(state.gone?.keys() ?? NONE)]
      const held = new Map(from.all(interest).map((resource) => [resource.name, resource]))
      for (const name of unremoved) {
        const last = from.last(name) ?? state.gone?.get(name)
        if (last) held.set(name, last)
        unsent.add(name)
      }
      to.track(type, {
        before: newInterest(type),
        interest,
        added: [...interest.names],
        dropped: NONE,
        asked: NONE,
        askedAll: false,
      })
      const log = to.of(type)
      const extra = new Set<string>()
      const gone = new Map<string, Resource | undefined>()
      for (const [name, resource] of held) if (!log.visible(name, interest)) gone.set(name, resource)
      for (const resource of log.all(interest)) {
        const { name } = resource
        if (unsent.has(name) || held.get(name)?.version !== resource.version) extra.add(name)
      }
      state.upserted = state.removed = log.position
      state.extra = extra.size > 0 ? extra : undefined
      state.gone = gone.size > 0 ? gone : undefined
      state.removeAfter = Math.max(state.removeAfter, now)
      this.log.release(type, interest)
    }
    this.log.readers.delete(this)
    to.readers.add(this)
    this.log = to
  }

  /** The stream ended. */
  close(): void {
    for (const type of EVERY_TYPE) {
      const state = this.types[type]
      if (state) this.log.release(type, state.interest)
    }
    this.log.readers.delete(this)
  }

  /** The first request of a type on this stream. */
  private begin(
    type: ResourceType,
    state: TypeState,
    change: InterestChange,
    request: SotwRequest | DeltaRequest,
    now: number,
  ): void {
    const { interest } = change
    const log = this.log.of(type)
    const orphans = this.orphans?.get(type)
    this.orphans?.delete(type)
    const held = request.form === 'delta' ? request.initialVersions : undefined
    state.mustAnswer = interest.wildcard
    state.resumed = held ? held.size > 0 : request.form === 'sotw' && request.version !== ''
    // What a client has goes on working until its replacement comes, so the replacement can come in the usual order.
    const inOrder = state.resumed && USES_OTHERS.has(type)
    if (!state.resumed || !held) {
      const all = inOrder ? log.all(interest) : []
      if (all.length > 0) {
        state.extra = new Set(all.map((resource) => resource.name))
        state.mustAnswer = false
      } else state.owedAll = change.askedAll || change.asked.length > 0
      return
    }
    state.removeAfter = now + this.options.settleMs
    const owed = new Set<string>()
    const extra = new Set<string>()
    for (const resource of log.all(interest)) {
      const { name, version } = resource
      if (held.get(name) === version && !orphans?.has(name)) this.log.verdicts.holds(resource)
      else if (inOrder && held.has(name)) extra.add(name)
      else owed.add(name)
    }
    for (const name of change.asked) if (!held.has(name) && !log.visible(name, interest)) owed.add(name)
    owe(state, owed)
    if (extra.size > 0) {
      state.extra = extra
      state.mustAnswer = false
    }
    const gone = new Map<string, Resource | undefined>()
    for (const name of held.keys()) if (!log.visible(name, interest)) gone.set(name, undefined)
    if (gone.size > 0) state.gone = gone
  }

  /** The part of a request that answers a response. */
  private answered(type: ResourceType, state: TypeState, request: DiscoveryRequest, now: number): Received {
    const { nonce, error } = request
    if (nonce === '' || nonce === state.lastAnswered) return { kind: 'subscribed' }
    const index = state.inFlight.findIndex((one) => one.frame.nonce === nonce)
    if (index < 0) return { kind: 'expired' }
    // Answers come in the order of the responses, so one also answers those before it.
    const answered = state.inFlight.splice(0, index + 1)
    if (this.late) this.late = EVERY_TYPE.some((other) => this.types[other]?.inFlight.length)
    const { frame } = answered.pop()!
    const { verdicts } = this.log
    state.lastAnswered = nonce
    for (const { frame: earlier } of error ? answered : [...answered, { frame }]) {
      earlier.acks++
      verdicts.accepted(this.options.id, earlier)
    }
    if (error) return this.refused(type, state, frame, error, now)
    state.lastAcked = { nonce, position: frame.position, at: now }
    if (state.trials && frame.serial === state.trial) state.trials = answerTrial(state.trials, true)
    if (state.nack && !state.trials && !verdicts.refusing(this.options.id, new Set([type]))) state.nack = undefined
    return { kind: 'ack' }
  }

  private refused(type: ResourceType, state: TypeState, frame: Frame, error: ErrorDetail, now: number): Received {
    const { verdicts } = this.log
    const message = error.message.slice(0, MOST_ERROR_TEXT)
    const onTrial = state.trials && frame.serial === state.trial ? state.trials : undefined
    let culprits = verdicts.culprits(frame, message)
    if (culprits.length === 0 && onTrial?.[0]?.length === 1) {
      culprits = frame.upserts.filter((resource) => resource.name === onTrial[0]![0])
    }
    const names = culprits.map((resource) => resource.name)
    state.nack = { nonce: frame.nonce, code: error.code, message, at: now, culprits: names }
    if (culprits.length > 0) {
      verdicts.blame(this.options.id, culprits, message, frame)
      const bad = new Set(names)
      if (state.trials) {
        const rest = state.trials
          .map((group) => group.filter((name) => !bad.has(name)))
          .filter((group) => group.length > 0)
        state.trials = rest.length > 0 ? rest : undefined
      }
      // Everything else in the batch is fine, but a client need not have taken any of it.
      if (this.isFullSet(type)) state.owedAll = state.trials === undefined
      else if (!state.trials || !onTrial) {
        const rest = frame.upserts.filter((resource) => !bad.has(resource.name)).map((resource) => resource.name)
        if (rest.length > 0) owe(state, [...rest, ...frame.removed])
      }
    } else if (onTrial) state.trials = answerTrial(onTrial, false)
    else if (frame.upserts.length > 1) {
      const { trials, others } = startTrials(frame.upserts, verdicts)
      // A full set without a name deletes it: without knowing an accepted version, a client that has one keeps it only so.
      const safe =
        !this.isFullSet(type) || !state.resumed || trials.flat().every((name) => this.hasAccepted(frame, name))
      if (safe) {
        state.trials = trials
        if (!this.isFullSet(type) && others.length > 0) owe(state, [...others, ...frame.removed])
      }
    }
    return { kind: 'nack', frame, culprits }
  }

  private hasAccepted(frame: Frame, name: string): boolean {
    const refused = frame.upserts.find((resource) => resource.name === name)
    return refused !== undefined && this.log.verdicts.lastAccepted(frame.type, name, refused.version) !== undefined
  }

  private update(step: Step, state: TypeState, now: number, flush: boolean, frames: Frame[]): void {
    const { type } = step
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
    let push = waits && !state.trials && (this.isOpen(step, state, now) || (flush && !USES_OTHERS.has(type)))
    if (waits && !push) {
      state.waitingSince ??= now
      push = this.isOver(state.waitingSince, now)
      if (push) this.late = true
      if (push) state.trials = undefined
      else this.wake(state.waitingSince + this.options.ackTimeoutMs)
    }
    if (push) state.waitingSince = undefined
    if (push || isAsked(state)) this.send(step, state, push, changed, gone, now, frames)
    if (state.trials && !isAsked(state) && state.inFlight.length === 0) this.sendTrial(type, state, now, frames)
  }

  private send(
    step: Step,
    state: TypeState,
    push: boolean,
    changed: readonly string[],
    gone: readonly string[],
    now: number,
    frames: Frame[],
  ): void {
    const { type } = step
    const log = this.log.of(type)
    const { interest } = state
    const full = this.isFullSet(type)
    const all = state.owedAll || owesAllNames(state)
    const names = new Set(state.owed)
    if (push || full) for (const name of changed) names.add(name)
    if ((push || full) && state.extra) for (const name of state.extra) names.add(name)
    const mustAnswer = state.mustAnswer || (state.owedAll && interest.wildcard)
    const from = `${state.upserted} ${state.removed}`

    let upserts: readonly Resource[]
    let removed: string[] = []
    let key: string | undefined
    if (full) {
      if (step.remove) state.removed = log.position
      const set = this.fullSet(type, state)
      upserts = set.resources
      key = set.shared ? `full ${interestKey(interest)} ${state.removed}` : undefined
    } else {
      const wanted = all ? log.all(interest) : this.visible(type, state, names)
      upserts = this.log.verdicts.any ? this.permitted(wanted) : wanted
      const leaving = this.leavingEndpoints(type, state)
      if (leaving.length > 0) upserts = [...upserts, ...leaving]
      const asked = all ? interest.names : (state.owed ?? NONE)
      const has = upserts === wanted ? undefined : new Set(upserts.map((resource) => resource.name))
      for (const name of asked) if (has ? !has.has(name) : !log.visible(name, interest)) removed.push(name)
      if (push && step.remove)
        removed.push(...gone, ...[...(state.gone?.keys() ?? NONE)].filter((name) => !log.visible(name, interest)))
      removed = this.options.form === 'sotw' ? [] : [...new Set(removed)]
      if (upserts === wanted) {
        key =
          all && !push
            ? `all ${interestKey(interest)}`
            : batchKey(upserts, removed, interestKey(interest), push ? from : '')
      }
    }

    state.owed = undefined
    state.owedAll = false
    state.mustAnswer = false
    if (push || full || all) {
      state.upserted = log.position
      state.extra = undefined
    }
    if (step.remove && (push || full)) {
      state.removed = log.position
      state.gone = undefined
    }
    const silent =
      upserts.length === 0 && removed.length === 0 && !mustAnswer && !(full && (state.served || state.resumed))
    if (silent) return
    this.emit(type, state, key, upserts, removed, now, frames)
    this.oweChildren(full && !all ? upserts.filter((resource) => names.has(resource.name)) : upserts)
  }

  /** The removals that had to wait until nothing uses the resources any more. */
  private remove(step: Step, state: TypeState, now: number, frames: Frame[]): void {
    const { type } = step
    const log = this.log.of(type)
    const { interest } = state
    const gone = log.pending(state.removed, interest).removals
    const names = state.gone ? [...new Set([...gone, ...state.gone.keys()])] : gone
    if (names.length > 0 && !(this.options.form === 'sotw' && !FULL_SET_TYPES.has(type))) {
      if (now < state.removeAfter) {
        this.wake(state.removeAfter)
        return
      }
      const unanswered = [type, ...step.after].flatMap((other) => this.types[other]?.inFlight[0]?.sentAt ?? [])
      const patience = Math.max(...unanswered) + this.options.removalTimeoutMs
      if (unanswered.length > 0 && now < patience) {
        this.wake(patience)
        return
      }
      const free = !isAsked(state) && this.allUpdated(type, state)
      if (!free || !step.after.every((other) => this.released(other))) return
    }
    state.removed = log.position
    state.gone = undefined
    if (names.length === 0) return
    if (this.isFullSet(type)) {
      const { resources, shared } = this.fullSet(type, state)
      const key = shared ? `full ${interestKey(interest)} ${state.removed}` : undefined
      if (state.served || state.resumed) this.emit(type, state, key, resources, [], now, frames)
    } else if (this.options.form === 'delta') {
      const removed = names.filter((name) => !log.visible(name, interest))
      if (removed.length > 0) this.emit(type, state, batchKey([], removed, '', ''), [], removed, now, frames)
    }
  }

  private sendTrial(type: ResourceType, state: TypeState, now: number, frames: Frame[]): void {
    const group = state.trials![0]!
    const resources = this.isFullSet(type)
      ? this.fullSet(type, state).resources
      : this.permitted(this.visible(type, state, group))
    if (resources.length === 0 && !this.isFullSet(type)) {
      state.trials = answerTrial(state.trials!, true)
      if (state.trials) this.sendTrial(type, state, now, frames)
      return
    }
    this.emit(type, state, undefined, resources, [], now, frames)
    state.trial = state.lastSent!.frame.serial
    this.oweChildren(resources)
  }

  private emit(
    type: ResourceType,
    state: TypeState,
    key: string | undefined,
    upserts: readonly Resource[],
    removed: readonly string[],
    now: number,
    frames: Frame[],
  ): void {
    const { form, frames: options } = this.options
    const log = this.log.of(type)
    const built = log.frames.get(key && `${form} ${key}`, state.lastSent?.frame.serial ?? 0, () =>
      buildFrames(form, type, { upserts, removed, position: log.position }, options),
    )
    for (const frame of built) {
      sent(state, frame, now)
      frames.push(frame)
    }
  }

  /** What a client of this class may have now in a full set, what it must not lose yet included. */
  private fullSet(type: ResourceType, state: TypeState): { resources: readonly Resource[]; shared: boolean } {
    const log = this.log.of(type)
    const { verdicts } = this.log
    const published = log.all(state.interest)
    const ghosts: Resource[] = []
    for (const name of log.pending(state.removed, state.interest).removals) {
      const ghost = log.last(name)
      if (ghost) ghosts.push(ghost)
    }
    const moved = state.gone ? [...state.gone.values()].filter((held): held is Resource => held !== undefined) : []
    const held = new Set(ghosts.map((ghost) => ghost.name))
    for (const ghost of moved) if (!held.has(ghost.name) && !log.visible(ghost.name, state.interest)) ghosts.push(ghost)
    if (!verdicts.any && !state.trials) {
      return { resources: ghosts.length > 0 ? [...published, ...ghosts] : published, shared: moved.length === 0 }
    }
    const withheld = new Set(state.trials?.slice(1).flat())
    const resources: Resource[] = []
    for (const resource of published) {
      const { name, version } = resource
      const instead = withheld.has(name)
        ? verdicts.lastAccepted(type, name, version)
        : verdicts.forClient(this.options.id, resource)
      if (instead) resources.push(instead)
    }
    return { resources: [...resources, ...this.permitted(ghosts)], shared: false }
  }

  /**
   * Endpoints of clusters that are gone but stay in the full set for now. A client that asks for them only now would wait
   * for them, and with them all its clusters: it gets none of them, at once. (A delta client is told that they are removed.)
   */
  private leavingEndpoints(type: ResourceType, state: TypeState): readonly Resource[] {
    const clusters = this.types.cds
    if (
      type !== 'eds' ||
      this.options.form === 'delta' ||
      !clusters ||
      clusters.removed === this.log.of('cds').position
    ) {
      return []
    }
    const leaving: Resource[] = []
    for (const name of this.log.of('cds').pending(clusters.removed, clusters.interest).removals) {
      for (const child of this.log.of('cds').last(name)?.children ?? []) {
        const asked =
          child.type === type && (state.owedAll ? state.interest.names.has(child.name) : state.owed?.has(child.name))
        if (asked && !this.log.of(type).visible(child.name, state.interest)) leaving.push(noEndpoints(child.name))
      }
    }
    return leaving
  }

  private visible(type: ResourceType, state: TypeState, names: Iterable<string>): readonly Resource[] {
    const log = this.log.of(type)
    const resources: Resource[] = []
    for (const name of names) if (log.visible(name, state.interest)) resources.push(log.get(name)!)
    return resources
  }

  /** Without what this client refused. */
  private permitted(resources: readonly Resource[]): readonly Resource[] {
    const { verdicts } = this.log
    const permitted: Resource[] = []
    let same = true
    for (const resource of resources) {
      const instead = verdicts.forClient(this.options.id, resource)
      if (instead !== resource) same = false
      if (instead) permitted.push(instead)
    }
    return same ? resources : permitted
  }

  /** Envoy forgets the endpoints of a cluster that was updated, and waits for them again. */
  private oweChildren(parents: readonly Resource[]): void {
    for (const parent of parents) {
      for (const { type, name } of parent.children) {
        const state = this.types[type]
        if (state) {
          if (this.log.of(type).visible(name, state.interest)) owe(state, [name])
        } else if (this.types[parent.type]?.resumed) {
          this.orphans ??= new Map()
          const orphans = this.orphans.get(type) ?? new Set()
          this.orphans.set(type, orphans.add(name))
        }
      }
    }
  }

  private isFullSet(type: ResourceType): boolean {
    return this.options.form === 'sotw' && FULL_SET_TYPES.has(type)
  }

  /** Whether a push of this step may go now. */
  private isOpen(step: Step, state: TypeState, now: number): boolean {
    if (this.isBusy(state, now)) return false
    return step.after.every((type) => {
      const other = this.types[type]
      return !other || (!this.isBusy(other, now) && !other.trials && this.allUpdated(type, other))
    })
  }

  /** A response waits for its answer, not longer than it may. */
  private isBusy(state: TypeState, now: number): boolean {
    const oldest = state.inFlight.find((one) => !this.isOver(one.sentAt, now))
    if (oldest) this.wake(oldest.sentAt + this.options.ackTimeoutMs)
    return oldest !== undefined
  }

  /** Whether nothing of this type can make the client use what is about to be removed. */
  private released(type: ResourceType): boolean {
    const state = this.types[type]
    if (!state) return true
    const { verdicts } = this.log
    if (verdicts.any && verdicts.refusing(this.options.id, new Set([type]))) return false
    return this.allSent(type, state)
  }

  private allUpdated(type: ResourceType, state: TypeState): boolean {
    return state.upserted === this.log.of(type).position && !state.extra
  }

  private allSent(type: ResourceType, state: TypeState): boolean {
    const { position } = this.log.of(type)
    return this.allUpdated(type, state) && state.removed === position && !state.gone && !isAsked(state) && !state.trials
  }

  private isOver(since: number, now: number): boolean {
    return now - since >= this.options.ackTimeoutMs
  }

  private wake(at: number): void {
    if (this.wakeAt === undefined || at < this.wakeAt) this.wakeAt = at
  }
}

/** Batches with the same names at the same position are the same bytes, whatever the streams came from. */
function batchKey(upserts: readonly Resource[], removed: readonly string[], interest: string, from: string): string {
  if (from !== '' && upserts.length + removed.length > 64) return `push ${from} ${interest}`
  const names = upserts.map((resource) => resource.name)
  return `names ${upserts.length} ${removed.length}\0${names.join('\0')}\0${removed.join('\0')}`
}

/** The resource type of a request, from its type URL. */
export function typeOf(url: string): ResourceType | undefined {
  return EVERY_TYPE.find((type) => TYPE_URL[type] === url)
}
