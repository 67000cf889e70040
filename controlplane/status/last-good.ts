import type { ResourceType } from '../../proto/types.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { formatPath } from '../diagnostics/diagnostic.ts'
import type { Batch, Verdicts } from '../subscription/verdicts.ts'
import type { Resource } from '../xds/resource.ts'
import { namedIn, reasonFor } from './culprits.ts'

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
  readonly acceptedBy: Set<string>
  /** Acceptances from before the first refusal, of which only the number is known. */
  readonly acceptedBefore: number
  /** The newest compiled resource of this name. */
  newest: Resource
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
 * refuse it than accepted it, and from those who refuse it in any case (docs/decisions/nack.md).
 */
export class LastGood implements Verdicts {
  private readonly entries = new Map<string, Entry>()
  private readonly good = new Map<string, Accepted>()
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
    return [...this.entries.values()].map((entry) => entry.resource)
  }

  get rejections(): readonly Rejection[] {
    return [...this.entries].map(([key, entry]) => {
      const { resource, error, at, refusedBy, newest } = entry
      const current = isCurrent(entry)
      const pinned = current && isPinned(entry)
      return {
        resource,
        origins: newest.origins,
        error,
        at,
        refusedBy,
        acceptedBy: entry.acceptedBy.size + entry.acceptedBefore,
        pinned,
        servedVersion: pinned ? this.otherThan(key, resource.version)?.version : undefined,
        current,
      }
    })
  }

  publishable(type: ResourceType, name: string, compiled: Resource | undefined): Resource | undefined {
    const key = keyOf(type, name)
    if (!compiled) {
      this.entries.delete(key)
      this.good.delete(key)
      return undefined
    }
    const entry = this.entries.get(key)
    if (!entry) return compiled
    entry.newest = compiled
    if (compiled.version === entry.resource.version) {
      return isPinned(entry) ? this.otherThan(key, compiled.version) : compiled
    }
    // Back to a version that is known to be fine: no answer will come, because nothing needs to be sent.
    if (this.isAccepted(compiled)) this.entries.delete(key)
    return compiled
  }

  usable(resource: Resource): Resource | undefined {
    const key = keyOf(resource.type, resource.name)
    return this.entries.get(key)?.resource.version === resource.version
      ? this.otherThan(key, resource.version)
      : resource
  }

  pinned(types: ReadonlySet<ResourceType>): boolean {
    for (const entry of this.entries.values()) {
      if (types.has(entry.resource.type) && isCurrent(entry) && isPinned(entry)) return true
    }
    return false
  }

  forClient(client: string, published: Resource): Resource | undefined {
    const key = keyOf(published.type, published.name)
    const entry = this.entries.get(key)
    if (!entry || entry.resource.version !== published.version || !entry.refusedBy.has(client)) return published
    return this.otherThan(key, published.version)
  }

  refusing(client: string, types: ReadonlySet<ResourceType>): boolean {
    for (const entry of this.entries.values()) {
      if (types.has(entry.resource.type) && isCurrent(entry) && entry.refusedBy.has(client)) return true
    }
    return false
  }

  lastAccepted(type: ResourceType, name: string, otherThan: string): Resource | undefined {
    return this.otherThan(keyOf(type, name), otherThan)
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
    for (const [key, entry] of this.entries) {
      if (entry.resource.type !== batch.type) continue
      const resource = names.get(entry.resource.name)
      if (!resource) continue
      if (resource.version === entry.resource.version) this.vote(entry, client, true)
      else if (resource.version === entry.newest.version) {
        this.entries.delete(key)
        this.changed()
      }
    }
  }

  holds(resource: Resource): void {
    const key = keyOf(resource.type, resource.name)
    const good = this.good.get(key)
    if (!good) {
      if (this.good.size >= MOST_ACCEPTED) this.good.delete(this.good.keys().next().value!)
      this.good.set(key, { latest: resource, before: undefined })
    } else if (good.latest.version !== resource.version) {
      good.before = good.latest
      good.latest = resource
    }
  }

  culprits(batch: Batch, error: string): readonly Resource[] {
    const { upserts } = batch
    const named = new Set(
      namedIn(
        error,
        upserts.map((resource) => resource.name),
      ),
    )
    if (named.size > 0) return upserts.filter((resource) => named.has(resource.name))
    if (upserts.length === 1) return upserts
    return upserts.filter((resource) => {
      const entry = this.entries.get(keyOf(resource.type, resource.name))
      return entry?.resource.version === resource.version
    })
  }

  blame(client: string, culprits: readonly Resource[], error: string, batch: Batch): void {
    const names = culprits.map((resource) => resource.name)
    for (const resource of culprits) {
      const key = keyOf(resource.type, resource.name)
      const known = this.entries.get(key)
      if (known?.resource.version === resource.version) this.vote(known, client, false)
      else {
        if (this.entries.size >= MOST_REJECTIONS) this.entries.delete(this.entries.keys().next().value!)
        this.entries.set(key, {
          resource,
          error: reasonFor(error, resource.name, names),
          at: this.now(),
          refusedBy: new Set([client]),
          acceptedBy: new Set(),
          acceptedBefore: Math.max(batch.acks, this.isAccepted(resource) ? 1 : 0),
          newest: resource,
        })
      }
    }
    this.changed()
  }

  private vote(entry: Entry, client: string, accepts: boolean): void {
    const before = isPinned(entry)
    const [to, from] = accepts ? [entry.acceptedBy, entry.refusedBy] : [entry.refusedBy, entry.acceptedBy]
    from.delete(client)
    if (to.size < MOST_VOTES) to.add(client)
    if (isPinned(entry) !== before) this.changed()
  }

  private otherThan(key: string, version: string): Resource | undefined {
    const good = this.good.get(key)
    return good?.latest.version !== version ? good?.latest : good.before
  }
}

/** A rejection as a complaint at the line of YAML the resource came from. */
export function toDiagnostic(rejection: Rejection): Diagnostic {
  const { resource, origins, error, pinned, servedVersion, refusedBy, acceptedBy } = rejection
  const origin = origins[0]
  const location = origin?.object.source.locate(origin.path) ?? { file: '', line: 0, column: 0 }
  const who = acceptedBy > 0 ? `${refusedBy.size} of ${refusedBy.size + acceptedBy} proxies` : 'proxies'
  return {
    code: 'XDS_REJECTED',
    severity: pinned || acceptedBy === 0 ? 'error' : 'warning',
    message: `${who} refused ${WORDS[resource.type]} "${resource.name}": ${error}`,
    ...location,
    path: origin ? formatPath(origin.path) : '',
    hint: !pinned
      ? 'the proxies that refused it keep what they had'
      : servedVersion
        ? 'its last accepted version is served instead'
        : 'no version of it was ever accepted: it is left out',
  }
}

const WORDS: Record<ResourceType, string> = {
  cds: 'cluster',
  eds: 'endpoints',
  lds: 'listener',
  rds: 'route configuration',
  vhds: 'virtual host',
  sds: 'secret',
  pds: 'protocol',
  mrds: 'message route table',
  mlds: 'message listener',
}

function keyOf(type: ResourceType, name: string): string {
  return `${type} ${name}`
}

function isCurrent(entry: Entry): boolean {
  return entry.newest.version === entry.resource.version
}

function isPinned(entry: Entry): boolean {
  return entry.refusedBy.size > entry.acceptedBy.size + entry.acceptedBefore
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
