import type { Resource } from '../xds/resource.ts'
import { fullSetVersion } from './frames.ts'
import type { Interest } from './interest.ts'
import { remember } from './remember.ts'

/** What a client has to hear, by name. */
export interface Pending {
  readonly upserts: readonly string[]
  readonly removals: readonly string[]
}

/** What answers are made of: the published state of one type. */
export interface Published {
  /** Of the last change. */
  readonly position: number
  /** Under the wildcard, in order. */
  readonly wildNames: readonly string[]
  get(name: string): Resource | undefined
  /** Whether the name is under the wildcard. */
  isWild(name: string): boolean
  /** Whether a client with this interest gets the name. */
  visible(name: string, interest: Interest): boolean
  /** Names that changed after a position, and whether that matters to the wildcard. */
  changes(from: number): ReadonlyMap<string, boolean>
}

const NOTHING: Pending = { upserts: [], removals: [] }

/** What clients with some interest get of a type, worked out once for all that have the same. */
export class Answers {
  private readonly published: Published
  private readonly pendingMemo = new Map<string, Pending>()
  private readonly allMemo = new Map<string, readonly Resource[]>()
  private readonly knownMemo = new Map<string, readonly Resource[]>()
  private readonly versionMemo = new Map<string, string>()
  private readonly absentMemo = new Map<string, readonly string[]>()

  constructor(published: Published) {
    this.published = published
  }

  /** The published state is another one, or holds other names. */
  forget(): void {
    this.pendingMemo.clear()
    this.allMemo.clear()
    this.knownMemo.clear()
    this.versionMemo.clear()
    this.absentMemo.clear()
  }

  /** Everything, wildcard names first, each name once. */
  all(interest: Interest): readonly Resource[] {
    const key = interestKey(interest)
    const memo = this.allMemo.get(key)
    if (memo) return memo
    const { published } = this
    const all: Resource[] = []
    if (interest.wildcard) {
      for (const name of published.wildNames) {
        const resource = published.get(name)
        if (resource) all.push(resource)
      }
    }
    for (const name of interest.names) {
      const resource = published.get(name)
      if (resource && !(interest.wildcard && published.isWild(name))) all.push(resource)
    }
    remember(this.allMemo, key, all)
    return all
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

  /** What a full set of everything is called. */
  fullSetVersion(interest: Interest): string {
    const key = interestKey(interest)
    const memo = this.versionMemo.get(key)
    if (memo !== undefined) return memo
    const version = fullSetVersion(this.all(interest))
    remember(this.versionMemo, key, version)
    return version
  }

  /** Names asked for one by one that do not exist. */
  absent(interest: Interest): readonly string[] {
    const key = interestKey(interest)
    const memo = this.absentMemo.get(key)
    if (memo) return memo
    const absent = [...interest.names].filter((name) => !this.published.visible(name, interest))
    remember(this.absentMemo, key, absent)
    return absent
  }

  /** What changed after a position. */
  pending(from: number, interest: Interest): Pending {
    const { published } = this
    if (from >= published.position) return NOTHING
    const key = `${from} ${interestKey(interest)}`
    const memo = this.pendingMemo.get(key)
    if (memo) return memo
    const upserts: string[] = []
    const removals: string[] = []
    for (const [name, wild] of published.changes(from)) {
      if (!(interest.wildcard && wild) && !interest.names.has(name)) continue
      if (published.visible(name, interest)) upserts.push(name)
      else removals.push(name)
    }
    const pending = { upserts, removals }
    remember(this.pendingMemo, key, pending)
    return pending
  }
}

/** Equal for equal interests. */
export function interestKey(interest: Interest): string {
  return interest.wildcard ? `*${interest.names.id}` : `${interest.names.id}`
}
