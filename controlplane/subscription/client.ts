import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import { acknowledge, anyUnanswered, type Received } from './acknowledgement.ts'
import { Arrival, isLong } from './arrival.ts'
import { begin } from './begin.ts'
import type { ClassLog } from './class-log.ts'
import type { Exchanges } from './exchanges.ts'
import type { Frame } from './frames.ts'
import { changeNames, listNames, newInterest } from './interest.ts'
import { moveState } from './move.ts'
import { isUnable, OfferAgain } from './offer-again.ts'
import { awaited, carriedOver } from './on-demand.ts'
import { USES_OTHERS } from './order.ts'
import { Outgoing } from './outgoing.ts'
import type { ClientOptions, Parts } from './parts.ts'
import type { Reader } from './reader.ts'
import type { DiscoveryRequest, Form } from './request.ts'
import { hasAsked, hasNoMore, namesOf, newTypeState, owe, type TypeState } from './type-state.ts'

const EVERY_TYPE = RESOURCE_TYPES
const USERS = [...USES_OTHERS]
const NONE: readonly string[] = []

/**
 * One stream's side of the protocol, both forms: requests in, responses out. It knows no transport and no timer; the caller
 * passes the time and writes what `flow` returns. It holds positions in its class's log, not a copy of what was sent.
 */
export class Client implements Reader {
  private readonly outgoing: Outgoing
  /** Names of clusters it asked for on this stream; what it comes back with is all it ever asked for. */
  private askedClusters = 0
  /** While a request with very many names is prepared. */
  private arrival: Arrival | undefined

  constructor(log: ClassLog, options: ClientOptions) {
    this.outgoing = new Outgoing(log, options)
    log.readers.add(this)
  }

  get options(): ClientOptions {
    return this.outgoing.options
  }

  get id(): string {
    return this.options.id
  }

  get form(): Form {
    return this.options.form
  }

  /** What was said last, for people who look. */
  get exchanges(): Exchanges {
    return this.outgoing.exchanges
  }

  /** The class the client is served from. */
  get class(): ClassLog {
    return this.log
  }

  /** When `flow` should be called again although nothing came from the client; undefined: no need. */
  get wakeAt(): number | undefined {
    return this.outgoing.progress.wakeAt
  }

  /** Everything sent was answered, and nothing is left to send, also of what is not published yet. */
  settled(type: ResourceType): boolean {
    return this.outgoing.progress.settled(type)
  }

  private get log(): ClassLog {
    return this.outgoing.log
  }

  private get types(): Parts['types'] {
    return this.outgoing.types
  }

  place(type: ResourceType): TypeState | undefined {
    return this.types[type]
  }

  /** Names subscribed one by one, over all types. */
  get subscribedNames(): number {
    let count = 0
    for (let at = 0; at < EVERY_TYPE.length; at++) count += this.types[EVERY_TYPE[at]!]?.interest.names.size ?? 0
    return count
  }

  /** About how many names of clusters it has asked for that it is told nothing of any more: it will always repeat them. */
  get spentNames(): number {
    return Math.max(0, this.askedClusters - (this.types.cds?.interest.names.size ?? 0))
  }

  get amid(): boolean {
    return !this.outgoing.late && USERS.some((type) => this.types[type]?.waitingSince !== undefined)
  }

  /** Nothing can be written to it at present: its class waits for it no longer than for one that does not answer. */
  blocked(now: number): void {
    const { paceMs } = this.options
    this.outgoing.late ||= USERS.some((type) => now - (this.types[type]?.waitingSince ?? now) >= paceMs)
  }

  /**
   * What is to be done before a request with which a client comes back is taken, in steps; undefined for most. Other requests wait until it is
   * done or the client leaves.
   */
  arriving(type: ResourceType, request: DiscoveryRequest): Generator<void> | undefined {
    if (request.form !== 'delta' || this.types[type] || this.arrival || !isLong(this.log, type, request))
      return undefined
    this.arrival = new Arrival(this.log, type, request)
    return this.arrival.steps()
  }

