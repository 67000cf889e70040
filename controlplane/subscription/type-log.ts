import type { ResourceType } from '../../proto/types.ts'
import type { Resource, Suspects } from '../xds/resource.ts'
import { Answers, type Pending, type Published } from './answers.ts'
import { FrameCache } from './frames.ts'
import { type Changes, History } from './history.ts'
import type { Interest } from './interest.ts'
import type { Missing, Source } from './source.ts'

interface Entry {
  published: Resource | undefined
  /** What was published before it went: state-of-the-world clients keep it until they stopped using it. */
  ghost: Resource | undefined
  /** Under the wildcard. */
  wild: boolean
  /** Was under the wildcard before it went. */
  wasWild: boolean
  /** Streams that asked for the name itself. */
  holders: number
  /** Position of the last change. */
  changed: number
  /** Position since which there has always been something. */
  since: number
}

/** What a refresh does with names that are no longer there: tell of them, or go on serving what there was. */
export type Removals = 'publish' | 'hold'

/** Names to tell of, and whether those under the wildcard are told, too. */
type ChangedNames = Map<string, boolean>

/** Names of a list from which on its entries are remembered. */
const LONG_LIST = 32

/**
 * The published resources of one type for one class, and their changes in order. Newest wins: the log says which names
 * changed after a position, never what they were in between, so a slow client costs one entry per name.
 */
export class TypeLog implements Published {
  readonly type: ResourceType
  /** Grows by one with each published change; the first state is 1, so that 0 is before everything. */
  position = 1
  readonly frames = new FrameCache()
  private readonly source: Source
  private readonly entries = new Map<string, Entry>()
  /** Streams subscribed to the wildcard. */
  private wildcards = 0
  private wild: readonly string[] = []
  /** Names whose removal is on hold, and whether wildcard names were: to be looked at again in any case. */
  private deferred = new Set<string>()
  private namesDeferred = false
  /** Names that may have a ghost. */
  private readonly ghosts = new Set<string>()
  private readonly history = new History()
  private readonly answers = new Answers(this)
  /**
   * Entries of whole lists, all of them followed. A thousand proxies that say the same names share one list (`name-lists.ts`): what the
   * first of them looks up the others find. Empty again as soon as a name is followed no longer.
   */
  private lists = new WeakMap<readonly string[], readonly Entry[]>()
  private hasLists = false

  private readonly missing: Missing

  constructor(type: ResourceType, source: Source, missing: Missing = { count: 0 }) {
    this.type = type
    this.source = source
    this.missing = missing
  }

  /** Whether some client is told of this name. */
  follows(name: string): boolean {
    return isFollowed(this.entries.get(name))
  }

  /** Whether anybody asked for anything of the type. */
  get hasReaders(): boolean {
    return this.wildcards > 0 || this.entries.size > 0
  }

  /** What is published under the name now. */
  get(name: string): Resource | undefined {
    return this.entries.get(name)?.published
  }

  /** All that is published and followed. */
  *published(): Generator<Resource> {
    for (const entry of this.entries.values()) if (entry.published && isFollowed(entry)) yield entry.published
  }

  /** What was last published under the name, also after it went, for as long as some client may use it. */
  last(name: string): Resource | undefined {
    const entry = this.entries.get(name)
    return entry?.published ?? entry?.ghost
  }

  /** Position of the last change of what is followed under the name. */
  changedAt(name: string): number {
    return this.entries.get(name)?.changed ?? 0
  }

  /** Whether there was something under the name at this position, and has been ever since. */
  existedAt(position: number, name: string): boolean {
    const entry = this.entries.get(name)
    return entry?.published !== undefined && entry.since <= position
  }

  /** Whether a client with this interest gets the name at present. */
  visible(name: string, interest: Interest): boolean {
    const entry = this.entries.get(name)
    return entry?.published !== undefined && ((interest.wildcard && entry.wild) || interest.names.has(name))
  }

  /** Under the wildcard, in order. */
  get wildNames(): readonly string[] {
    return this.wild
  }

  isWild(name: string): boolean {
    return this.entries.get(name)?.wild === true
  }

  changes(from: number): Changes {
    return this.history.after(from)
  }

  /** Everything a client with this interest gets, wildcard names first, each name once. */
  all(interest: Interest): readonly Resource[] {
    return this.answers.all(interest)
  }

  /** The same without what is not known yet. */
  known(interest: Interest): readonly Resource[] {
    return this.answers.known(interest)
  }

  /** What a full set of all that a client with this interest gets is called. */
  fullSetVersion(interest: Interest): string {
    return this.answers.fullSetVersion(interest)
  }

