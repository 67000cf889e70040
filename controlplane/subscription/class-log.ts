import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { OnDemand, Resource, Suspects, View } from '../xds/resource.ts'
import { holders } from './holders.ts'
import type { Interest, InterestChange } from './interest.ts'
import { REMOVED_LAST, USES_OTHERS } from './order.ts'
import type { Reader } from './reader.ts'
import type { Missing } from './source.ts'
import { TypeLog } from './type-log.ts'
import type { Verdicts } from './verdicts.ts'

/** Counts the changes of the configuration; `ClassLog.refresh` brings a class up to it. */
export interface Epoch {
  readonly now: number
}

/** Resources compiled at once: some milliseconds. */
const FEW = 8
/** Names let go of at once: some milliseconds. */
const RELEASED_AT_ONCE = 500

/**
 * Everything published to one class of proxies: the present resources of each type and what changed since when. A stream
 * needs only its position in it. A type or name nobody subscribed is never compiled.
 */
export class ClassLog {
  /** Clients served from this log. */
  readonly readers = new Set<Reader>()
  readonly verdicts: Verdicts
  readonly key: string
  private present: View
  private readonly epoch: Epoch
  private readonly logs: Record<ResourceType, TypeLog>
  private seen: number
  /** Up to when the view was read; undefined: nothing is known about what changed since. */
  private readUpTo: number | undefined
  /** A verdict changed what may be published although the configuration did not change. */
  private overdue = false
  /** Load assignments of the published clusters. */
  private children = new Set<string>()
  /** Some of these may be of clusters that nobody wants any more. */
  private outlived = false
  /** A refresh was asked for while a client was amid another. */
  private held = false
  /** Something was published because a client asked, and the others were not told of it. */
  private untold = false
  private retired = false

  /** @param missing counts names that do not exist, for all classes that share it */
  constructor(view: View, epoch: Epoch, verdicts: Verdicts, missing?: Missing) {
    this.present = view
    this.key = view.key
    this.epoch = epoch
    this.verdicts = verdicts
    this.seen = epoch.now
    this.readUpTo = view.moment?.()
    this.logs = Object.fromEntries(
      RESOURCE_TYPES.map((type) => [type, new TypeLog(type, this.source(type), missing)]),
    ) as Record<ResourceType, TypeLog>
  }

  get view(): View {
    return this.present
  }

  /** Present when the clients of the class ask for clusters on demand. */
  get onDemand(): OnDemand | undefined {
    return this.view.onDemand
  }

  /** Whether the class has a cluster of this name. */
  exists(cluster: string): boolean {
    return this.view.get('cds', cluster) !== undefined
  }

  /** The virtual host of this name, when one of the class's tables has such. */
  readonly virtualHost = (name: string): Resource | undefined => this.view.get('vhds', name)

  of(type: ResourceType): TypeLog {
    return this.logs[type]
  }

  /**
   * Compares what is published with what the configuration says now, although nobody told of a change: whatever differs was missed.
   * It is published at the next refresh. A class that is amid a change, or is served something else in place of what a
   * client refused, is left for the next time.
   * @returns what differs
   */
  verify(): readonly { readonly type: ResourceType; readonly name: string }[] {
    if (this.stale || this.held || this.amid || this.verdicts.any) return []
    const found: { type: ResourceType; name: string }[] = []
    for (const type of RESOURCE_TYPES)
      for (const { name, version } of this.logs[type].published())
        if (this.view.get(type, name)?.version !== version) found.push({ type, name })
    if (found.length > 0) this.overdue = true
    return found
  }

  /** Whether `refresh` would read anything. */
  get stale(): boolean {
    return !this.retired && (this.overdue || this.seen !== this.epoch.now)
  }

  /**
   * Nobody is served from it any more, and nobody will be: whoever still has it, amid a round, refreshes nothing. Another log may
   * be of the same view by now, which would lose what is read for it when this one lets go of all that it does not follow.
   */
  retire(): void {
    this.retired = true
  }

  /** The verdicts changed: read everything again at the next refresh. */
  invalidate(): void {
    this.overdue = true
  }

  /** The same class may get a new view object when nobody used it for a while. */
  setView(view: View): void {
    if (view === this.present) return
    this.present = view
    this.overdue = true
    this.readUpTo = undefined
  }

