import { entriesOf, entryLayout } from './entry-layout.ts'
import { type EntryAccess, entryNode } from './inner-node.ts'
import type { IssuePath } from './issue.ts'
import { itemsOf } from './items.ts'
import type { Node, Place, Position } from './node.ts'
import { BAD, NEED } from './numbers.ts'
import { keyBytes, mayEnd, pairsOf } from './pairs.ts'
import type { FieldSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { type Placed, sizedRegion } from './sized-node.ts'
import { type NumberType, parseType, type TextType, type TypeInfo } from './types.ts'

/** Maps and lists: bytes that entries are looked for in. */

/** A map, or a list where `list` says so; undefined when the document is wrong, which `scope` is told. */
export function mapNode(
  scope: Scope,
  base: Placed,
  spec: FieldSpec,
  path: IssuePath,
  list: boolean,
  max: number,
  before: number | undefined,
  place: (bytes: number) => Place,
): Node | undefined {
  const { name } = base
  if (!fits(scope, name, spec, path, list)) return undefined
  const access = list
    ? listAccess(scope, name, spec, path)
    : spec.entry !== undefined
      ? entryAccess(scope, spec, path)
      : pairAccess(scope, name, spec, path, base.align)
  if (!access) return undefined
  if (spec.size === undefined && !access.end) {
    const counted = spec.count !== undefined
    scope.issues.error(
      path,
      counted
        ? `"${name}" has no size: \`count\` says how many ${list ? 'items' : 'pairs'} there are, not how many bytes`
        : `"${name}" has no size`,
      counted
        ? 'size: rest, where nothing has to be found behind it'
        : 'size: a number, a sum of fields, or rest; or `ends`, what its last entry is known by',
    )
    return undefined
  }
  const region =
    spec.size === undefined
      ? endedRegion(scope, base, access.end!, spec.max, place)
      : sizedRegion(scope, base, spec, path, 1, max, before, place)
  if (!region) return undefined
  const map: Node = { ...region, type: 'bytes', writable: false, patch: undefined }
  return { ...map, entry: (key, whole) => entryNode(whole, key, access) }
}

/** Whether the parts that the document names go together. */
function fits(scope: Scope, name: string, spec: FieldSpec, path: IssuePath, list: boolean): boolean {
  const { keys, values, items, entry, ends, anyCase, blocks, count, align } = spec
  const said = { keys, values, items, entry, anyCase, blocks, count, align, ends }
  const strange: readonly (keyof typeof said)[] = list
    ? ['keys', 'values', 'entry', 'anyCase', 'blocks', 'align']
    : entry !== undefined
      ? ['keys', 'values', 'items', 'blocks', 'count', 'align', 'ends']
      : ['items']
  const wrong = strange.find((key) => said[key] !== undefined)
  if (wrong === undefined) return true
  const what = list
    ? `the list "${name}"`
    : entry !== undefined
      ? `"${name}", whose entries are laid out,`
      : `the map "${name}"`
  const inside = ['align', 'ends'].includes(wrong) && entry !== undefined
  scope.issues.error(
    [...path, wrong],
    `${what} can have no "${wrong}"`,
    inside ? `entry: {${wrong}: …} says it` : undefined,
  )
  return false
}

/** A list that says itself where it ends. */
function endedRegion(
  scope: Scope,
  base: Placed,
  endOf: NonNullable<EntryAccess['end']>,
  max: number | undefined,
  place: (bytes: number) => Place,
): Node {
  const most = max ?? 2 ** 31
  const edge = base.container === undefined ? scope.edge : undefined
  const end: Position = (b, at, limit) => {
    const s = base.start(b, at, limit)
    const stop = s >= 0 && edge ? edge(b, at, limit) : limit
    if (s < 0 || stop < s) return s < 0 ? s : stop < 0 ? stop : BAD
    const e = endOf(b, s, Math.min(stop, s + most))
    return e >= 0 ? e : stop - s >= most ? BAD : NEED
  }
  return {
    ...base,
    type: 'bytes',
    writable: false,
    patch: undefined,
    end,
    read: (b, at, limit, out) => {
      const e = end(b, at, limit)
      if (e < 0) return false
      out.start = base.start(b, at, limit)
      out.end = e
      return true
    },
    value: () => BAD,
    minEnd: base.minStart + 1,
    place: place(Number.POSITIVE_INFINITY),
    elastic: true,
    searched: max ?? Number.POSITIVE_INFINITY,
  }
}

const isDelimited = (text: TextType) => text.prefix !== undefined || text.ends !== undefined

function countOf(scope: Scope, { count }: FieldSpec, path: IssuePath): NumberType | null | undefined {
  if (count === undefined) return null
  const type = parseType(count)
  if (type?.form === 'int' || type?.form === 'varint') return type
  scope.issues.error([...path, 'count'], `"${count}" is no integer type`)
  return undefined
}

function listAccess(scope: Scope, name: string, spec: FieldSpec, path: IssuePath): EntryAccess | undefined {
  const items = parseType(spec.items ?? '')
  const count = countOf(scope, spec, path)
  if (count === undefined) return undefined
  if (items?.form !== 'text' || !isDelimited(items) || items.nullable) {
    scope.issues.error(
      spec.items === undefined ? path : [...path, 'items'],
      `the list "${name}" needs items that are texts with a length or a delimiter`,
      'items: str(u8), or until(\\s) for words with blanks between them',
    )
    return undefined
  }
  if (spec.ends !== undefined && (spec.ends !== '' || mayEnd(items))) {
    scope.issues.error(
      [...path, 'ends'],
      mayEnd(items)
        ? `"${name}" has items with a delimiter, of which any may be empty`
        : `the list "${name}" can only end with an empty item`,
      mayEnd(items) ? 'size: rest' : 'ends: ""',
    )
    return undefined
  }
  return itemsOf({ items, ...(count && { count }), ended: spec.ends !== undefined })
}

function entryAccess(scope: Scope, spec: FieldSpec, path: IssuePath): EntryAccess | undefined {
  let { entry } = spec
  let from: IssuePath = [...path, 'entry']
  if (typeof entry === 'string') {
    const other = scope.declarations.get(entry)
    const theirs = other?.spec.entry
    if (!other || typeof theirs !== 'object') {
      scope.issues.error(from, `"${entry}" is no map with an \`entry\` of its own`)
      return undefined
    }
    entry = theirs
    from = [...other.path, 'entry']
  }
  const layout = entry && entryLayout(scope, entry, from, spec.anyCase === true)
  return layout && entriesOf(layout)
}

function pairAccess(
  scope: Scope,
  name: string,
  spec: FieldSpec,
  path: IssuePath,
  align: number,
): EntryAccess | undefined {
  const keys = parseType(spec.keys ?? '')
  const values = parseType(spec.values ?? '')
  if (!isKey(keys) || values?.form !== 'text' || !isDelimited(values)) {
    scope.issues.error(
      path,
      `the map "${name}" needs keys that are texts with a length or numbers, and values with a length`,
      'keys: str(u32), values: str(u32), or for tags and values keys: u8, values: bytes(u8); cstr for texts up to a zero byte, until(=) for those up to a delimiter; `entry` where other things stand between them',
    )
    return undefined
  }
  const count = countOf(scope, spec, path)
  if (count === undefined) return undefined
  const layout = {
    keys,
    values,
    ...(count && { count }),
    ...(spec.blocks && { blocks: spec.blocks }),
    align,
    anyCase: spec.anyCase === true,
  }
  if (spec.anyCase && keys.form !== 'text') {
    scope.issues.error([...path, 'anyCase'], `the keys of "${name}" are numbers, which have no letters`)
    return undefined
  }
  if (spec.ends === undefined) return pairsOf(layout)
  const ends = keyBytes(layout, String(spec.ends))
  const other = spec.blocks ? 'blocks' : spec.count !== undefined ? 'count' : undefined
  const text = keys.form === 'text' && mayEnd(keys)
  if (ends && !other && !text) return pairsOf({ ...layout, ends })
  scope.issues.error(
    [...path, 'ends'],
    other
      ? `"${name}" has "${other}", which says where it ends`
      : text
        ? `the keys of "${name}" have a delimiter: none stands alone at its end`
        : `${JSON.stringify(spec.ends)} can be no key of "${name}"`,
  )
  return undefined
}

function isKey(type: TypeInfo | undefined): type is TextType | NumberType {
  return (
    type !== undefined && type.form !== 'hessian' && type.form !== 'map' && (type.form !== 'text' || isDelimited(type))
  )
}