  /** Names a client with this interest asks for one by one and does not get. */
  absent(interest: Interest): readonly string[] {
    return this.answers.absent(interest)
  }

  /** What changed after `from` for a client with this interest. */
  pending(from: number, interest: Interest): Pending {
    return this.answers.pending(from, interest)
  }

  /** Whether following these names needs the source. */
  wouldRead(wildcard: boolean, names: readonly string[]): boolean {
    if (wildcard && this.wildcards === 0) return true
    if (this.lists.has(names)) return false
    for (const name of names) if (!isFollowed(this.entries.get(name))) return true
    return false
  }

  /** Names that following these would read from the source. */
  unread(wildcard: boolean, names: readonly string[]): readonly string[] {
    const unread: string[] = []
    if (!this.lists.has(names))
      for (const name of names) if (name !== '*' && !isFollowed(this.entries.get(name))) unread.push(name)
    if (wildcard && this.wildcards === 0)
      for (const name of this.source.names()) if (!isFollowed(this.entries.get(name))) unread.push(name)
    return unread
  }

  /** Names that `refresh` would read from the source, all but those somebody asks for the first time. */
  outdated(suspects?: Suspects): readonly string[] {
    const looked = suspects ? suspects.resources(this.type) : this.entries.keys()
    const names = [...looked].filter((name) => isFollowed(this.entries.get(name)))
    if (this.wildcards > 0 && (!suspects || suspects.names(this.type)))
      for (const name of this.source.names()) if (!isFollowed(this.entries.get(name))) names.push(name)
    return names
  }

  /** A stream asks for these names: they are read, and followed from now on. */
  follow(names: Iterable<string>): void {
    const list = Array.isArray(names) && names.length >= LONG_LIST ? (names as readonly string[]) : undefined
    const known = list && this.lists.get(list)
    const entries: Entry[] = []
    let added = false
    const hold = (entry: Entry) => {
      added ||= entry.holders === 0
      entry.holders++
    }
    try {
      if (known) for (const entry of known) hold(entry)
      else
        for (const name of names) {
          const entry = this.entry(name)
          hold(entry)
          if (list) entries.push(entry)
        }
    } finally {
      if (added) this.forgetMemos()
    }
    if (!list || known) return
    this.lists.set(list, entries)
    this.hasLists = true
  }

  unfollow(names: Iterable<string>): void {
    for (const name of names) {
      const entry = this.entries.get(name)
      if (!entry) continue
      entry.holders--
      if (!isFollowed(entry)) this.unfollowed(name, entry)
    }
  }

  /** A stream subscribes to the wildcard. */
  followAll(): void {
    if (this.wildcards++ > 0) return
    this.wild = this.source.names()
    try {
      for (const name of this.wild) this.entry(name).wild = true
    } finally {
      this.forgetMemos()
    }
  }

  unfollowAll(): void {
    if (--this.wildcards > 0) return
    for (const name of this.wild) {
      const entry = this.entries.get(name)
      if (!entry) continue
      entry.wild = false
      if (!isFollowed(entry)) this.unfollowed(name, entry)
    }
    this.wild = []
    this.forgetMemos()
  }

  /**
   * Reads followed names again.
   * @param removals `hold`: publish none now, and take back those that some client has not heard yet
   * @param suspects what may differ from what was read before; undefined: everything
   * @returns whether anything changed
   */
  refresh(removals: Removals, suspects?: Suspects): boolean {
    const changed: ChangedNames = new Map()
    if (removals === 'hold') this.revive(changed)
    const looksAtNames = this.wildcards > 0 && (!suspects || this.namesDeferred || suspects.names(this.type))
    const wild = looksAtNames ? this.readWildNames(removals, changed) : this.wild
    const renewed = this.readResources(removals, changed, suspects)
    this.wild = wild
    if (renewed) this.answers.forget()
    if (changed.size === 0) return false
    this.position++
    for (const name of changed.keys()) this.entries.get(name)!.changed = this.position
    this.history.add(this.position, changed)
    this.forgetMemos()
    return true
  }

  /** The names under the wildcard by now. Those that came and went are noted in `changed`. */
  private readWildNames(removals: Removals, changed: ChangedNames): readonly string[] {
    this.namesDeferred = false
    const names = this.source.names()
    if (names === this.wild) return names
    const under = new Set(names)
    const left = this.wild.filter((name) => !under.has(name))
    if (removals === 'hold') this.namesDeferred = true
    else for (const name of left) this.leaveWild(name, changed)
    for (const name of under) {
      const entry = this.entry(name)
      if (entry.wild) continue
      entry.wild = true
      changed.set(name, true)
    }
    return removals === 'hold' ? [...names, ...left] : names
  }

