import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { begin } from './begin.ts'
import type { ClassLog, Reader } from './class-log.ts'
import { batchKey, fullSet, isFullSet, leavingEndpoints, permitted, type Recipient, visible } from './compose.ts'
import { buildFrames, type Frame, type FrameOptions } from './frames.ts'
import { changeNames, type InterestChange, listNames, newInterest } from './interest.ts'
import { moveState } from './move.ts'
import { carriedOver, past, standInsFor, type WorkingSet, withCompanions } from './on-demand.ts'
import { ORDER, type Step, USES_OTHERS } from './order.ts'
import { refuse } from './refuse.ts'
import type { DeltaRequest, DiscoveryRequest, Form } from './request.ts'
import { FULL_SET_TYPES } from './response.ts'
import { answerTrial } from './trials.ts'
import { interestKey } from './type-log.ts'
import { isAsked, newTypeState, owe, owesAllNames, sent, type TypeState, withoutHeld } from './type-state.ts'
import { nowhere, withKnownHosts } from './virtual-hosts.ts'

export interface ClientOptions {
  /** Identifies the client over reconnects; what it refused is remembered under it. */
  readonly id: string
  readonly form: Form
  /** How long a type waits for the answers of those before it in the order, in ms. */
  readonly ackTimeoutMs: number
  /** How long its class waits with the next state for it to take the last one, in ms. */
  readonly paceMs: number
  /** How long a removal waits for the answers that show that nothing uses the resource, in ms. A refusal makes it wait on. */
  readonly removalTimeoutMs: number
  /** How long removals wait after a reconnect for the client to say what else it uses, in ms. */
  readonly settleMs: number
  readonly frames: FrameOptions
  /** What is remembered of the workload the client belongs to. Default: nothing. */
  readonly workingSet?: WorkingSet
}

/** What a request meant, for counters, logs and status. */
export type Received =
  | { readonly kind: 'subscribed' | 'ack' | 'expired' }
  | { readonly kind: 'nack'; readonly frame: Frame; readonly culprits: readonly Resource[] }

const EVERY_TYPE = RESOURCE_TYPES
const USERS = [...USES_OTHERS]
const NONE: readonly string[] = []
const NO_FRAMES: readonly Frame[] = []

/**
 * One stream's side of the protocol, both forms: requests in, responses out. It knows no transport and no timer; the caller
 * passes the time and writes what `flow` returns. It holds positions in its class's log, not a copy of what was sent.
 */
export class Client implements Reader {
  readonly options: ClientOptions
  /** When `flow` should be called again although nothing came from the client; undefined: no need. */
  wakeAt: number | undefined
  private log: ClassLog
  /** It kept its class waiting too long; nobody waits for it again until it has answered everything. */
  private late = false
  private readonly types: Partial<Record<ResourceType, TypeState>> = {}
  /** Clusters asked for since clusters were last sent, not counting what a client says when it comes back. */
  private lately: Set<string> | undefined
  /** Authorities of wildcards it is told about. */
  private strangers = 0
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

  /** As those see the client who compose responses for it. */
  private get recipient(): Recipient {
    return { log: this.log, id: this.options.id, form: this.options.form, clusters: this.types.cds }
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
    const said =
      request.form === 'sotw'
        ? listNames(type, before, request.names)
        : changeNames(type, before, request.subscribe, request.unsubscribe)
    const change = request.form === 'delta' ? this.completed(type, said, known ? undefined : request) : said
    this.log.track(type, change)
    if (known) {
      known.interest = change.interest
      if (change.askedAll) known.owedAll = true
      if (change.asked.length > 0) owe(known, change.asked)
      if (type === 'cds' && this.log.onDemand && change.asked.length > 0)
        this.lately = new Set([...(this.lately ?? NONE), ...change.asked])
      // Whoever asked for what was refused waits until something is said.
      if (type === 'vhds' && received.kind === 'nack')
        owe(known, namesOf(received.culprits.filter(({ bodiless }) => !bodiless)))
      if (known.extra) for (const name of change.dropped) known.extra.delete(name)
    } else {
      const state = newTypeState(change.interest, this.log.of(type).position)
      this.types[type] = state
      const orphans = this.orphans?.get(type)
      this.orphans?.delete(type)
      begin(type, state, change, request, this.log, orphans)
      if (state.resumed && request.form === 'delta') state.removeAfter = now + this.options.settleMs
    }
    if (type === 'vhds') this.adoptClusters(request, change.asked)
    return received
  }

