import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import { recorded } from '../model/cells.ts'
import { type Reads, touches, type Writes, writesNow, writesSince } from '../model/reads.ts'
import type { Suspects } from './resource.ts'

const NOTHING: ReadonlySet<string> = new Set()
const NO_SOURCES: readonly number[] = []
/** More differences than these are not remembered: whoever asks that late is told that anything may differ. */
const MOST_DIFFERENCES = 1024

interface Read {
  readonly value: unknown
  readonly reads: Reads
}

/**
 * What each resource of a view was last computed from. A change then leads to the few resources that may differ, instead of
 * to a look at every one of them.
 */
export class ReadRecord {
  readonly #names = new Map<ResourceType, Map<string, Read>>()
  readonly #resources = new Map<ResourceType, Map<string, Read>>(RESOURCE_TYPES.map((type) => [type, new Map()]))
  /** Those that read a source that is one of many. */
  readonly #readers = new Map<number, Map<ResourceType, Set<string>>>()
  /** What somebody found to differ, and when: what it reads now no longer tells why. `name` is undefined for the list of names. */
  #differences: { readonly at: number; readonly type: ResourceType; readonly name: string | undefined }[] = []
  /** Differences up to here were forgotten. */
  #forgotten = Number.NEGATIVE_INFINITY

  /** @param list which of several lists of names of the type */
  names(type: ResourceType, read: () => readonly string[], list = 'all'): readonly string[] {
    const { value, reads } = recorded(read)
    const lists = this.#names.get(type) ?? new Map<string, Read>()
    this.#names.set(type, lists)
    const before = lists.get(list)
    if (before?.value === value && sameReads(before.reads, reads)) return value
    lists.set(list, { value, reads })
    if (before) this.#differs(type, undefined)
    return value
  }

  /** Reads a resource and notes what it was made of, and whether it differs from last time. */
  resource<T>(type: ResourceType, name: string, read: (name: string) => T): T {
    const { value, reads } = recorded(() => read(name))
    const known = this.#resources.get(type)!
    const before = known.get(name)
    if (before && before.value === value && sameReads(before.reads, reads)) return value
    known.set(name, { value, reads })
    if (before) {
      this.#differs(type, name)
      this.#readsNoMore(type, name, before.reads.fine, reads.fine)
    }
    for (const id of reads.fine) {
      const readers = this.#readers.get(id) ?? new Map<ResourceType, Set<string>>()
      this.#readers.set(id, readers)
      const names = readers.get(type)
      if (names) names.add(name)
      else readers.set(type, new Set([name]))
    }
    return value
  }

  /** Names of resources that were asked for and not forgotten. */
  known(type: ResourceType): Iterable<string> {
    return this.#resources.get(type)!.keys()
  }

  /** Nobody follows the resource any more. */
  forget(type: ResourceType, name: string): void {
    const known = this.#resources.get(type)!
    this.#readsNoMore(type, name, known.get(name)?.reads.fine ?? NO_SOURCES, NO_SOURCES)
    known.delete(name)
  }

  #readsNoMore(type: ResourceType, name: string, before: readonly number[], now: readonly number[]): void {
    if (before === now) return
    for (const id of before) {
      if (now.includes(id)) continue
      const readers = this.#readers.get(id)
      const names = readers?.get(type)
      names?.delete(name)
      if (names?.size === 0) readers?.delete(type)
      if (readers?.size === 0) this.#readers.delete(id)
    }
  }

  /** Now, for `suspects`. */
  moment(): number {
    return writesNow()
  }

  /** What may differ since a moment; undefined: anything may. */
  suspects(moment: number): Suspects | undefined {
    const writes = writesSince(moment)
    if (!writes || this.#forgotten > moment) return undefined
    const found = this.#differences.filter(({ at }) => at > moment)
    const readers = this.readersOf(writes)
    return {
      names: (type) =>
        !this.#names.has(type) ||
        found.some((difference) => difference.type === type && difference.name === undefined) ||
        readers.names(type),
      resources: (type) => {
        const names = new Set(readers.resources(type))
        for (const difference of found)
          if (difference.type === type && difference.name !== undefined) names.add(difference.name)
        return names
      },
    }
  }

  /** Who read what these writes concern; names that nobody has asked for are not among them. */
  readersOf(writes: Writes): Suspects {
    return {
      names: (type) => {
        for (const { reads } of this.#names.get(type)?.values() ?? []) if (touches(reads, writes)) return true
        return false
      },
      resources: (type) => {
        const names = new Set<string>()
        for (const id of writes.fine) for (const name of this.#readers.get(id)?.get(type) ?? NOTHING) names.add(name)
        if (writes.mask !== 0)
          for (const [name, { reads }] of this.#resources.get(type)!) if (reads.mask & writes.mask) names.add(name)
        return names
      },
    }
  }

  #differs(type: ResourceType, name: string | undefined): void {
    this.#differences.push({ at: writesNow(), type, name })
    if (this.#differences.length <= 2 * MOST_DIFFERENCES) return
    const old = this.#differences.splice(0, MOST_DIFFERENCES)
    this.#forgotten = old.at(-1)!.at
  }
}

function sameReads(a: Reads, b: Reads): boolean {
  if (a.mask !== b.mask) return false
  return a.fine === b.fine || (a.fine.length === b.fine.length && a.fine.every((id, index) => b.fine[index] === id))
}