  /** Takes a request of a type. `flow` then has the answer. */
  receive(type: ResourceType, request: DiscoveryRequest, now: number): Received {
    const { outgoing, log } = this
    const { dependents } = outgoing
    const known = outgoing.types[type]
    if (type === 'cds' && request.form === 'delta') this.askedClusters += request.subscribe.length
    const received: Received = known
      ? acknowledge(outgoing, outgoing.exchanges, type, known, request, now)
      : { kind: 'subscribed' }
    if (outgoing.late && (received.kind === 'ack' || received.kind === 'nack')) outgoing.late = anyUnanswered(outgoing)
    if (type === 'lds' && received.kind === 'nack') this.offerAgain(now)
    const before = known?.interest ?? newInterest(type)
    const said =
      request.form === 'sotw'
        ? listNames(type, before, request.names)
        : changeNames(type, before, request.subscribe, request.unsubscribe)
    const change = request.form === 'delta' ? dependents.completed(type, said, known ? undefined : request) : said
    log.track(type, this.arrival ? this.arrival.rest(change) : change)
    this.arrival = undefined
    if (known) {
      known.interest = change.interest
      if (change.askedAll) known.owedAll = true
      if (change.asked.length > 0) owe(known, change.asked)
      if (type === 'cds' && log.onDemand && change.asked.length > 0)
        outgoing.lately = new Set([...(outgoing.lately ?? NONE), ...change.asked])
      // Whoever asked for what was refused waits until something is said.
      if (type === 'vhds' && received.kind === 'nack')
        owe(known, namesOf(received.culprits.filter(({ bodiless }) => !bodiless)))
      if (known.extra) for (const name of change.dropped) known.extra.delete(name)
      hasAsked(known, change)
      hasNoMore(known, change)
      if (type === 'cds' && received.kind === 'nack') dependents.disown(received.frame.upserts)
    } else {
      const state = newTypeState(change.interest, log.of(type).position)
      outgoing.types[type] = state
      begin(type, state, change, request, log, dependents.takeOrphans(type))
      if (state.resumed && request.form === 'delta') state.removeAfter = now + this.options.settleMs
      if (type === 'cds' && request.form === 'delta' && log.onDemand) outgoing.lately = awaited(log.onDemand, request)
    }
    if (type === 'vhds') dependents.adoptClusters(request, change.asked)
    return received
  }

  /** A listener was refused: if that is its machine's fault it may be taken later. */
  private offerAgain(now: number): void {
    const { outgoing } = this
    outgoing.again?.refused(outgoing, now)
    if (isUnable(outgoing.log, this.options.id)) outgoing.again ??= new OfferAgain(now)
  }

  /**
   * The client said that it does not have these clusters: sends them, whatever it was thought to have.
   * @returns those that exist
   */
  rescue(clusters: readonly string[]): readonly string[] {
    return this.outgoing.dependents.rescue(clusters)
  }

  /** What to write now, in this order and in one flight. Call it when the transport can take it, and only then. */
  flow(now: number): readonly Frame[] {
    return this.outgoing.flow(now)
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
      for (const _ of this.log.release(type, interest));
    }
    this.arrival?.move(to)
    this.log.readers.delete(this)
    to.readers.add(this)
    this.outgoing.log = to
  }

  /** Names it asks for one by one that do not exist. */
  get missingNames(): number {
    let count = 0
    for (const type of EVERY_TYPE) {
      const state = this.types[type]
      if (state) count += this.log.of(type).absent(state.interest).length
    }
    return count
  }

  /** The stream ended. */
  close(): void {
    for (const _ of this.leave());
  }

  /** The same in steps, for who asked for very many names. */
  *leave(): Generator<void> {
    this.log.readers.delete(this)
    if (this.arrival) yield* this.arrival.release()
    for (const type of EVERY_TYPE) {
      const state = this.types[type]
      if (state) yield* this.log.release(type, state.interest)
    }
  }
}
