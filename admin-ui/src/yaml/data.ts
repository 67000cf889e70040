import { Refusal } from './errors.ts'
import type { Collection, Tree } from './tree.ts'

/**
 * A number as it was written, kept when JavaScript would write it differently (`1.10`, `0755`, more than 53 bits), so that a copy of it
 * loses no digit.
 */
export class WrittenNumber {
  readonly value: number
  readonly source: string
  constructor(value: number, source: string) {
    this.value = value
    this.source = source
  }
}

/** The value a collection has after an edit, told while its tree is read: `at` is the node, `make` gets the value it has now. */
export interface Override {
  readonly at: Tree
  readonly make: (data: unknown) => unknown
}

/**
 * Plain data of a tree. Aliases give the same object as their anchor; merge keys are filled in, own keys win. With an override every
 * alias and merge of the changed node sees the change, as it will in the text.
 */
export function dataOf(text: string, root: Tree, override?: Override): unknown {
  const known = new Map<Tree, unknown>()
  const read = (tree: Tree): unknown => {
    if (tree.kind === 'alias') return read(tree.target)
    if (known.has(tree)) return known.get(tree)
    let data = plain(tree)
    if (override?.at === tree) data = override.make(data)
    known.set(tree, data)
    return data
  }
  const plain = (tree: Tree): unknown => {
    if (tree.kind === 'seq') return tree.slots.map((slot) => read(slot.value))
    if (tree.kind === 'map') return mapData(tree, read)
    if (tree.kind === 'scalar' && typeof tree.value === 'number' && tree.style === 'plain') {
      const source = text.slice(tree.start, tree.end)
      return String(tree.value) === source ? tree.value : new WrittenNumber(tree.value, source)
    }
    return tree.kind === 'scalar' || tree.kind === 'opaque' ? tree.value : undefined
  }
  return read(root)
}

function mapData(map: Collection, read: (tree: Tree) => unknown): Record<string, unknown> {
  const entries = new Map<string, unknown>()
  for (const slot of map.slots) {
    if (!slot.merge) entries.set(slot.key!, read(slot.value))
  }
  for (const source of mergeSources(map)) {
    const merged = read(source)
    if (!isMap(merged)) continue
    for (const [key, value] of Object.entries(merged)) if (!entries.has(key)) entries.set(key, value)
  }
  return Object.fromEntries(entries)
}

/** The maps merged into a map by `<<`, aliases followed, in order of precedence. @throws Refusal `SYNTAX` for what is no map */
export function mergeSources(map: Collection): Tree[] {
  const sources: Tree[] = []
  for (const slot of map.slots) {
    if (!slot.merge) continue
    const value = follow(slot.value)
    const list = value.kind === 'seq' ? value.slots.map((item) => follow(item.value)) : [value]
    for (const source of list) {
      if (source.kind !== 'map') throw new Refusal('SYNTAX', 'only maps can be merged with <<', slot.start)
      sources.push(source)
    }
  }
  return sources
}

/** The node itself, behind any number of aliases. */
export function follow(tree: Tree): Tree {
  let at = tree
  while (at.kind === 'alias') at = at.target
  return at
}

/** Whether a value is a map: no list, not null, and no number kept as it was written. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber)
}

/** Equal meaning: order of keys does not count, order of items does; numbers that were written out compare by their text. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (a instanceof WrittenNumber) return b instanceof WrittenNumber ? a.source === b.source : Object.is(a.value, b)
  if (b instanceof WrittenNumber) return Object.is(a, b.value)
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameData(item, b[i]))
  if (!isMap(a) || !isMap(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameData(a[key], b[key]))
}

/** For readers outside: written numbers become numbers. */
export function publicData(data: unknown): unknown {
  if (data instanceof WrittenNumber) return data.value
  if (Array.isArray(data)) return data.map(publicData)
  if (isMap(data)) return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, publicData(value)]))
  return data
}

/**
 * A value given from outside as plain data, at most 100,000 values of at most 200 levels. Entries that are `undefined` are left out, as
 * JSON does.
 * @throws Refusal `VALUE` for functions, symbols, dates, bigints and the like, and for circular objects
 */
export function checkedValue(value: unknown): unknown {
  let count = 0
  const read = (at: unknown, depth: number): unknown => {
    if (++count > 100_000 || depth > 200) throw new Refusal('VALUE', 'the value is too large, too deep or circular', 0)
    if (at === null || typeof at === 'string' || typeof at === 'boolean' || typeof at === 'number') return at
    if (at instanceof WrittenNumber) return at
    if (Array.isArray(at)) return at.map((item) => read(item, depth + 1))
    const proto: unknown = typeof at === 'object' ? Object.getPrototypeOf(at) : undefined
    if (typeof at !== 'object' || (proto !== Object.prototype && proto !== null)) {
      throw new Refusal('VALUE', `a ${at === undefined ? 'missing value' : typeof at} cannot be written as YAML`, 0)
    }
    const entries = Object.entries(at).filter(([, item]) => item !== undefined)
    return Object.fromEntries(entries.map(([key, item]) => [key, read(item, depth + 1)]))
  }
  return read(value, 0)
}

/** Copy of a map with one entry set; a key that is new comes last. Safe for `__proto__`. */
export function withEntry(map: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries([...Object.entries(map).filter(([name]) => name !== key), [key, value]])
}

/** A copy of a map without a key. */
export function withoutEntry(map: Record<string, unknown>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key))
}
