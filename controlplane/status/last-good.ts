import type { ResourceType } from '../../proto/types.ts'
import type { Batch, Verdicts } from '../subscription/verdicts.ts'
import type { Resource } from '../xds/resource.ts'
import { isOfMachine, namedIn, reasonFor } from './culprits.ts'

/** A version of a resource that clients of one class refused. */
export interface Rejection {
  readonly resource: Resource
  /** Where the newest version of the resource comes from: what was refused may stand elsewhere by now, or nowhere. */
  readonly origins: Resource['origins']
  /** The words of the client that refused it first. */
  readonly error: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Ids of the clients that refuse it. */
  readonly refusedBy: ReadonlySet<string>
  /** Ids of the clients whose machine does not let them take it. */
  readonly unableBy: ReadonlySet<string>
  /** How many clients accepted the same version. */
  readonly acceptedBy: number
  /** The class gets an older version instead (or nothing, when there was none). */
  readonly pinned: boolean
  /** The version served instead, while pinned. */
  readonly servedVersion: string | undefined
  /** The refused version is still the newest; otherwise this stands until its successor is accepted. */
  readonly current: boolean
}

interface Entry {
  readonly resource: Resource
  readonly error: string
  readonly at: number
  readonly refusedBy: Set<string>
  /** Clients whose machine is at fault: no vote against it, and it is offered to them again. */
  readonly unableBy: Set<string>
  /** Of these clients, those it was offered to again, and that have not answered yet. */
  readonly tryingBy: Set<string>
  /** Who is known to have it: who had it when the first refusal came, and who accepted it since. */
  readonly acceptedBy: Set<string>
  /** How many had accepted it when the first refusal came. Some of them may have left. */
  readonly acceptedBefore: number
}

/** What was refused under one name: the newest version, or older ones, or both when what is served instead is refused too. */
interface Refused {
  /** The newest compiled resource of this name. */
  newest: Resource
  readonly versions: Map<string, Entry>
}

interface Accepted {
  latest: Resource
  before: Resource | undefined
}

/** More refusals in one class than this are an outage, not a set of mistakes; the oldest are forgotten. */
const MOST_REJECTIONS = 1000
/** Accepted versions remembered per class. They are mostly the very objects that are served anyway. */
const MOST_ACCEPTED = 200_000
/** Clients counted per refusal: the vote is over long before. */
const MOST_VOTES = 10_000

/**
 * What the clients of one class accepted and refused. A version is held back from the class while more of its clients
 * refuse it than accepted it, and from those who refuse it in any case. Those whose machine cannot take it decide for
 * themselves alone (docs/decisions/nack.md).
 */
export class LastGood implements Verdicts {
  private readonly entries = new Map<string, Refused>()
  private readonly good = new Map<string, Accepted>()
  /** Names that nobody asks for any more, and since when, longest ago first. */
  private readonly idle = new Map<string, number>()
  private readonly changed: () => void
  private readonly now: () => number

  /** @param changed called when what may be published changed */
  constructor(changed: () => void, now: () => number = Date.now) {
    this.changed = changed
    this.now = now
  }

  get any(): boolean {
    return this.entries.size > 0
  }

  get refused(): readonly Resource[] {
    return [...this.all()].map(({ entry }) => entry.resource)
  }

  get rejections(): readonly Rejection[] {
    return [...this.all()].map(({ key, entry, current, newest }) => {
      const { resource, error, at, refusedBy, tryingBy } = entry
      const unableBy = tryingBy.size > 0 ? new Set([...entry.unableBy, ...tryingBy]) : entry.unableBy
      const pinned = current && isPinned(entry)
      return {
        resource,
        origins: newest.origins,
        error,
        at,
        refusedBy,
        unableBy,
        acceptedBy: acceptances(entry),
        pinned,
        servedVersion: pinned ? this.instead(key, resource.version)?.version : undefined,
        current,
      }
    })
  }

  publishable(type: ResourceType, name: string, compiled: Resource | undefined): Resource | undefined {
    const key = keyOf(type, name)
    if (!compiled) {
      this.entries.delete(key)
      this.good.delete(key)
      this.idle.delete(key)
      return undefined
    }
    const known = this.entries.get(key)
    if (!known) return compiled
    known.newest = compiled
    const own = known.versions.get(compiled.version)
    if (own && isPinned(own)) return this.instead(key, compiled.version)
    // Back to a version that is known to be fine: no answer will come, because nothing needs to be sent.
    if (this.isAccepted(compiled)) this.forgetOlder(key, known)
    return compiled
  }

