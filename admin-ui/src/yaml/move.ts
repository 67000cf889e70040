import type { Change } from './changes.ts'
import { insertRaw } from './insert.ts'
import { lineEnd, lineStart, ownsLine } from './lines.ts'
import { type BlankLines, removeBlock, slotLines } from './remove.ts'
import type { Page } from './render.ts'
import { renderKey } from './render.ts'
import { Unspliceable } from './replace.ts'
import type { Collection, Slot } from './tree.ts'

/** Changes that carry a slot's lines, comments included, to where it becomes number `to`. */
export function moveBlock(page: Page, owner: Collection, index: number, to: number, blanks: BlankLines): Change[] {
  const { text } = page
  const lines = slotLines(text, owner, index)
  const own = ownsLine(text, owner.slots[index]!.start)
  const raw = text.slice(lines.from + (own ? owner.column : 0), lines.to)
  return [...removeBlock(page, owner, index, blanks), ...insertRaw(page, owner, to > index ? to + 1 : to, [raw])]
}

/** The items between the two places change seats; commas, line breaks and comments between them stay, a comment behind an item travels. */
export function moveFlow({ text }: Page, owner: Collection, index: number, to: number): Change[] {
  const low = Math.min(index, to)
  const high = Math.max(index, to)
  const slots = owner.slots.slice(low, high + 1)
  const ownLines = slots.every(
    (slot, i) => ownsLine(text, slot.start) && lineStart(text, slot.start) !== lineOf(text, slots[i - 1]),
  )
  const seats = slots.map((slot, i) => {
    const comma = owner.commas[low + i]
    const end = comma === undefined ? slot.end : comma + 1
    const line = lineEnd(text, end)
    const tail = ownLines && line <= (owner.slots[low + i + 1]?.start ?? owner.end - 1) ? text.slice(end, line) : ''
    const next = slots[i + 1]
    const last = tail ? line : end
    return {
      item: text.slice(slot.start, slot.end),
      tail,
      comma: text.slice(slot.end, end),
      gap: next ? text.slice(last, next.start) : '',
      last,
    }
  })
  const order = seats.map((_, i) => i)
  order.splice(to - low, 0, ...order.splice(index - low, 1))
  const insert = order
    .map((from, i) => seats[from]!.item + seats[i]!.comma + seats[from]!.tail + seats[i]!.gap)
    .join('')
  return [{ from: slots[0]!.start, to: seats.at(-1)!.last, insert }]
}

function lineOf(text: string, slot: Slot | undefined): number {
  return slot ? lineStart(text, slot.end) : -1
}

/** A new key in the quotes of the old one; order and comments stay. @throws Unspliceable for a key that is a map or a list */
export function renameKey({ style }: Page, owner: Collection, slot: Slot, key: string): Change[] {
  if (slot.complex) throw new Unspliceable()
  const keep = slot.keyStyle === 'single' || slot.keyStyle === 'double' ? slot.keyStyle : undefined
  return [{ from: slot.keyFrom, to: slot.keyTo, insert: renderKey(key, style, owner.flow, keep) }]
}
