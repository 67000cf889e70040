import type { ResourceType } from '../../proto/types.ts'
import { NameSet } from './name-set.ts'

/**
 * What one client is subscribed to, for one type, on one stream: the protocol's rules as a value. It knows neither
 * resources nor versions nor time.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
export interface Interest {
  /** Subscribed to `*`, said or meant. */
  readonly wildcard: boolean
  /** No name was ever subscribed on this stream: an empty list still means `*`. Never true again once it was false. */
  readonly legacy: boolean
  /** Names subscribed one by one; may be non-empty beside the wildcard. */
  readonly names: NameSet
}

/** What a request changed, and what must be answered because of it. */
export interface InterestChange {
  readonly before: Interest
  readonly interest: Interest
  /** Names in `interest` that were not in `before`. */
  readonly added: readonly string[]
  /** Names in `before` that are not in `interest`. */
  readonly dropped: readonly string[]
  /** Names to answer whatever the client may have: newly subscribed, subscribed again, or left to the wildcard. */
  readonly asked: readonly string[]
  /** The wildcard was subscribed by this request, or again: everything under it is to be answered. */
  readonly askedAll: boolean
}

/** Types that have a wildcard at all; for the others an empty list is nothing, and `*` is no name. */
export const WILDCARD_TYPES: ReadonlySet<ResourceType> = new Set(['cds', 'lds', 'pds', 'mrds', 'mlds'])

const NOTHING: Interest = { wildcard: false, legacy: false, names: NameSet.empty }
const LEGACY: Interest = { wildcard: false, legacy: true, names: NameSet.empty }
const WILDCARD: Interest = { wildcard: true, legacy: false, names: NameSet.empty }
const LEGACY_WILDCARD: Interest = { wildcard: true, legacy: true, names: NameSet.empty }
const NONE: readonly string[] = []

/**
 * The sets of lists that are nothing but different names, no `*` among them. Requests with equal bytes share their list
 * (`name-lists.ts`).
 */
const plainSets = new WeakMap<readonly string[], NameSet>()

/** What those have who ask for just these names: one for all of them. */
const alone = new WeakMap<NameSet, Interest>()

/** Before the first request of a type. */
export function newInterest(type: ResourceType): Interest {
  return WILDCARD_TYPES.has(type) ? LEGACY : NOTHING
}

/**
 * State-of-the-world form: `listed` is the whole new list. Names that were on the list before are not asked again: every
 * ACK repeats the list.
 */
export function listNames(type: ResourceType, before: Interest, listed: readonly string[]): InterestChange {
  if (before.legacy && listed.length === 0) {
    return before.wildcard ? unchanged(before) : asksAll(before, everything(before))
  }
  // Every acknowledgement repeats the list as it was, and equal bytes are equal lists.
  if (!before.legacy && !before.wildcard && before.names === plainSets.get(listed)) return unchanged(before)
  if (!before.legacy && !before.wildcard && before.names.lists(listed)) return unchanged(before)
  let wildcard = false
  const set = new Set<string>()
  for (const name of listed) {
    if (name === '*') wildcard = WILDCARD_TYPES.has(type)
    else set.add(name)
  }
  const names = NameSet.of(set)
  if (!wildcard && names.size === listed.length) plainSets.set(listed, names)
  const same = names.id === before.names.id
  if (same && wildcard === before.wildcard && !before.legacy) return unchanged(before)
  const added = same ? NONE : [...set].filter((name) => !before.names.has(name))
  const dropped = same ? NONE : [...before.names].filter((name) => !set.has(name))
  const interest = interestIn(wildcard, names)
  return { before, interest, added, dropped, asked: added, askedAll: wildcard && !before.wildcard }
}

/**
 * Incremental form. Names subscribed again are asked again, even if nothing changed: the client may have dropped them
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#subscribing-to-resources). A name that is unsubscribed
 * while the wildcard stands must be answered too, because the client cannot know whether `*` still covers it
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#unsubscribing-from-resources).
 */
export function changeNames(
  type: ResourceType,
  before: Interest,
  subscribe: readonly string[],
  unsubscribe: readonly string[],
): InterestChange {
  if (subscribe.length === 0 && unsubscribe.length === 0) {
    if (!before.legacy || before.wildcard) return unchanged(before)
    return asksAll(before, everything(before))
  }
  // A thousand new clients say the same names: one set was made for all of them.
  if (before.names.size === 0 && unsubscribe.length === 0) {
    const names = plainSets.get(subscribe)
    if (names) {
      const interest = interestIn(before.wildcard, names)
      return { before, interest, added: subscribe, dropped: NONE, asked: subscribe, askedAll: false }
    }
  }
  const hasWildcard = WILDCARD_TYPES.has(type)
  // So begins nearly every client of a type that has one.
  if (hasWildcard && subscribe.length === 1 && subscribe[0] === '*' && unsubscribe.length === 0)
    return asksAll(before, interestIn(true, before.names))
  let legacy = before.legacy && subscribe.length === 0
  const asked = new Set<string>()
  let wildcard = before.wildcard
  let askedAll = false
  for (const name of subscribe) {
    if (name !== '*') asked.add(name)
    else if (hasWildcard) {
      wildcard = true
      askedAll = true
    }
  }
  const left = new Set<string>()
  for (const name of unsubscribe) {
    if (name === '*') {
      wildcard = false
      askedAll = false
      legacy = false
    } else {
      asked.delete(name)
      if (before.names.has(name)) left.add(name)
    }
  }
  // A thousand new clients say all their names at once: no difference to a set of none is made and folded then.
  const first = before.names.size === 0
  const added = first ? [...asked] : [...asked].filter((name) => !before.names.has(name))
  const dropped = [...left]
  const names = first ? NameSet.of(asked) : before.names.change(added, dropped)
  const interest = legacy ? { wildcard, legacy, names } : interestIn(wildcard, names)
  if (first && unsubscribe.length === 0 && asked.size === subscribe.length) plainSets.set(subscribe, names)
  const answer = first ? added : wildcard ? [...new Set([...asked, ...dropped])] : [...asked]
  return { before, interest, added, dropped, asked: answer, askedAll }
}

/** An interest that was put into words; equal ones are one object where there may be many of them. */
function interestIn(wildcard: boolean, names: NameSet): Interest {
  if (wildcard) return names.size === 0 ? WILDCARD : { wildcard, legacy: false, names }
  let interest = alone.get(names)
  if (!interest) {
    interest = { wildcard, legacy: false, names }
    alone.set(names, interest)
  }
  return interest
}

/** What an empty list means that nobody has put a name into. */
function everything(before: Interest): Interest {
  return before.names.size === 0 ? LEGACY_WILDCARD : { ...before, wildcard: true }
}

function unchanged(before: Interest): InterestChange {
  return { before, interest: before, added: NONE, dropped: NONE, asked: NONE, askedAll: false }
}

function asksAll(before: Interest, interest: Interest): InterestChange {
  return { before, interest, added: NONE, dropped: NONE, asked: NONE, askedAll: true }
}
