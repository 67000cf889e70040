import type { Resource } from '../xds/resource.ts'
import type { Frame, Mark } from './frames.ts'
import type { Interest, InterestChange } from './interest.ts'

/** A response on its way: sent, not yet answered. */
export interface InFlight {
  readonly frame: Frame
  /** Milliseconds, the clock of the caller. */
  readonly sentAt: number
}

/**
 * `google.rpc` code of an answer that says: taken, and not in force for now. A message proxy says so of a port that is in use; of
 * other types it is a refusal as any (some gRPC clients refuse with this code).
 */
export const UNAVAILABLE = 14

/** A response a client refused. */
export interface Nack {
  readonly nonce: string
  /** `google.rpc` code. */
  readonly code: number
  /** In the client's own words, cut to some thousand characters. */
  readonly message: string
  /** Milliseconds, the clock of the caller. */
  readonly at: number
  /** Names of the resources to blame; empty while it is not known. */
  readonly culprits: readonly string[]
}

/**
 * Where one client is in one type: two positions in its class's log, and the exceptions from "everything up to there was
 * sent". The exceptions are undefined for a client at rest, which is what keeps an idle stream small.
 */
export interface TypeState {
  interest: Interest
  /** Every update up to this position was sent. */
  upserted: number
  /** Every removal up to this position was sent. */
  removed: number
  /** Names to answer whatever the client may have. */
  owed: Set<string> | undefined
  /** Everything is to be answered. */
  owedAll: boolean
  /** A response must come even if nothing is in it. */
  mustAnswer: boolean
  /** Names to update beyond the log, in the usual order: what differs after a change of class. */
  extra: Set<string> | undefined
  /** Those of `extra` that the client has in another version: they can wait for their turn. */
  older: ReadonlySet<string> | undefined
  /** Names to remove beyond the log, in the usual order, with what the client has under them. */
  gone: Map<string, Resource | undefined> | undefined
  /** Endpoints that were sent behind their clusters and that the client has not asked for yet: it does once it takes the cluster. */
  unasked: Set<string> | undefined
  /** Versions a returning client has of resources that were not known when it came; undefined for most. */
  unread: Map<string, string> | undefined
  /** No removals before this time: a reconnecting client has not yet told what else it uses. */
  removeAfter: number
  /** Ascending serials. Replaced, not changed: all clients at rest share the empty one. */
  inFlight: readonly InFlight[]
  /** Since when something to send waits for an answer to something else. */
  waitingSince: number | undefined
  /** Groups of a refused batch, tried one by one to find the culprit; the first is on trial. */
  trials: string[][] | undefined
  /**
   * What it has, of types whose responses are full sets: the last one it accepted. Undefined: none, and of who came with a state
   * (`resumed`) nobody knows.
   */
  has: readonly Resource[] | undefined
  /** Serial of the response that carries the first group. */
  trial: number
  /** A response with resources was sent on this stream. */
  served: boolean
  /** The client came with a state we do not know. */
  resumed: boolean
  lastSent: Mark | undefined
  /** When that was, ms. */
  lastSentAt: number
  lastAcked: Mark | undefined
  lastAckedAt: number
  /** Nonce of the last response the client answered in whatever way; state-of-the-world requests repeat it. */
  lastAnswered: string | undefined
  nack: Nack | undefined
}

export const NONE_IN_FLIGHT: readonly InFlight[] = []

/**
 * A client that begins with a type.
 * @param position of the log, up to which it is told what it asks for and no changes
 */
export function newTypeState(interest: Interest, position: number): TypeState {
  return {
    interest,
    upserted: position,
    removed: position,
    owed: undefined,
    owedAll: false,
    mustAnswer: false,
    extra: undefined,
    older: undefined,
    gone: undefined,
    unasked: undefined,
    unread: undefined,
    removeAfter: 0,
    inFlight: NONE_IN_FLIGHT,
    waitingSince: undefined,
    trials: undefined,
    has: undefined,
    trial: 0,
    served: false,
    resumed: false,
    lastSent: undefined,
    lastSentAt: 0,
    lastAcked: undefined,
    lastAckedAt: 0,
    lastAnswered: undefined,
    nack: undefined,
  }
}

/**
 * A client that answers nothing is served on after a while; more unanswered responses than this are not remembered, but those of
 * the last flight.
 */
const MOST_IN_FLIGHT = 16

/** @param flight the responses of one answer */
export function sent(state: TypeState, flight: readonly Frame[], now: number): void {
  const added = flight.map((frame) => ({ frame, sentAt: now }))
  const all = state.inFlight.length === 0 ? added : [...state.inFlight, ...added]
  const forgotten = all.length - Math.max(MOST_IN_FLIGHT, flight.length)
  state.inFlight = forgotten > 0 ? all.slice(forgotten) : all
  if (flight.some(({ upserts }) => upserts.length > 0)) state.served = true
  state.lastSent = flight.at(-1)!.mark
  state.lastSentAt = now
}

/** Names of resources, in their order. */
export function namesOf(resources: readonly Resource[]): readonly string[] {
  return resources.map(({ name }) => name)
}

/** These names are to be sent, changed or not. */
export function owe(state: TypeState, names: Iterable<string>): void {
  state.owed ??= new Set()
  for (const name of names) state.owed.add(name)
  if (state.owed.size === 0) state.owed = undefined
}

/**
 * What became known and is what the client came with needs no sending. What it asks for by itself, or needs because its
 * parent was sent, it gets in any case.
 */
export function withoutHeld(state: TypeState, upserts: readonly Resource[]): readonly Resource[] {
  const { unread, owed } = state
  if (!unread) return upserts
  const left = upserts.filter(({ name, version }) => {
    const has = unread.get(name)
    unread.delete(name)
    return has !== version || owed?.has(name)
  })
  if (unread.size === 0) state.unread = undefined
  return left.length === upserts.length ? upserts : left
}

/** What a client asked for by itself is no longer what it only got along with something else. */
export function hasAsked(state: TypeState, { asked }: InterestChange): void {
  if (!state.unasked) return
  for (const name of asked) state.unasked.delete(name)
  if (state.unasked.size === 0) state.unasked = undefined
}

/** What a client asks for again, or wants no longer, it need not have any more, whatever it came with. */
export function hasNoMore({ unread }: TypeState, { asked, dropped }: InterestChange): void {
  if (!unread) return
  for (const name of asked) unread.delete(name)
  for (const name of dropped) unread.delete(name)
}

/** Something the client asked for itself waits for an answer. */
export function isAsked(state: TypeState): boolean {
  return state.owed !== undefined || state.owedAll || state.mustAnswer
}

/** Exactly the subscribed names are owed: the batch is the same for every client with this subscription. */
export function owesAllNames(state: TypeState): boolean {
  const { owed, interest } = state
  if (!owed || interest.wildcard || owed.size !== interest.names.size) return false
  for (const name of owed) if (!interest.names.has(name)) return false
  return true
}

const NO_NAMES: ReadonlySet<string> = new Set()

/** What is owed, and with a push what changed too. */
export function wantedNames({ owed, extra }: TypeState, changed: readonly string[] | undefined): ReadonlySet<string> {
  if (!changed) return owed ?? NO_NAMES
  const names = new Set(owed)
  for (const name of changed) names.add(name)
  if (extra) for (const name of extra) names.add(name)
  return names
}
