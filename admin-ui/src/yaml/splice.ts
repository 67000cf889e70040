import type { Change } from './changes.ts'
import { dataOf, isMap } from './data.ts'
import { insertFlow, removeFlow } from './flow.ts'
import { insertBlock } from './insert.ts'
import { extendedEnd, lastLineEnd } from './lines.ts'
import { moveBlock, moveFlow, renameKey } from './move.ts'
import type { Parsed } from './parse.ts'
import type { Action, Link } from './plan.ts'
import { type BlankLines, removeBlock } from './remove.ts'
import type { Literals, Page } from './render.ts'
import { renderEntry } from './render.ts'
import { replaceValue, Unspliceable } from './replace.ts'
import { replaceRoot } from './root.ts'
import type { AliasSite } from './shared.ts'
import type { Collection } from './tree.ts'

/**
 * The smallest changes for an action. `trail` leads to the action's collection.
 * @throws Unspliceable when the layout is one that only a larger rewrite can change
 */
export function spliceAction(
  page: Page,
  parsed: Parsed,
  action: Action,
  trail: readonly Link[],
  blanks: BlankLines = 'one',
): Change[] {
  if (action.kind === 'root') return replaceRoot(page, parsed, action.value)
  const { owner, index } = action
  if (owner.bare && action.kind !== 'replace' && action.kind !== 'rename') throw new Unspliceable()
  switch (action.kind) {
    case 'replace':
      return replaceValue(page, owner, owner.slots[index]!, action.value, action.anchor)
    case 'insert':
      return owner.flow ? insertFlow(page, owner, index, action) : insertBlock(page, owner, index, action)
    case 'remove':
      if (owner.flow) return removeFlow(page, owner, index)
      return owner.slots.length === 1 ? emptied(page, parsed, owner, trail) : removeBlock(page, owner, index, blanks)
    case 'rename':
      return renameKey(page, owner, owner.slots[index]!, action.key)
    case 'move':
      return owner.flow ? moveFlow(page, owner, index, action.to) : moveBlock(page, owner, index, action.to, blanks)
  }
}

/** The last item of a block collection goes: `{}` or `[]` stays, because no value means something else. */
function emptied(page: Page, parsed: Parsed, owner: Collection, trail: readonly Link[]): Change[] {
  const empty = owner.kind === 'map' ? {} : []
  const link = trail.at(-1)
  if (!link) return replaceRoot(page, parsed, empty)
  return replaceValue(page, link.owner, link.owner.slots[link.index]!, empty, owner.anchor)
}

/** Writes the values of aliases out in their places. */
export function spliceCopies(page: Page, sites: readonly AliasSite[]): Change[] {
  return sites.flatMap(({ owner, slot, alias }) => replaceValue(page, owner, slot, dataOf(page.text, alias.target)))
}

/** Puts the entries that a map has through `<<` in the place of the `<<` itself. */
export function spliceMerge(page: Page, parsed: Parsed, owner: Collection, trail: readonly Link[]): Change[] {
  const { text, style } = page
  const data = dataOf(text, owner)
  if (!isMap(data)) return []
  if (owner.flow) {
    const link = trail.at(-1)
    return link
      ? replaceValue(page, link.owner, link.owner.slots[link.index]!, data, owner.anchor)
      : replaceRoot(page, parsed, data)
  }
  const own = new Set(owner.slots.filter((slot) => !slot.merge).map((slot) => slot.key))
  const entries = Object.entries(data).filter(([key]) => !own.has(key))
  const index = owner.slots.findIndex((slot) => slot.merge)
  if (entries.length === 0) return spliceAction(page, parsed, { kind: 'remove', owner, index }, trail)
  const slot = owner.slots[index]!
  const to = lastLineEnd(text, extendedEnd(text, slot.end, owner.column))
  const literals: Literals = to === text.length ? 'stripped' : 'all'
  const pad = style.eol + ' '.repeat(owner.column)
  const lines = entries.map(([key, value]) =>
    renderEntry(key, value, owner.column, { style, literals }).join(style.eol),
  )
  return [{ from: slot.start, to, insert: lines.join(pad) }]
}
