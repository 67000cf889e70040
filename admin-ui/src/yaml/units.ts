import { follow } from './data.ts'
import type { Segment } from './documents.ts'
import type { Path } from './errors.ts'
import { atLineStart, extendedEnd, leadingStart, nextLine, ownsLine } from './lines.ts'
import type { Parsed } from './parse.ts'
import { slotIndex } from './plan.ts'
import type { Collection, Slot, Tree } from './tree.ts'

/**
 * What counts as a document for readers and edits: a document, or an item of a List, as `kubectl get -o yaml` prints one around what it
 * found. The control plane numbers them the same way.
 */
export interface Unit {
  readonly segment: Segment
  /** Index of the YAML document in its segment. */
  readonly index: number
  /** Where it stands in the List it is an item of: `['items', 3]`; empty for a document of its own. */
  readonly path: Path
  /** Where it stands in the YAML document of its segment, which a List that was cut has one of for each item. */
  readonly inside: Path
  /** Version and kind that a `VirtualServiceList` says for items that say neither. */
  readonly head: () => Readonly<Record<string, string>>
  /** The stretch of an item in the segment's text, with the comments above it. */
  readonly span: { readonly from: number; readonly to: number } | undefined
}

/** Whether a text may hold a List: others need not be parsed to know their documents. */
export const MAY_HOLD_LIST = /\bkind["']?\s*:\s*["']?\w*List\b/

/**
 * The units of a text in order. Only segments that may hold a List are parsed.
 * @param read the parsed documents of a segment; undefined when it cannot be read: it then counts as documents
 */
export function unitsOf(
  segments: readonly Segment[],
  textOf: (segment: Segment) => string,
  read: (segment: Segment) => readonly Parsed[] | undefined,
): readonly Unit[] {
  return segments.flatMap((segment) => {
    if (segment.part) return pieceOf(segment, textOf, read)
    const text = textOf(segment)
    const parsed = segment.count > 0 && MAY_HOLD_LIST.test(text) ? read(segment) : undefined
    return Array.from({ length: Math.max(1, segment.count) }, (_, index): readonly Unit[] => {
      const root = parsed?.[index]?.root
      const list = root && listIn(root)
      return list
        ? itemsOf(text, segment, index, list, [])
        : [{ segment, index, path: [], inside: [], head: () => ({}), span: undefined }]
    }).flat()
  })
}

/** An item of a List that was cut, which is read when somebody asks for it; nothing of what stands around the items. */
function pieceOf(
  segment: Segment,
  textOf: (segment: Segment) => string,
  read: (segment: Segment) => readonly Parsed[] | undefined,
): readonly Unit[] {
  if (segment.part?.of !== 'item') return []
  const { item, frame } = segment.part
  const list = listIn(frame)!
  const head = () => {
    const root = list.kind === 'List' ? undefined : read(segment)?.[0]?.root
    return root ? headOf(list, nodeAt(root, INSIDE)) : {}
  }
  const span = { from: 0, to: textOf(segment).length }
  return [{ segment, index: 0, path: ['items', item], inside: INSIDE, head, span }]
}

/** An item that was cut out is a list of one. */
const INSIDE: Path = [0]

/** Whether a document is a List, and one that has no items. */
export function isEmptyList(tree: Tree): boolean {
  const list = listIn(tree)
  return list !== undefined && (list.items?.slots.length ?? 0) === 0
}

interface List {
  readonly apiVersion: string | undefined
  readonly kind: string
  readonly items: Collection | undefined
}

/** As the control plane tells a List: `kind` ends so, and `items` is a list or null. */
function listIn(tree: Tree): List | undefined {
  const map = follow(tree)
  if (map.kind !== 'map' || slotIndex(map, 'spec') >= 0) return undefined
  const kind = textIn(map, 'kind')
  const found = map.slots[slotIndex(map, 'items')]
  if (!kind?.endsWith('List') || !found) return undefined
  const items = follow(found.value)
  if (items.kind === 'seq') return { apiVersion: textIn(map, 'apiVersion'), kind, items }
  const empty = items.kind === 'scalar' && items.value === null
  return empty ? { apiVersion: textIn(map, 'apiVersion'), kind, items: undefined } : undefined
}

function textIn(map: Collection, key: string): string | undefined {
  const slot = map.slots[slotIndex(map, key)]
  const value = slot && follow(slot.value)
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined
}

function itemsOf(text: string, segment: Segment, index: number, list: List, at: Path): readonly Unit[] {
  const { items } = list
  return (items?.slots ?? []).flatMap((slot, item): readonly Unit[] => {
    const path = [...at, 'items', item]
    const inner = listIn(slot.value)
    if (inner) return itemsOf(text, segment, index, inner, path)
    const span = { from: beginOf(text, slot), to: endOf(text, items!, item) }
    return [{ segment, index, path, inside: path, head: () => headOf(list, slot.value), span }]
  })
}

function headOf({ apiVersion, kind }: List, item: Tree): Readonly<Record<string, string>> {
  const map = follow(item)
  const own = kind.slice(0, -'List'.length)
  if (own === '' || map.kind !== 'map' || slotIndex(map, 'kind') >= 0 || slotIndex(map, 'apiVersion') >= 0) return {}
  return { ...(apiVersion === undefined ? {} : { apiVersion }), kind: own }
}

function beginOf(text: string, { start }: Slot): number {
  return ownsLine(text, start) ? leadingStart(text, start) : start
}

/** Up to the next item; the last one ends with its line, and the comments below that stand deeper. */
function endOf(text: string, { slots, flow, column }: Collection, item: number): number {
  const next = slots[item + 1]
  if (next && !flow) return beginOf(text, next)
  const { end } = slots[item]!
  if (flow) return end
  const last = extendedEnd(text, end, column)
  return atLineStart(text, last) ? last : nextLine(text, last)
}

/** The node of a unit in its document. */
export function nodeAt(root: Tree, path: Path): Tree {
  return path.reduce<Tree>((node, step) => {
    const at = follow(node)
    const slot = at.kind === 'map' || at.kind === 'seq' ? at.slots[slotIndex(at, step)] : undefined
    return slot?.value ?? node
  }, root)
}
