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

/** What was worked out for one interest so far. */
interface Known {
  all: readonly Resource[] | undefined
  known: readonly Resource[] | undefined
  fullSetVersion: string | undefined
  absent: readonly string[] | undefined
}

/** What clients with some interest get of a type, worked out once for all that have the same. */
export class Answers {
  private readonly published: Published
  /** By interest. */
  private readonly memo = new Map<string, Known>()
  /** By position and interest. */
  private readonly pendingMemo = new Map<string, Pending>()

  constructor(published: Published) {
    this.published = published
  }

  /** The published state is another one, or holds other names. */
  forget(): void {
    this.memo.clear()
    this.pendingMemo.clear()
  }

  /** Everything, wildcard names first, each name once. */
  all(interest: Interest): readonly Resource[] {
    const memo = this.of(interest)
    memo.all ??= this.everything(interest)
    return memo.all
  }

  /** The same without what is not known yet. */
  known(interest: Interest): readonly Resource[] {
    const memo = this.of(interest)
    if (memo.known) return memo.known
    const all = this.all(interest)
    memo.known = all.some(({ pending }) => pending) ? all.filter(({ pending }) => !pending) : all
    return memo.known
  }

  /** What a full set of everything is called. */
  fullSetVersion(interest: Interest): string {
    const memo = this.of(interest)
    memo.fullSetVersion ??= fullSetVersion(this.all(interest))
    return memo.fullSetVersion
  }

  /** Names asked for one by one that do not exist. */
  absent(interest: Interest): readonly string[] {
    const memo = this.of(interest)
    memo.absent ??= [...interest.names].filter((name) => !this.published.visible(name, interest))
    return memo.absent
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

  private of(interest: Interest): Known {
    const key = interestKey(interest)
    const memo = this.memo.get(key)
    if (memo) return memo
    const made: Known = { all: undefined, known: undefined, fullSetVersion: undefined, absent: undefined }
    remember(this.memo, key, made)
    return made
  }

  private everything({ wildcard, names }: Interest): readonly Resource[] {
    const { published } = this
    const all: Resource[] = []
    if (wildcard) {
      for (const name of published.wildNames) {
        const resource = published.get(name)
        if (resource) all.push(resource)
      }
    }
    for (const name of names) {
      const resource = published.get(name)
      if (resource && !(wildcard && published.isWild(name))) all.push(resource)
    }
    return all
  }
}

/** Equal for equal interests. */
export function interestKey(interest: Interest): string {
  return interest.wildcard ? `*${interest.names.id}` : `${interest.names.id}`
}