  usable(resource: Resource): Resource | undefined {
    return this.entryOf(resource) ? this.instead(keyOf(resource.type, resource.name), resource.version) : resource
  }

  pinned(types: ReadonlySet<ResourceType>): boolean {
    for (const { entry, current } of this.all())
      if (current && types.has(entry.resource.type) && isPinned(entry)) return true
    return false
  }

  forClient(client: string, published: Resource): Resource | undefined {
    const entry = this.entryOf(published)
    if (!entry || !hasNot(entry, client)) return published
    return this.instead(keyOf(published.type, published.name), published.version, client)
  }

  refusing(client: string, types: ReadonlySet<ResourceType>): boolean {
    for (const { entry, current } of this.all())
      if (current && types.has(entry.resource.type) && (hasNot(entry, client) || entry.tryingBy.has(client)))
        return true
    return false
  }

  isUnable(client: string): boolean {
    for (const { entry, current } of this.all())
      if (current && (entry.unableBy.has(client) || entry.tryingBy.has(client))) return true
    return false
  }

  offerAgain(client: string): readonly string[] {
    const names: string[] = []
    for (const { entry, current } of this.all()) {
      if (!current || !(entry.unableBy.has(client) || entry.tryingBy.has(client))) continue
      entry.unableBy.delete(client)
      entry.tryingBy.add(client)
      names.push(entry.resource.name)
    }
    return names
  }

  lastAccepted(type: ResourceType, name: string, otherThan: string): Resource | undefined {
    return this.instead(keyOf(type, name), otherThan)
  }

  isAccepted(resource: Resource): boolean {
    const good = this.good.get(keyOf(resource.type, resource.name))
    return good?.latest.version === resource.version || good?.before?.version === resource.version
  }

  accepted(client: string, batch: Batch): void {
    // The first acceptance of a response tells about its resources; later ones add nothing but votes.
    if (batch.acks === 1) for (const resource of batch.upserts) this.holds(resource)
    if (!this.any) return
    const names = namesOf(batch)
    for (const [key, { newest, versions }] of this.entries) {
      const resource = newest.type === batch.type ? names.get(newest.name) : undefined
      if (!resource) continue
      const entry = versions.get(resource.version)
      if (entry) {
        this.vote(entry, client, 'accepts')
        this.forgetTaken(key, versions)
      } else if (resource.version === newest.version) {
        this.entries.delete(key)
        this.changed()
      }
    }
  }

  holds(resource: Resource): void {
    const key = keyOf(resource.type, resource.name)
    if (this.idle.size > 0) this.idle.delete(key)
    const good = this.good.get(key)
    if (!good) {
      if (this.good.size >= MOST_ACCEPTED) this.good.delete(this.good.keys().next().value!)
      this.good.set(key, { latest: resource, before: undefined })
    } else if (good.latest.version !== resource.version) {
      good.before = good.latest
      good.latest = resource
    }
  }

  unfollowed(type: ResourceType, name: string): void {
    const key = keyOf(type, name)
    if (this.good.has(key) && !this.idle.has(key)) this.idle.set(key, this.now())
  }

  /** Forgets what was accepted under names that nobody has asked for since then, ms. */
  sweep(since: number): void {
    for (const [key, idleSince] of this.idle) {
      if (idleSince >= since) return
      this.idle.delete(key)
      if (!this.entries.has(key)) this.good.delete(key)
    }
  }

  culprits({ upserts }: Batch, error: string, suspects: readonly Resource[]): readonly Resource[] {
    const names = upserts.map((resource) => resource.name)
    const named = new Set(namedIn(error, names))
    if (named.size > 0) return upserts.filter((resource) => named.has(resource.name))
    return suspects.length === 1 ? suspects : []
  }

  blame(
    client: string,
    culprits: readonly Resource[],
    error: string,
    batch: Batch,
    holders: (resource: Resource) => Iterable<string>,
  ): readonly Resource[] {
    const names = culprits.map((resource) => resource.name)
    for (const resource of culprits) {
      const key = keyOf(resource.type, resource.name)
      const known = this.entries.get(key)
      const entry = known?.versions.get(resource.version)
      const reason = reasonFor(error, resource.name, names)
      const unable = isOfMachine(resource, reason)
      if (entry) this.vote(entry, client, unable ? 'cannot' : 'refuses')
      else {
        if (!known && this.entries.size >= MOST_REJECTIONS) this.entries.delete(this.entries.keys().next().value!)
        const versions = known?.versions ?? new Map<string, Entry>()
        const isAccepted = this.isAccepted(resource)
        versions.set(resource.version, {
          resource,
          error: reason,
          at: this.now(),
          refusedBy: new Set(unable ? [] : [client]),
          unableBy: new Set(unable ? [client] : []),
          tryingBy: new Set(),
          // What nobody accepted nobody has.
          acceptedBy: isAccepted ? votersOf(holders(resource), client) : new Set(),
          acceptedBefore: Math.max(batch.acks, isAccepted ? 1 : 0),
        })
        if (known) this.forgetOlder(key, known, resource.version)
        else this.entries.set(key, { newest: resource, versions })
      }
    }
    this.changed()
    return culprits.filter((resource) => {
      const entry = this.entryOf(resource)
      return entry && !isPinned(entry)
    })
  }