  private leaveWild(name: string, changed: ChangedNames): void {
    const entry = this.entries.get(name)
    if (!entry?.wild) return
    entry.wild = false
    entry.wasWild = true
    this.forgetLists()
    changed.set(name, true)
  }

  /**
   * Reads what may differ, and what `changed` names. Names of which there is something else, or nothing any more, are noted there.
   * @returns whether something is the same, but known by a new object
   */
  private readResources(removals: Removals, changed: ChangedNames, suspects: Suspects | undefined): boolean {
    const looked = suspects
      ? new Set([...suspects.resources(this.type), ...changed.keys(), ...this.deferred])
      : this.entries.keys()
    if (!suspects) this.source.forgetOthers((name) => this.entries.has(name))
    this.deferred = new Set()
    let renewed = false
    for (const name of looked) {
      const entry = this.entries.get(name)
      // What nobody is told of would be read anew when it is asked for again; it may be gone for good.
      if (!entry) this.source.forget(name)
      if (!entry || (!isFollowed(entry) && !changed.has(name))) continue
      // Before the source is asked: with the resource its verdicts are forgotten.
      const ghost = entry.published && this.source.keep(entry.published)
      const published = this.source.get(name)
      if (published?.version === entry.published?.version) {
        // The same again, and nothing to tell anybody; but where it comes from is known by the new one.
        renewed ||= published !== entry.published
        entry.published = published
        continue
      }
      if (removals === 'hold' && !published) {
        this.deferred.add(name)
        continue
      }
      entry.ghost = published ? undefined : ghost
      if (entry.ghost) this.ghosts.add(name)
      if (!entry.published || entry.published.pending) entry.since = this.position + 1
      this.publish(entry, published)
      changed.set(name, entry.wild || (changed.get(name) ?? false))
    }
    return renewed
  }

  /** Removals that some client has not heard yet are taken back. */
  private revive(changed: ChangedNames): void {
    for (const name of this.ghosts) {
      const entry = this.entries.get(name)
      if (!entry?.ghost || entry.published) continue
      this.publish(entry, entry.ghost)
      entry.since = this.position + 1
      entry.ghost = undefined
      if (entry.wasWild && this.wildcards > 0) {
        entry.wild = true
        this.wild = [...this.wild, name]
        this.namesDeferred = true
      }
      changed.set(name, entry.wild)
    }
    this.ghosts.clear()
  }

  /** Forgets what every client has heard. @param behind position all have reached */
  trim(behind: number): void {
    for (const names of this.history.trim(behind)) {
      for (const name of names) {
        const entry = this.entries.get(name)
        if (!entry) continue
        if (entry.changed <= behind) {
          entry.ghost = undefined
          this.ghosts.delete(name)
        }
        this.forgetIfUnused(name, entry)
      }
    }
  }

  /**
   * The entry of a name about to be followed, read from the source unless it is followed already: without a new position, since
   * nobody who has heard of this name is following it. The caller forgets what was computed before.
   */
  private entry(name: string): Entry {
    const known = this.entries.get(name)
    if (known && isFollowed(known)) return known
    const published = this.source.get(name)
    const since = this.position
    if (known) {
      this.publish(known, published)
      known.since = since
      return known
    }
    const entry = { published, ghost: undefined, wild: false, wasWild: false, holders: 0, changed: since, since }
    if (!published) this.missing.count++
    this.entries.set(name, entry)
    return entry
  }

  private publish(entry: Entry, resource: Resource | undefined): void {
    this.missing.count += (resource ? 0 : 1) - (entry.published ? 0 : 1)
    entry.published = resource
  }

  private unfollowed(name: string, entry: Entry): void {
    this.forgetLists()
    this.forgetIfUnused(name, entry)
  }

  private forgetLists(): void {
    if (!this.hasLists) return
    this.lists = new WeakMap()
    this.hasLists = false
  }

  /** A name nobody follows goes, unless a client must still hear that it went. */
  private forgetIfUnused(name: string, entry: Entry): void {
    if (isFollowed(entry) || entry.ghost) return
    if (this.history.has(name)) return
    this.entries.delete(name)
    if (!entry.published) this.missing.count--
    // What exists is likely to be asked for again; of what does not, and of authorities, there may be any number.
    if (!entry.published || this.type === 'vhds') this.source.forget(name)
  }

  private forgetMemos(): void {
    this.answers.forget()
    this.frames.clear()
  }
}

/** Entries nobody follows are only remembered for those who must still hear that the name went; they may be out of date. */
function isFollowed(entry: Entry | undefined): boolean {
  return entry !== undefined && (entry.wild || entry.holders > 0)
}