  /**
   * Publishes the present configuration: whatever differs from what is published becomes a new position of its type. All
   * types at once, so that one position of each belongs to one state of the configuration.
   *
   * While a client is amid the steps of the last state the next one waits, and what changes meanwhile is one change: under
   * steady changes clusters would otherwise be renewed for ever before the routes to them are ever sent. Endpoints do not
   * wait; nothing points to them.
   * @returns the types that changed
   */
  refresh(): readonly ResourceType[] {
    this.untold = false
    if (!this.stale) return []
    if (!this.amid) return this.refreshAll()
    this.held = true
    return this.refreshEndpoints()
  }

  /**
   * Compiles what the next `refresh` will read, a resource at a time, so that it finds nothing left to compile. What changes
   * meanwhile it reads again.
   */
  *prepare(): Generator<void> {
    if (!this.stale || this.amid) return
    if (this.readsTables) yield* this.view.prepareTables?.() ?? []
    const suspects = this.suspects()
    for (const type of RESOURCE_TYPES)
      for (const name of this.logs[type].outdated(suspects)) {
        this.view.get(type, name)
        yield
      }
  }

  /**
   * The same for what a client is about to ask for, the load assignments of its clusters included. Undefined when most of it is known.
   * @param names subscribed one by one
   */
  preparation(type: ResourceType, wildcard: boolean, names: readonly string[]): Generator<void> | undefined {
    const { view } = this
    const log = this.logs[type]
    // The names of what is not sent on demand depend on the tables.
    const tables = (type === 'rds' || (type === 'cds' && wildcard && view.onDemand)) && log.wouldRead(wildcard, names)
    const prepares = tables ? view.prepareTables?.() : undefined
    const known = prepares ? [] : log.unread(wildcard, names)
    if (!prepares && known.length <= FEW) return undefined
    return (function* () {
      if (prepares) yield* prepares
      for (const name of prepares ? log.unread(wildcard, names) : known) {
        const children = view.get(type, name)?.children ?? []
        yield
        for (const child of children) {
          view.get(child.type, child.name)
          yield
        }
      }
    })()
  }

  /** Whether some client was sent a route table, or clusters by what the tables name. */
  private get readsTables(): boolean {
    return this.logs.rds.hasReaders || (this.view.onDemand !== undefined && this.logs.cds.hasReaders)
  }

  /** Whether `refresh` should be called, and all clients told: a change that was held back can be published now, or was because one of them asked. */
  get due(): boolean {
    return this.untold || (this.held && !this.amid)
  }

  private get amid(): boolean {
    for (const reader of this.readers) if (reader.amid) return true
    return false
  }

  private refreshEndpoints(): readonly ResourceType[] {
    if (!this.logs.eds.refresh('hold', this.suspects())) return []
    this.logs.eds.trim(this.behind('eds'))
    return ['eds']
  }

  private refreshAll(): readonly ResourceType[] {
    const suspects = this.suspects()
    this.held = false
    this.seen = this.epoch.now
    this.overdue = false
    this.readUpTo = this.view.moment?.()
    const changed: ResourceType[] = []
    const users = [...USES_OTHERS].filter((type) => this.logs[type].refresh('publish', suspects))
    changed.push(...users)
    // Before it is asked what is refused: what is gone keeps nothing.
    if (this.verdicts.any) this.forgetUnfollowed()
    // While an old route is served in place of a refused one, what it points to must stay.
    const removals = this.verdicts.any && this.verdicts.pinned(USES_OTHERS) ? 'hold' : 'publish'
    for (const type of REMOVED_LAST) if (this.logs[type].refresh(removals, suspects)) changed.push(type)
    if (changed.includes('cds')) this.followChildren()
    for (const type of changed) this.logs[type].trim(this.behind(type))
    return changed
  }

  /** What may differ from what was last read; undefined when everything may, as after a verdict. */
  private suspects(): Suspects | undefined {
    if (this.overdue || this.verdicts.any || this.readUpTo === undefined) return undefined
    return this.view.suspects?.(this.readUpTo)
  }

