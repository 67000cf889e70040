import { computed, type ReadonlySignal } from '@preact/signals-core'

/** A memoised pure function that records what it reads. Computed when asked, again only after something it read has changed. */
export type Cell<T> = () => T

/**
 * A cell whose value keeps its identity while `equal` says that nothing changed, so that cells reading it are not computed
 * again. Nobody has to dispose a cell: unwatched cells hold what they read, not the other way round.
 */
export function cell<T>(compute: () => T, equal: (a: T, b: T) => boolean = Object.is): Cell<T> {
  let last: { readonly value: T } | undefined
  const inner: ReadonlySignal<T> = computed(() => {
    const value = compute()
    if (last && equal(last.value, value)) return last.value
    last = { value }
    return value
  })
  return () => inner.value
}

/** A family of cells, one per key, made at first use. */
export function cells<T>(compute: (key: string) => T, equal?: (a: T, b: T) => boolean): (key: string) => T {
  const family = new Map<string, Cell<T>>()
  return (key) => {
    let member = family.get(key)
    if (!member) {
      member = cell(() => compute(key), equal)
      family.set(key, member)
    }
    return member()
  }
}

/** Whether two lists hold the same items in the same order. */
export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => Object.is(item, b[index]))
}

/** Whether two maps hold the same values under the same keys. */
export function sameEntries<K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (!b.has(key) || !Object.is(b.get(key), value)) return false
  return true
}
