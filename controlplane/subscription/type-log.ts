import type { ResourceType } from '../../proto/types.ts'
import type { Resource, Suspects } from '../xds/resource.ts'
import { FrameCache, fullSetVersion } from './frames.ts'
import type { Interest } from './interest.ts'

/** Where a type's resources come from. */
export interface Source {
  /** What a wildcard subscription gets. */
  names(): readonly string[]
  get(name: string): Resource | undefined
  /** What to keep of a published resource that goes: itself, or what was accepted before if it was refused. */
  keep(published: Resource): Resource | undefined
  /** Nobody asks for the name any more. */
  forget(name: string): void
}

/** What a client has to hear, by name. */
export interface Pending {
  readonly upserts: readonly string[]
  readonly removals: readonly string[]
}

/** Names that are asked for and do not exist, in all logs that share the count. */
export interface Missing {
  count: number
}

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

const NOTHING: Pending = { upserts: [], removals: [] }

/** Names of a list from which on its entries are remembered. */
const LONG_LIST = 32

/** Changes older than the slowest client's position are kept in at most this many steps; more are folded together. */
const MOST_STEPS = 64

/**
 * The published resources of one type for one class, and their changes in order. Newest wins: the log says which names
 * changed after a position, never what they were in between, so a slow client costs one entry per name.
 */
export class TypeLog {
  readonly type: ResourceType
  /** Grows by one with each published change; the first state is 1, so that 0 is before everything. */
  position = 1
  readonly frames = new FrameCache()
  private readonly source: Source
  private readonly entries = new Map<string, Entry>()
  /** Streams subscribed to the wildcard. */
  private wildcards = 0
  private wildNames: readonly string[] = []
  /** Names whose removal was put off by `keep`, and whether wildcard names were: to be looked at again in any case. */
  private deferred = new Set<string>()
  private namesDeferred = false
  /** Names that may have a ghost. */
  private readonly ghosts = new Set<string>()
  /** name → whether the change matters to the wildcard. Ascending positions. */
  private steps: { readonly position: number; readonly names: ReadonlyMap<string, boolean> }[] = []
  private readonly changesMemo = new Map<number, ReadonlyMap<string, boolean>>()
  private readonly pendingMemo = new Map<string, Pending>()
  private readonly allMemo = new Map<string, readonly Resource[]>()
  private readonly knownMemo = new Map<string, readonly Resource[]>()
  private readonly versionMemo = new Map<string, string>()
  private readonly absentMemo = new Map<string, readonly string[]>()
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

  /** Everything a client with this interest gets, wildcard names first, each name once. */
  all(interest: Interest): readonly Resource[] {
    const key = interestKey(interest)
    const known = this.allMemo.get(key)
    if (known) return known
    const all: Resource[] = []
    if (interest.wildcard) {
      for (const name of this.wildNames) {
        const resource = this.get(name)
        if (resource) all.push(resource)
      }
    }
    for (const name of interest.names) {
      const entry = this.entries.get(name)
      if (entry?.published && !(interest.wildcard && entry.wild)) all.push(entry.published)
    }
    remember(this.allMemo, key, all)
    return all
  }

  /** What a full set of all that a client with this interest gets is called. */
  fullSetVersion(interest: Interest): string {
    const key = interestKey(interest)
    const known = this.versionMemo.get(key)
    if (known !== undefined) return known
    const version = fullSetVersion(this.all(interest))
    remember(this.versionMemo, key, version)
    return version
  }

  /** The same without what is not known yet. */
  known(interest: Interest): readonly Resource[] {
    const key = interestKey(interest)
    const memo = this.knownMemo.get(key)
    if (memo) return memo
    const all = this.all(interest)
    const known = all.some(({ pending }) => pending) ? all.filter(({ pending }) => !pending) : all
    remember(this.knownMemo, key, known)
    return known
  }

  /** Names a client with this interest asks for one by one and does not get. */
  absent(interest: Interest): readonly string[] {
    const key = interestKey(interest)
    const known = this.absentMemo.get(key)
    if (known) return known
    const absent = [...interest.names].filter((name) => !this.visible(name, interest))
    remember(this.absentMemo, key, absent)
    return absent
  }

  /** What changed after `from` for a client with this interest. */
  pending(from: number, interest: Interest): Pending {
    if (from >= this.position) return NOTHING
    const key = `${from} ${interestKey(interest)}`
    const known = this.pendingMemo.get(key)
    if (known) return known
    const upserts: string[] = []
    const removals: string[] = []
    for (const [name, wild] of this.changes(from)) {
      if (!(interest.wildcard && wild) && !interest.names.has(name)) continue
      if (this.visible(name, interest)) upserts.push(name)
      else removals.push(name)
    }
    const pending = { upserts, removals }
    remember(this.pendingMemo, key, pending)
    return pending
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
    this.wildNames = this.source.names()
    try {
      for (const name of this.wildNames) this.entry(name).wild = true
    } finally {
      this.forgetMemos()
    }
  }

  unfollowAll(): void {
    if (--this.wildcards > 0) return
    for (const name of this.wildNames) {
      const entry = this.entries.get(name)
      if (!entry) continue
      entry.wild = false
      if (!isFollowed(entry)) this.unfollowed(name, entry)
    }
    this.wildNames = []
    this.forgetMemos()
  }

