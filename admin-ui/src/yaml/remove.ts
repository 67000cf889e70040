import type { Change } from './changes.ts'
import { firstStart } from './insert.ts'
import {
  atLineStart,
  extendedEnd,
  lastLineEnd,
  leadingStart,
  lineAt,
  lineEnd,
  lineStart,
  nextLine,
  ownsLine,
} from './lines.ts'
import type { Page } from './render.ts'
import type { Collection } from './tree.ts'

/** The whole lines of a slot: with the comments right above it and the deeper ones below, without the last line break. */
export interface SlotLines {
  readonly from: number
  readonly to: number
}

/** A slot's lines, or its text from its first token on when it shares its first line with a dash. */
export function slotLines(text: string, owner: Collection, index: number): SlotLines {
  const slot = owner.slots[index]!
  const to = lastLineEnd(text, extendedEnd(text, slot.end, owner.column))
  if (!ownsLine(text, slot.start)) return { from: slot.start, to }
  return { from: index === 0 ? firstStart(text, owner) : leadingStart(text, slot.start), to }
}

/** Blank lines below a slot that go with it: one where one is above it too, or all, which a `|+` above would otherwise make its own. */
export type BlankLines = 'one' | 'all'

/** Changes that take a slot out of a block collection that keeps others. */
export function removeBlock(page: Page, owner: Collection, index: number, blanks: BlankLines): Change[] {
  const { text } = page
  const slot = owner.slots[index]!
  const { from, to } = slotLines(text, owner, index)
  if (!ownsLine(text, slot.start)) return [{ from, to: contentBelow(text, to), insert: '' }]
  if (to >= text.length && !atLineStart(text, text.length)) {
    return [{ from: index > 0 ? beforeBreak(text, from) : from, to: text.length, insert: '' }]
  }
  let end = nextLine(text, to)
  const blankAbove = from === 0 || lineAt(text, lineStart(text, from - 1)).kind === 'blank'
  while (end < text.length && lineAt(text, end).kind === 'blank' && (blanks === 'all' || blankAbove)) {
    end = nextLine(text, lineEnd(text, end))
    if (blanks === 'one') break
  }
  return [{ from, to: end, insert: '' }]
}

/** Start of the first token or comment below a line end. */
function contentBelow(text: string, end: number): number {
  let at = end
  while (at < text.length && /\s/.test(text[at]!)) at++
  return at
}

function beforeBreak(text: string, lineStartOffset: number): number {
  if (lineStartOffset === 0) return 0
  return text[lineStartOffset - 2] === '\r' ? lineStartOffset - 2 : lineStartOffset - 1
}