  /** A client connects anew: what its machine did not let it take is worth another try. */
  returned(client: string): void {
    for (const [key, { versions }] of this.entries)
      for (const { unableBy, tryingBy } of versions.values()) {
        const was = [unableBy.delete(client), tryingBy.delete(client)]
        if (was.includes(true)) this.forgetTaken(key, versions)
      }
  }

  private vote(entry: Entry, client: string, verdict: 'accepts' | 'refuses' | 'cannot'): void {
    const before = isPinned(entry)
    const { acceptedBy, refusedBy, unableBy, tryingBy } = entry
    for (const from of [acceptedBy, refusedBy, unableBy, tryingBy]) from.delete(client)
    const to = { accepts: acceptedBy, refuses: refusedBy, cannot: unableBy }[verdict]
    if (to.size < MOST_VOTES) to.add(client)
    if (isPinned(entry) !== before) this.changed()
  }

  /** Forgets what nobody is without any more. */
  private forgetTaken(key: string, versions: Map<string, Entry>): void {
    for (const [version, { refusedBy, unableBy, tryingBy }] of versions)
      if (refusedBy.size + unableBy.size + tryingBy.size === 0) versions.delete(version)
    if (versions.size === 0) this.entries.delete(key)
  }

  private *all(): Generator<{
    readonly key: string
    readonly entry: Entry
    readonly newest: Resource
    readonly current: boolean
  }> {
    for (const [key, { newest, versions }] of this.entries)
      for (const entry of versions.values())
        yield { key, entry, newest, current: entry.resource.version === newest.version }
  }

  private entryOf({ type, name, version }: Resource): Entry | undefined {
    return this.entries.get(keyOf(type, name))?.versions.get(version)
  }

  /** Forgets refusals of what nobody will be sent any more: what was accepted is sent only where somebody refuses the newest version. */
  private forgetOlder(key: string, { newest, versions }: Refused, refusedNow?: string): void {
    const good = versions.has(newest.version) ? this.good.get(key) : undefined
    const kept = new Set([newest.version, refusedNow, good?.latest.version, good?.before?.version])
    for (const version of [...versions.keys()]) if (!kept.has(version)) versions.delete(version)
    if (versions.size === 0) this.entries.delete(key)
  }

  /** The last accepted version but this one that is not refused itself: by the class, or by the client it is for. */
  private instead(key: string, version: string, client?: string): Resource | undefined {
    const good = this.good.get(key)
    const versions = this.entries.get(key)?.versions
    for (const one of [good?.latest, good?.before]) {
      if (!one || one.version === version) continue
      const entry = versions?.get(one.version)
      if (!entry || !(isPinned(entry) || (client !== undefined && hasNot(entry, client)))) return one
    }
    return undefined
  }
}

function keyOf(type: ResourceType, name: string): string {
  return `${type} ${name}`
}

/** Whether a client said that it does not take this version. */
function hasNot({ refusedBy, unableBy }: Entry, client: string): boolean {
  return refusedBy.has(client) || unableBy.has(client)
}

/** All but one, as many as are counted. */
function votersOf(clients: Iterable<string>, but: string): Set<string> {
  const voters = new Set<string>()
  for (const client of clients) {
    if (voters.size >= MOST_VOTES) break
    if (client !== but) voters.add(client)
  }
  return voters
}

function isPinned(entry: Entry): boolean {
  return entry.refusedBy.size > acceptances(entry)
}

/** How many clients accepted it, each counted once. */
function acceptances({ acceptedBy, acceptedBefore }: Entry): number {
  return Math.max(acceptedBy.size, acceptedBefore)
}

const namesMemo = new WeakMap<Batch, ReadonlyMap<string, Resource>>()

/** Only looked at while something is refused; a batch is shared by many clients. */
function namesOf(batch: Batch): ReadonlyMap<string, Resource> {
  const known = namesMemo.get(batch)
  if (known) return known
  const names = new Map(batch.upserts.map((resource) => [resource.name, resource]))
  namesMemo.set(batch, names)
  return names
}