  /** With what belongs to it of what comes on demand. */
  private completed(type: ResourceType, said: InterestChange, first: DeltaRequest | undefined): InterestChange {
    const { workingSet } = this.options
    if (type === 'cds') return withCompanions(said, this.log, workingSet, first)
    if (type !== 'vhds') return said
    const { change, strangers } = withKnownHosts(said, this.log, workingSet, first, this.strangers)
    this.strangers = strangers
    return change
  }

  /** The clusters of virtual hosts that were asked for go out before them, so that the request need not ask for those too. */
  private adoptClusters(request: DiscoveryRequest, asked: readonly string[]): void {
    const { onDemand } = this.log
    const state = this.types.cds
    if (!state || !onDemand?.virtualHosts || request.form !== 'delta') return
    const { virtualHosts } = onDemand
    const clusters = asked.flatMap((name) => (request.initialVersions.has(name) ? NONE : virtualHosts.clusters(name)))
    this.adopt(state, clusters, false)
  }

  /**
   * The client said that it does not have these clusters: sends them, whatever it was thought to have.
   * @returns those that exist
   */
  rescue(clusters: readonly string[]): readonly string[] {
    const state = this.types.cds
    return state && this.log.onDemand ? this.adopt(state, clusters, true) : NONE
  }

  private adopt(state: TypeState, clusters: readonly string[], again: boolean): readonly string[] {
    const { companions } = this.log.onDemand!
    const log = this.log.of('cds')
    const wanted = new Set<string>()
    for (const cluster of clusters)
      for (const one of [cluster, ...companions(cluster)])
        if ((again || !log.visible(one, state.interest)) && this.log.exists(one)) wanted.add(one)
    if (wanted.size === 0) return NONE
    const change = changeNames('cds', state.interest, [...wanted], NONE)
    this.log.track('cds', change)
    state.interest = change.interest
    owe(state, wanted)
    this.options.workingSet?.asked([...wanted])
    return [...wanted]
  }

