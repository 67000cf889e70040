import type { Change } from './changes.ts'
import { columnOf, extendedEnd, lastLineEnd, leadingStart, lineAt, lineStart, ownsLine } from './lines.ts'
import type { Literals, Page, RenderOptions } from './render.ts'
import { renderEntry, renderItem } from './render.ts'
import { insertLines } from './replace.ts'
import { dashGapOf } from './style.ts'
import type { Collection } from './tree.ts'

/** What goes into a collection: a value, with its key in a map. */
export interface NewSlot {
  readonly key: string | undefined
  readonly value: unknown
}

/** Changes that put a new item or entry before slot `index` of a block collection (behind the last one when there is none). */
export function insertBlock(page: Page, owner: Collection, index: number, { key, value }: NewSlot): Change[] {
  const { text, style } = page
  const previous = owner.slots[index - 1]
  const end = previous ? extendedEnd(text, previous.end, owner.column) : -1
  const literals: Literals = previous && lastLineEnd(text, end) === text.length ? 'stripped' : 'all'
  const options: RenderOptions = { style, literals }
  const lines =
    key === undefined
      ? renderItem(value, owner.column, { ...options, dashGap: dashGapOf(text, owner, style) })
      : renderEntry(key, value, owner.column, options)
  return insertRaw(page, owner, index, lines)
}

/** The same for lines that are written already; the first has no indentation. */
export function insertRaw(page: Page, owner: Collection, index: number, lines: readonly string[]): Change[] {
  const { text, style } = page
  const pad = ' '.repeat(owner.column)
  const previous = owner.slots[index - 1]
  if (previous) {
    const end = extendedEnd(text, previous.end, owner.column)
    return [insertLines(page, end, [`${pad}${lines[0]}`, ...lines.slice(1)])]
  }
  const first = owner.slots[0]!
  if (!ownsLine(text, first.start)) {
    return [{ from: first.start, to: first.start, insert: lines.join(style.eol) + style.eol + pad }]
  }
  const at = firstStart(text, owner)
  return [{ from: at, to: at, insert: [`${pad}${lines[0]}`, ...lines.slice(1)].join(style.eol) + style.eol }]
}

/** Where the first slot begins with its comments. What stands above the first key of a document speaks of the document and stays there. */
export function firstStart(text: string, owner: Collection): number {
  const { start } = owner.slots[0]!
  if (columnOf(text, start) === 0 && headOfDocument(text, lineStart(text, start))) return lineStart(text, start)
  return leadingStart(text, start)
}

/** Whether only comments, blank lines and the document's own marker stand above a line. */
function headOfDocument(text: string, from: number): boolean {
  let at = from
  while (at > 0) {
    const line = lineAt(text, lineStart(text, at - 1))
    if (line.kind === 'content') return /^(?:---|%|\.\.\.)/.test(text.slice(line.from, line.from + 3))
    at = line.from
  }
  return true
}