  /**
   * Follows what a client newly asks for and lets go of what it no longer wants. New names are read from the present
   * configuration; a class that is behind is brought up to it first, so that all it publishes is of one moment.
   */
  track(type: ResourceType, change: InterestChange): void {
    const log = this.logs[type]
    const { before, interest, added, dropped } = change
    const newWildcard = interest.wildcard && !before.wildcard
    const reads = log.wouldRead(newWildcard, added)
    if (this.stale && reads) {
      // Endpoints may be newer than the clusters they are of; what points to others may not.
      const published = USES_OTHERS.has(type) ? this.refreshAll() : this.refresh()
      this.untold = published.length > 0
    }
    log.follow(added)
    if (newWildcard) log.followAll()
    log.unfollow(dropped)
    if (before.wildcard && !interest.wildcard) log.unfollowAll()
    if (type === 'cds' && (dropped.length > 0 || (before.wildcard && !interest.wildcard))) this.outlived = true
    if (type !== 'cds' || !reads) return
    if (newWildcard || this.outlived) this.followChildren()
    else this.followChildrenOf(added)
  }

  /** A client goes; a portion of its names with each step. */
  *release(type: ResourceType, interest: Interest): Generator<void> {
    const log = this.logs[type]
    if (type === 'cds') this.outlived = true
    if (interest.wildcard) log.unfollowAll()
    if (interest.names.size <= RELEASED_AT_ONCE) {
      log.unfollow(interest.names)
      return
    }
    let portion: string[] = []
    for (const name of interest.names) {
      if (portion.push(name) < RELEASED_AT_ONCE) continue
      log.unfollow(portion)
      portion = []
      yield
    }
    log.unfollow(portion)
  }

  /** A refused resource that no client asks for any more is read by nobody: whether it is gone must be asked here. */
  private forgetUnfollowed(): void {
    for (const { type, name } of this.verdicts.refused)
      if (!this.logs[type].follows(name)) this.verdicts.publishable(type, name, this.view.get(type, name))
  }

  /**
   * Endpoints are read in the moment their cluster is published, not when a client asks for them later: by then the
   * configuration may have no such cluster any more, and the one that was sent would wait for endpoints in vain. Those of
   * clusters nobody wants any more are let go at the next change of clusters.
   */
  private followChildren(): void {
    this.outlived = false
    const wanted = new Set<string>()
    for (const { children } of this.logs.cds.published()) for (const child of children) wanted.add(child.name)
    const added = [...wanted].filter((name) => !this.children.has(name))
    const dropped = [...this.children].filter((name) => !wanted.has(name))
    this.children = wanted
    this.logs.eds.follow(added)
    this.logs.eds.unfollow(dropped)
  }

  /** The same for clusters that were just asked for: there may be thousands of others, and a request waits for these. */
  private followChildrenOf(clusters: readonly string[]): void {
    const added = new Set<string>()
    for (const name of clusters)
      for (const child of this.logs.cds.get(name)?.children ?? [])
        if (!this.children.has(child.name)) added.add(child.name)
    if (added.size === 0) return
    this.logs.eds.follow(added)
    for (const name of added) this.children.add(name)
  }

  /** Ids of the clients that have just this version of a resource, as far as is known. */
  holders(resource: Resource): Iterable<string> {
    return holders(this.readers, resource, this.logs[resource.type])
  }

  /** The lowest position some client still needs. */
  private behind(type: ResourceType): number {
    let lowest = this.logs[type].position
    for (const reader of this.readers) {
      const place = reader.place(type)
      if (place) lowest = Math.min(lowest, place.upserted, place.removed)
    }
    return lowest
  }

  private source(type: ResourceType) {
    return {
      names: () => (type === 'cds' && this.view.onDemand ? this.view.onDemand.eager() : this.view.names(type)),
      forget: (name: string) => {
        this.view.forget?.(type, name)
        this.verdicts.unfollowed(type, name)
      },
      forgetOthers: (wanted: (name: string) => boolean) => {
        for (const name of this.view.forgetOthers?.(type, wanted) ?? []) this.verdicts.unfollowed(type, name)
      },
      keep: (published: Resource) => (this.verdicts.any ? this.verdicts.usable(published) : published),
      get: (name: string) => {
        const compiled = this.view.get(type, name)
        return this.verdicts.any || !compiled ? this.verdicts.publishable(type, name, compiled) : compiled
      },
    }
  }
}