  /** What to write now, in this order and in one flight. Call it when the transport can take it, and only then. */
  flow(now: number): readonly Frame[] {
    this.wakeAt = undefined
    // Nearly all calls are for an acknowledgement of the last there was to say.
    if (this.rests) return NO_FRAMES
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

  /** Nothing is left to send, and nothing waits. */
  private get rests(): boolean {
    for (const type of EVERY_TYPE) {
      const state = this.types[type]
      if (state && (state.waitingSince !== undefined || !this.allSent(type, state))) return false
    }
    return true
  }

  /** The client belongs to another class from now on: what differs is sent in the usual order. */
  move(to: ClassLog, now: number): void {
    to.refresh()
    for (const type of EVERY_TYPE) {
      const state = this.types[type]
      if (!state) continue
      const { interest } = state
      if (type === 'cds') state.interest = carriedOver(interest, this.log, to)
      moveState(type, state, this.log, to)
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
    if (error) return { kind: 'nack', frame, culprits: refuse(this.recipient, state, frame, error, now) }
    state.lastAcked = { nonce, position: frame.position, at: now }
    if (state.trials && frame.serial === state.trial) state.trials = answerTrial(state.trials, true)
    if (state.nack && !state.trials && !verdicts.refusing(this.options.id, new Set([type]))) state.nack = undefined
    return { kind: 'ack' }
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
      if (now - state.waitingSince >= this.options.paceMs) this.late = true
      else this.wake(state.waitingSince + this.options.paceMs)
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
    const full = isFullSet(this.options.form, type)
    const all = state.owedAll || owesAllNames(state)
    const names = new Set(state.owed)
    if (push || full) for (const name of changed) names.add(name)
    if ((push || full) && state.extra) for (const name of state.extra) names.add(name)
    // What a full set leaves out does not exist: an empty one tells a client so at once, where silence costs it its timeout.
    const mustAnswer = state.mustAnswer || (state.owedAll && interest.wildcard) || (full && isAsked(state))
    const from = `${state.upserted} ${state.removed}`

    let upserts: readonly Resource[]
    let removed: string[] = []
    let key: string | undefined
    if (full) {
      if (step.remove) {
        state.removed = log.position
        state.gone = undefined
      }
      const set = fullSet(this.recipient, type, state)
      upserts = set.resources
      key = set.shared ? `full ${interestKey(interest)} ${state.removed}` : undefined
    } else {
      const wanted = all ? log.known(interest) : visible(this.recipient, type, state, names)
      upserts = this.log.verdicts.any ? permitted(this.recipient, wanted) : wanted
      if (state.unread) upserts = withoutHeld(state, upserts)
      const leaving = leavingEndpoints(this.recipient, type, state)
      if (leaving.length > 0) upserts = [...upserts, ...leaving]
      const has = upserts === wanted ? undefined : new Set(upserts.map((resource) => resource.name))
      const absent =
        all && !has
          ? log.absent(interest)
          : [...(all ? interest.names : (state.owed ?? NONE))].filter((name) =>
              has ? !has.has(name) : !log.visible(name, interest),
            )
      const { stay, pass } = standInsFor(type, absent, this.log.onDemand, (name) => this.lately?.has(name) === true)
      if (stay.length + pass.length > 0) upserts = [...upserts, ...stay, ...pass]
      if (type === 'cds') this.lately = undefined
      // They go when the client has taken its present routes, a moment later: a request may be on its way to them.
      if (pass.length > 0) state.gone = new Map([...(state.gone ?? []), ...pass.map((one) => [one.name, one] as const)])
      if (pass.length > 0) state.removeAfter = now + this.options.settleMs
      const held = new Set([...stay, ...pass].map((resource) => resource.name))
      if (type === 'vhds' && absent.length > 0) {
        const openings = new Set(this.log.onDemand?.virtualHosts?.openings())
        const answers = absent.filter((name) => !openings.has(name)).map(nowhere)
        if (answers.length > 0) upserts = [...upserts, ...answers]
        for (const { name } of answers) held.add(name)
      }
      for (const name of absent) if (!held.has(name)) removed.push(name)
      // A virtual host goes with its table; requests that are on their way through an old listener still need it.
      if (push && step.remove && type !== 'vhds')
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
      // From the newest: whatever came before it, this one may still make the client use what is to go.
      const unanswered = [type, ...step.after].flatMap((other) => this.types[other]?.inFlight.at(-1)?.sentAt ?? [])
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
    if (isFullSet(this.options.form, type)) {
      const { resources, shared } = fullSet(this.recipient, type, state)
      const key = shared ? `full ${interestKey(interest)} ${state.removed}` : undefined
      if (state.served || state.resumed) this.emit(type, state, key, resources, [], now, frames)
    } else if (this.options.form === 'delta') {
      const removed = names.filter((name) => !log.visible(name, interest))
      if (removed.length > 0) this.emit(type, state, batchKey([], removed, '', ''), [], removed, now, frames)
      this.forget(type, state, past(type, removed, this.log.onDemand))
    }
  }

  private sendTrial(type: ResourceType, state: TypeState, now: number, frames: Frame[]): void {
    const group = state.trials![0]!
    const resources = isFullSet(this.options.form, type)
      ? fullSet(this.recipient, type, state).resources
      : permitted(this.recipient, visible(this.recipient, type, state, group))
    if (resources.length === 0 && !isFullSet(this.options.form, type)) {
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

  /** Envoy forgets the endpoints of a cluster that was updated, and waits for them again. */
  private oweChildren(parents: readonly Resource[]): void {
    if (this.log.onDemand) this.adoptChildren(parents)
    // A new client has not asked for endpoints yet, and will ask for those of all its clusters.
    if (parents[0]?.type === 'cds' && !this.types.eds && !this.types.cds?.resumed) return
    for (const parent of parents) {
      for (const { type, name } of parent.children) {
        const state = this.types[type]
        if (state) {
          if (type === 'vhds' || this.log.of(type).visible(name, state.interest)) owe(state, [name])
        } else if (this.types[parent.type]?.resumed) {
          this.orphans ??= new Map()
          const orphans = this.orphans.get(type) ?? new Set()
          this.orphans.set(type, orphans.add(name))
        }
      }
    }
  }

  /**
   * Endpoints of clusters got on demand are sent right behind them, before they are asked for: that saves a round trip, and
   * while one cluster waits for its endpoints Envoy asks for no other. A client that came back says itself what it holds.
   */
  private adoptChildren(parents: readonly Resource[]): void {
    const names = parents.flatMap(({ type, children }) =>
      type === 'cds' ? children.filter((child) => child.type === 'eds').map((child) => child.name) : [],
    )
    if (names.length === 0 || (!this.types.eds && this.types.cds?.resumed)) return
    this.types.eds ??= newTypeState(newInterest('eds'), this.log.of('eds').position)
    const state = this.types.eds
    const change = changeNames(
      'eds',
      state.interest,
      names.filter((name) => !state.interest.names.has(name)),
      NONE,
    )
    if (change.added.length === 0) return
    this.log.track('eds', change)
    state.interest = change.interest
  }

  /** Names that will never be asked for again: the client keeps them on its list for ever, we do not. */
  private forget(type: ResourceType, state: TypeState, names: readonly string[]): void {
    if (names.length === 0) return
    const change = changeNames(type, state.interest, NONE, names)
    this.log.track(type, change)
    state.interest = change.interest
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

function namesOf(resources: readonly Resource[]): readonly string[] {
  return resources.map(({ name }) => name)
}
