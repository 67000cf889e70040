import type { Change } from './changes.ts'
import type { NewSlot } from './insert.ts'
import { lineEnd, lineIndent, lineStart, nextLine, ownsLine } from './lines.ts'
import type { Page } from './render.ts'
import { renderFlow, renderFlowEntry } from './render.ts'
import type { Collection } from './tree.ts'

/** Changes that put a new item before slot `index` of `[]` or `{}`; lists with one item a line stay so, a trailing comma stays. */
export function insertFlow(page: Page, owner: Collection, index: number, { key, value }: NewSlot): Change[] {
  const pad = padOf(page, owner, index)
  const item =
    key === undefined
      ? renderFlow(value, page.style, true, undefined, pad)
      : renderFlowEntry(key, value, page.style, pad)
  return insertFlowText(page, owner, index, item, pad)
}

/** What stands in front of a new item that gets a line of its own; undefined where it shares the line of others. */
function padOf({ text, style }: Page, owner: Collection, index: number): string | undefined {
  const neighbour = owner.slots[index - 1] ?? owner.slots[0]
  if (!neighbour) return style.json?.step === undefined ? undefined : lineIndent(text, owner.start) + style.json.step
  const own = ownsLine(text, neighbour.start) && lineStart(text, neighbour.start) > owner.start
  return own ? lineIndent(text, neighbour.start) : undefined
}

function insertFlowText(page: Page, owner: Collection, index: number, item: string, own: string | undefined): Change[] {
  const { text, style } = page
  const first = owner.slots[0]
  if (!first) return intoEmpty(page, owner, item, own)
  const previous = owner.slots[index - 1]
  const pad = style.eol + (own ?? '')
  const gap = style.json?.gap ?? ' '
  const alone = own === undefined
  if (!previous) return [{ from: first.start, to: first.start, insert: alone ? `${item},${gap}` : `${item},${pad}` }]
  if (alone) return [{ from: previous.end, to: previous.end, insert: `,${gap}${item}` }]
  const comma = owner.commas[index - 1]
  const line = lineEnd(text, comma ?? previous.end)
  const next = owner.slots[index]
  const crowded = line > (next?.start ?? owner.end - 1)
  if (crowded) return [{ from: previous.end, to: previous.end, insert: `,${pad}${item}` }]
  if (comma !== undefined) return [{ from: line, to: line, insert: `${pad}${item},` }]
  return [
    { from: previous.end, to: previous.end, insert: ',' },
    { from: line, to: line, insert: pad + item },
  ]
}

function intoEmpty({ text, style }: Page, owner: Collection, item: string, own: string | undefined): Change[] {
  const open = owner.start + 1
  const close = owner.end - 1
  if (own !== undefined)
    return [{ from: open, to: close, insert: style.eol + own + item + style.eol + lineIndent(text, owner.start) }]
  const pad = owner.kind === 'map' && style.padded && !style.json ? ' ' : ''
  if (text.slice(open, close).trim() === '') return [{ from: open, to: close, insert: pad + item + pad }]
  return [{ from: open, to: open, insert: item }]
}

/** Changes that take slot `index` out of `[]` or `{}`, with its comma, and with its line and comment when it has a line to itself. */
export function removeFlow({ text }: Page, owner: Collection, index: number): Change[] {
  const slot = owner.slots[index]!
  const previous = owner.slots[index - 1]
  const next = owner.slots[index + 1]
  const comma = owner.commas[index]
  const close = owner.end - 1
  if (!previous && !next) return [{ from: owner.start + 1, to: close, insert: '' }]
  const end = lineEnd(text, comma ?? slot.end)
  const ownLine = ownsLine(text, slot.start) && end < (next?.start ?? close)
  if (ownLine) {
    const line = { from: lineStart(text, slot.start), to: nextLine(text, end), insert: '' }
    const before = owner.commas[index - 1]
    const dangling = !next && comma === undefined && before !== undefined
    return dangling ? [{ from: before, to: before + 1, insert: '' }, line] : [line]
  }
  if (next && !previous) return [{ from: slot.start, to: next.start, insert: '' }]
  return [{ from: previous!.end, to: slot.end, insert: '' }]
}
