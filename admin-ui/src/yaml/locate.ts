import { follow } from './data.ts'
import type { Path, Position } from './errors.ts'
import { positionOf, YamlEditError } from './errors.ts'
import { columnOf, leadingStart, lineAt, lineEnd, lineStart, ownsLine } from './lines.ts'
import type { OpenText } from './open.ts'
import { openText } from './open.ts'
import { slotIndex } from './plan.ts'
import type { Collection, Tree } from './tree.ts'

/** A stretch of the text. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Where a path stands. Offset, line and column are those of the key, or of an item's value. */
export interface TextPosition extends Position {
  readonly document: number
  /** The part of the path that was found. */
  readonly path: Path
  /** False when the path leads further than the text: the place is then that of the nearest node above. */
  readonly exact: boolean
  readonly key: Span | undefined
  readonly value: Span
}

export interface LocateOptions {
  /** Go on behind an alias, in the value that has the anchor; without it the place is the alias. */
  readonly aliases?: boolean
}

/**
 * The place of the node at `path` in a text, for a cursor or a diagnostic.
 * @throws YamlEditError `NO_DOCUMENT`, and what keeps the document from being read
 */
export function textPosition(
  source: string | OpenText,
  document: number,
  path: Path,
  options: LocateOptions = {},
): TextPosition {
  const open = openText(source)
  const { root, offset } = open.document(document)
  let node: Tree = root
  let key: Span | undefined
  let reached = 0
  for (const step of path) {
    const at: Tree = options.aliases ? follow(node) : node
    if (at.kind !== 'map' && at.kind !== 'seq') break
    const slot = at.slots[slotIndex(at, step)]
    if (!slot) break
    key = at.kind === 'map' ? { from: slot.keyFrom, to: slot.keyTo } : undefined
    node = slot.value
    reached++
  }
  const shift = ({ from, to }: Span): Span => ({ from: from + offset, to: to + offset })
  const value = shift({ from: node.from, to: node.end })
  const shown = key && shift(key)
  return {
    ...positionOf(open.text, shown?.from ?? value.from),
    document,
    path: path.slice(0, reached),
    exact: reached === path.length,
    key: shown,
    value,
  }
}

/** What a cursor is on. */
export interface PathAt {
  readonly document: number
  readonly path: Path
  readonly on: 'key' | 'value'
}

/**
 * The node a cursor stands in: in its text, in a comment it owns, or on a blank line below it that is indented deeper. Undefined while the document
 * cannot be read.
 */
export function pathAt(source: string | OpenText, offset: number): PathAt | undefined {
  const open = openText(source)
  try {
    const document = open.documentAt(offset)
    const { root, text, offset: base } = open.document(document)
    if (isOutside(open, document, offset)) return { document, path: [], on: 'value' }
    const at = Math.max(0, Math.min(offset - base, text.length))
    return { document, ...descend(text, root, at) }
  } catch (error) {
    if (error instanceof YamlEditError) return undefined
    throw error
  }
}

/** Whether a cursor stands in the head of a List, which is none of its items. */
function isOutside(open: OpenText, document: number, offset: number): boolean {
  if (open.place(document).length === 0) return false
  const { from, to } = open.span(document)
  return offset < from || (offset > to && open.text.slice(to, lineEnd(open.text, offset)).trim() !== '')
}

function descend(text: string, root: Tree, at: number): Omit<PathAt, 'document'> {
  const path: (string | number)[] = []
  let node = root
  while (node.kind === 'map' || node.kind === 'seq') {
    const index = slotAt(text, node, at)
    const slot = node.slots[index]
    if (!slot) break
    path.push(slot.key ?? index)
    if (node.kind === 'map' && at <= slot.keyTo) return { path, on: 'key' }
    node = slot.value
  }
  return { path, on: 'value' }
}

function slotAt(text: string, owner: Collection, at: number): number {
  const index = owner.slots.findLastIndex((slot) => slotFrom(text, owner, slot.start) <= at)
  const slot = owner.slots[index]
  if (!slot || owner.flow || at <= slot.end || at < slot.start) return index
  const line = lineAt(text, lineStart(text, at))
  if (line.kind === 'content' || line.from <= slot.start) return index
  const column = line.kind === 'blank' ? columnOf(text, at) : line.indent
  return column > owner.column ? index : -1
}

/** Where a slot begins for the cursor: with the comments right above it. */
function slotFrom(text: string, owner: Collection, start: number): number {
  return !owner.flow && ownsLine(text, start) ? leadingStart(text, start) : start
}
