import { checkedValue, isMap, sameData } from './data.ts'
import type { Edit } from './edit.ts'
import type { Path } from './errors.ts'
import { Refusal, YamlEditError } from './errors.ts'

export interface DiffOptions {
  /** The document the edits are for, from 0; 0 when left out. */
  readonly document?: number
  /** Where `before` stands in the document; the root when left out. */
  readonly path?: Path
}

/**
 * The edits that turn a document with `before` at `path` into one with `after`: what a form hands over after a change. Entries are compared by key,
 * items by what names them (`name`, a route's destination, `subset`, a port's number, `host`, `address`, a string itself) when that is unique on
 * both sides, else by common head and tail and then by position. One key gone and one fresh with the same value is a rename.
 * Entries that are `undefined` count as absent.
 * @throws YamlEditError `VALUE` for what is no plain data
 */
export function diffToEdits(before: unknown, after: unknown, { document = 0, path = [] }: DiffOptions = {}): Edit[] {
  try {
    return diff(checkedValue(before), checkedValue(after), path, document)
  } catch (error) {
    if (error instanceof Refusal) throw new YamlEditError(error.code, error.message, { document, path })
    throw error
  }
}

function diff(before: unknown, after: unknown, path: Path, document: number): Edit[] {
  if (sameData(before, after)) return []
  if (isMap(before) && isMap(after) && Object.keys(before).length > 0 && Object.keys(after).length > 0) {
    return diffMaps(before, after, path, document)
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length > 0 && after.length > 0) {
    return diffByIdentity(before, after, path, document) ?? diffByPlace(before, after, path, document)
  }
  return [{ document, path, op: 'set', value: after }]
}

function diffMaps(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  path: Path,
  document: number,
): Edit[] {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key))
  const fresh = Object.keys(after).filter((key) => !Object.hasOwn(before, key))
  const edits: Edit[] = []
  for (const key of Object.keys(after)) {
    if (Object.hasOwn(before, key)) edits.push(...diff(before[key], after[key], [...path, key], document))
  }
  const [from, to] = [gone[0], fresh[0]]
  if (
    gone.length === 1 &&
    fresh.length === 1 &&
    from !== undefined &&
    to !== undefined &&
    sameData(before[from], after[to])
  ) {
    return [...edits, { document, path: [...path, from], op: 'rename', value: to }]
  }
  // Added before the rest is deleted: the map is never empty in between, which would cost its comments and its style.
  for (const key of fresh) edits.push({ document, path: [...path, key], op: 'set', value: after[key] })
  for (const key of gone) edits.push({ document, path: [...path, key], op: 'delete' })
  return edits
}

const identities: readonly ((item: unknown) => unknown)[] = [
  (item) => at(item, 'name'),
  (item) => {
    const destination = at(item, 'destination')
    const parts = [at(destination, 'host'), at(destination, 'subset'), at(at(destination, 'port'), 'number')]
    return parts[0] === undefined ? undefined : JSON.stringify(parts)
  },
  (item) => at(item, 'subset'),
  (item) => at(at(item, 'port'), 'number') ?? at(item, 'number'),
  (item) => at(item, 'host'),
  (item) => at(item, 'address'),
  (item) => (typeof item === 'string' ? item : undefined),
]

function at(value: unknown, key: string): unknown {
  return isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** Names of all items of a list, if every one has its own. */
function namesOf(list: readonly unknown[], identity: (item: unknown) => unknown): unknown[] | undefined {
  const names = list.map(identity)
  const usable = names.every((name) => typeof name === 'string' || typeof name === 'number')
  return usable && new Set(names).size === names.length ? names : undefined
}

function diffByIdentity(
  before: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  document: number,
): Edit[] | undefined {
  for (const identity of identities) {
    const old = namesOf(before, identity)
    const wanted = namesOf(after, identity)
    if (!old || !wanted) continue
    const names = renamed(before, after, old, wanted)
    if (!names.some((name) => old.includes(name))) continue
    return alignedEdits(before, after, old, names, path, document)
  }
  return undefined
}

/** An item at its old place that is much as it was but for its name is still the same item: it goes by its old name. */
function renamed(
  before: readonly unknown[],
  after: readonly unknown[],
  old: readonly unknown[],
  wanted: readonly unknown[],
): unknown[] {
  const known = new Set(old)
  const stay = new Set(wanted)
  return wanted.map((name, i) => {
    const gone = old[i]
    const swapped = before.length === after.length && !known.has(name) && !stay.has(gone)
    return swapped && alike(before[i], after[i]) ? gone : name
  })
}

/** Half of the entries equal; single values and maps of one entry have nothing else to go by. */
function alike(a: unknown, b: unknown): boolean {
  if (!isMap(a) || !isMap(b)) return !isMap(a) && !isMap(b)
  const size = Math.max(Object.keys(a).length, Object.keys(b).length)
  const equal = Object.keys(a).filter((key) => Object.hasOwn(b, key) && sameData(a[key], b[key])).length
  return size <= 1 || equal * 2 >= size
}

function alignedEdits(
  before: readonly unknown[],
  after: readonly unknown[],
  old: readonly unknown[],
  wanted: readonly unknown[],
  path: Path,
  document: number,
): Edit[] {
  const edits: Edit[] = []
  const now = old.map((name, i) => ({ name, value: before[i] }))
  const kept = new Set(wanted)
  for (let i = now.length - 1; i >= 0; i--) {
    if (kept.has(now[i]!.name)) continue
    edits.push({ document, path: [...path, i], op: 'delete' })
    now.splice(i, 1)
  }
  const there = new Set(now.map(({ name }) => name))
  for (const [i, name] of wanted.entries()) {
    if (!there.has(name)) {
      edits.push({ document, path: [...path, i], op: 'insert', value: after[i] })
      now.splice(i, 0, { name, value: after[i] })
      continue
    }
    const from = now.findIndex((item) => item.name === name)
    const target = now[from]!
    if (from !== i) {
      // One item that went back is one move; bringing all the others forward would be many.
      const ahead = now[i]!
      const later = wanted.indexOf(ahead.name)
      if (from === i + 1 && later > i) {
        const place = Math.min(later, now.length - 1)
        edits.push({ document, path: [...path, i], op: 'move', value: place })
        now.splice(place, 0, ...now.splice(i, 1))
      } else {
        edits.push({ document, path: [...path, from], op: 'move', value: i })
        now.splice(i, 0, ...now.splice(from, 1))
      }
    }
    edits.push(...diff(target.value, after[i], [...path, i], document))
  }
  return edits
}

function diffByPlace(before: readonly unknown[], after: readonly unknown[], path: Path, document: number): Edit[] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && sameData(before[head], after[head])) head++
  let tail = 0
  while (tail < shorter - head && sameData(before[before.length - 1 - tail], after[after.length - 1 - tail])) tail++
  const edits: Edit[] = []
  const oldEnd = before.length - tail
  const newEnd = after.length - tail
  for (let i = head; i < Math.min(oldEnd, newEnd); i++) edits.push(...diff(before[i], after[i], [...path, i], document))
  for (let i = oldEnd - 1; i >= newEnd; i--) edits.push({ document, path: [...path, i], op: 'delete' })
  for (let i = oldEnd; i < newEnd; i++) edits.push({ document, path: [...path, i], op: 'insert', value: after[i] })
  return edits
}
