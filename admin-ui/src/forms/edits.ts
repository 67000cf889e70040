import { diffToEdits, type Edit, type Path } from '../yaml/index.ts'
import { camelCase, isMap, valueAt, writtenPath } from './schema.ts'

/** An edit of the document at hand; the document's number in its file is added when it is made. */
export type FormEdit = Edit

/**
 * Maps that only group: empty they mean the same as absent, so the last field takes its group with it. Elsewhere an empty map says something
 * (`outlierDetection: {}` turns it on) and stays.
 */
const GROUPS = new Set(['connectionPool', 'tcp', 'http', 'fault', 'headers', 'request', 'response', 'trafficPolicy'])

/**
 * The edits that give the field at a path (in the schema's names) a value; undefined takes it out, and with it groups that it leaves empty.
 * An equal value gives no edit.
 */
export function setField(document: unknown, path: Path, value: unknown): readonly FormEdit[] {
  const at = writtenPath(document, path)
  if (value !== undefined) {
    const held = valueAt(document, at)
    if (same(held, value)) return []
    // Item by item: comments between the items of a list stay.
    return typeof held === 'object' && held !== null && typeof value === 'object'
      ? diffToEdits(held, value, { path: at }).map(({ document: _, ...one }) => one as FormEdit)
      : [{ op: 'set', path: at, value }]
  }
  if (valueAt(document, at) === undefined && !has(document, at)) return []
  return [{ op: 'delete', path: outermostEmptied(document, at) }]
}

/** Several fields below one path (`tcp.maxConnections` leads deeper), as edits to be made in order. */
export function setFields(
  document: unknown,
  path: Path,
  values: Readonly<Record<string, unknown>>,
): readonly FormEdit[] {
  const entries = Object.entries(values)
  // What comes goes first: a map that would pass through empty keeps its layout.
  const ordered = [
    ...entries.filter(([, value]) => value !== undefined),
    ...entries.filter(([, value]) => value === undefined),
  ]
  const edits: FormEdit[] = []
  let now = document
  for (const [name, value] of ordered) {
    const at = [...path, ...name.split('.')]
    const made = setField(now, at, value)
    edits.push(...made)
    const [first] = made
    if (first)
      now = changed(
        now,
        value === undefined ? first.path : writtenPath(now, at),
        value === undefined ? undefined : { value },
      )
  }
  return edits
}

/** Plain data with a value put at a path, or taken out of it. */
function changed(holder: unknown, [step, ...rest]: Path, put: { readonly value: unknown } | undefined): unknown {
  if (step === undefined) return put?.value
  if (typeof step === 'number') {
    const list = Array.isArray(holder) ? [...holder] : []
    if (rest.length === 0 && !put) return list.filter((_, index) => index !== step)
    list[step] = changed(list[step], rest, put)
    return list
  }
  const map = isMap(holder) ? holder : {}
  if (rest.length > 0 || put) return { ...map, [step]: changed(map[step], rest, put) }
  return Object.fromEntries(Object.entries(map).filter(([key]) => key !== step))
}

/** A field of a group that excludes others: they go, so that one at most is set. */
export function choose(
  document: unknown,
  path: Path,
  group: readonly string[],
  name: string | undefined,
  value: unknown,
): readonly FormEdit[] {
  const others = group.filter((one) => one !== name)
  const gone = others.flatMap((one) => {
    const at = writtenPath(document, [...path, one])
    return has(document, at) ? [{ op: 'delete', path: at } as const] : []
  })
  return [...(name === undefined ? [] : setField(document, [...path, name], value)), ...gone]
}

function outermostEmptied(document: unknown, path: Path): Path {
  let at = path
  while (at.length > 2) {
    const parent = at.slice(0, -1)
    const key = parent.at(-1)
    const held = valueAt(document, parent)
    if (typeof key !== 'string' || !GROUPS.has(camelCase(key)) || !isMap(held) || Object.keys(held).length !== 1) break
    at = parent
  }
  return at
}

function has(document: unknown, path: Path): boolean {
  const holder = valueAt(document, path.slice(0, -1))
  const key = path.at(-1)
  if (typeof key === 'number') return Array.isArray(holder) && key < holder.length
  return key !== undefined && isMap(holder) && Object.hasOwn(holder, key)
}

/** Whether two plain values are equal in all they hold; the order of keys does not count. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => same(one, b[i]))
  if (!isMap(a) || !isMap(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
}