  /**
   * Reads followed names again.
   * @param keep publish no removals now, and take back those that some client has not heard yet
   * @param suspects what may differ from what was read before; undefined: everything
   * @returns whether anything changed
   */
  refresh(keep: boolean, suspects?: Suspects): boolean {
    const changed = new Map<string, boolean>()
    const next = this.position + 1
    if (keep) this.revive(changed)
    let wildNames = this.wildNames
    if (this.wildcards > 0 && (!suspects || this.namesDeferred || suspects.names(this.type))) {
      this.namesDeferred = false
      wildNames = this.source.names()
      if (wildNames !== this.wildNames) {
        const under = new Set(wildNames)
        if (keep) {
          wildNames = [...wildNames, ...this.wildNames.filter((name) => !under.has(name))]
          this.namesDeferred = true
        } else {
          for (const name of this.wildNames) {
            const entry = this.entries.get(name)
            if (!entry?.wild || under.has(name)) continue
            entry.wild = false
            this.forgetLists()
            entry.wasWild = true
            changed.set(name, true)
          }
        }
        for (const name of under) {
          const entry = this.entry(name)
          if (entry.wild) continue
          entry.wild = true
          changed.set(name, true)
        }
      }
    }
    const looked = suspects
      ? new Set([...suspects.resources(this.type), ...changed.keys(), ...this.deferred])
      : this.entries.keys()
    this.deferred = new Set()
    for (const name of looked) {
      const entry = this.entries.get(name)
      if (!entry || (!isFollowed(entry) && !changed.has(name))) continue
      // Before the source is asked: with the resource its verdicts are forgotten.
      const ghost = entry.published && this.source.keep(entry.published)
      const published = this.source.get(name)
      if (published?.version === entry.published?.version) continue
      if (keep && !published) {
        this.deferred.add(name)
        continue
      }
      entry.ghost = published ? undefined : ghost
      if (entry.ghost) this.ghosts.add(name)
      if (!entry.published || entry.published.pending) entry.since = next
      this.publish(entry, published)
      changed.set(name, entry.wild || (changed.get(name) ?? false))
    }
    this.wildNames = wildNames
    if (changed.size === 0) return false
    this.position = next
    for (const name of changed.keys()) this.entries.get(name)!.changed = next
    this.steps.push({ position: next, names: changed })
    this.forgetMemos()
    return true
  }

  private revive(changed: Map<string, boolean>): void {
    for (const name of this.ghosts) {
      const entry = this.entries.get(name)
      if (!entry?.ghost || entry.published) continue
      this.publish(entry, entry.ghost)
      entry.since = this.position + 1
      entry.ghost = undefined
      if (entry.wasWild && this.wildcards > 0) {
        entry.wild = true
        this.wildNames = [...this.wildNames, name]
        this.namesDeferred = true
      }
      changed.set(name, entry.wild)
    }
    this.ghosts.clear()
  }

  /** Forgets what every client has heard, and folds what only slow ones have not. */
  trim(behind: number): void {
    const heard = this.steps.findIndex((step) => step.position > behind)
    const old = heard === -1 ? this.steps.splice(0) : this.steps.splice(0, heard)
    for (const step of old) {
      for (const name of step.names.keys()) {
        const entry = this.entries.get(name)
        if (!entry) continue
        if (entry.changed <= behind) {
          entry.ghost = undefined
          this.ghosts.delete(name)
        }
        this.forgetIfUnused(name, entry)
      }
    }
    if (this.steps.length <= MOST_STEPS) return
    const folded = this.steps.splice(0, this.steps.length / 2)
    const names = new Map<string, boolean>()
    for (const step of folded)
      for (const [name, wild] of step.names) names.set(name, wild || (names.get(name) ?? false))
    this.steps.unshift({ position: folded.at(-1)!.position, names })
  }

  private changes(from: number): ReadonlyMap<string, boolean> {
    const known = this.changesMemo.get(from)
    if (known) return known
    const merged = new Map<string, boolean>()
    for (let index = this.steps.length - 1; index >= 0 && this.steps[index]!.position > from; index--) {
      for (const [name, wild] of this.steps[index]!.names) merged.set(name, wild || (merged.get(name) ?? false))
    }
    remember(this.changesMemo, from, merged)
    return merged
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
    if (this.steps.some((step) => step.names.has(name))) return
    this.entries.delete(name)
    if (!entry.published) this.missing.count--
    // What exists is likely to be asked for again; of what does not, and of authorities, there may be any number.
    if (!entry.published || this.type === 'vhds') this.source.forget(name)
  }

  private forgetMemos(): void {
    this.changesMemo.clear()
    this.pendingMemo.clear()
    this.allMemo.clear()
    this.knownMemo.clear()
    this.versionMemo.clear()
    this.absentMemo.clear()
    this.frames.clear()
  }
}

/** Entries nobody follows are only remembered for those who must still hear that the name went; they may be out of date. */
function isFollowed(entry: Entry | undefined): boolean {
  return entry !== undefined && (entry.wild || entry.holders > 0)
}

export function interestKey(interest: Interest): string {
  return interest.wildcard ? `*${interest.names.id}` : `${interest.names.id}`
}

/** Streams in the same state share an answer; when there are very many states, memory matters more. */
const MOST_REMEMBERED = 256

function remember<K, V>(memo: Map<K, V>, key: K, value: V): void {
  if (memo.size >= MOST_REMEMBERED) memo.clear()
  memo.set(key, value)
}
