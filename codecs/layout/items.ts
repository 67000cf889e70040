import type { FieldRef, FieldValue } from '../contract.ts'
import type { EntryAccess } from './inner-node.ts'
import { joinBytes } from './node.ts'
import { last, readNumber } from './numbers.ts'
import { mayEnd, textAt } from './pairs.ts'
import { encodePrefixed } from './text-node.ts'
import type { NumberType, TextType } from './types.ts'

/** A list of texts one behind the other, each with its length or its delimiter; entries are told by their place. */
export interface ItemsLayout {
  readonly items: TextType
  /** Number of items in front; absent: they fill the region. */
  readonly count?: NumberType
  /** An empty item ends the list. */
  readonly ended: boolean
}

/** Index of the item asked for, -1 for none; what is found of it. */
const found = { from: 0, start: 0, end: 0, next: 0 }

/**
 * Walks over the items up to the one at `place`, to all of them with -1.
 * @returns how many there are before it, or -1 when the list is broken; `found` is the last one looked at
 */
function walk({ items, count, ended }: ItemsLayout, b: Uint8Array, start: number, end: number, place: number): number {
  let p = start
  let left = Number.POSITIVE_INFINITY
  if (count) {
    if (readNumber(count, b, p, end) < 0 || last.lo < 0 || last.hi !== 0) return -1
    left = last.lo
    p = last.next
  }
  found.next = p
  let index = 0
  for (; count ? left > 0 : p < end; left--) {
    found.from = p
    const close = textAt(items, b, p, end)
    found.start = last.next
    // The last one may end with the region.
    const cut = close < 0 && mayEnd(items)
    if (close < 0 && !cut) return -1
    found.end = cut ? end : close
    p = cut ? end : close + (items.ends?.length ?? 0)
    found.next = p
    if (ended && found.end === found.start) return place < 0 ? index : -1
    if (index === place) return index
    index++
  }
  return place < 0 ? index : -1
}

/** The items of a list as fields: 0 is the first, -1 the last. */
export function itemsOf(layout: ItemsLayout): EntryAccess {
  const { items, ended } = layout
  const at = (b: Uint8Array, start: number, end: number, place: number): boolean => {
    const wanted = place < 0 ? walk(layout, b, start, end, -1) + place : place
    return wanted >= 0 && walk(layout, b, start, end, wanted) === wanted
  }
  return {
    type: items.value,
    writable: true,
    end: ended
      ? (b, start, end) =>
          walk(layout, b, start, end, -1) >= 0 && found.end === found.start && found.next > start ? found.next : -1
      : undefined,
    find: (written) => {
      if (!/^-?\d{1,6}$/.test(written)) return undefined
      const place = Number(written)
      return {
        read: (b: Uint8Array, start: number, end: number, out: FieldRef) => {
          if (!at(b, start, end, place)) return false
          out.start = found.start
          out.end = found.end
          return true
        },
        // Items that come or go would move all behind them.
        write: (region: Uint8Array, value: FieldValue | undefined) => {
          if (value === undefined || !at(region, 0, region.length, place)) return undefined
          const { from, end, next } = found
          const bytes = encodePrefixed(items, value)
          const bare = items.ends && bytes ? bytes.subarray(0, bytes.length - items.ends.length) : bytes
          if (!bare || (ended && String(value) === '')) return undefined
          return joinBytes(region.subarray(0, from), bare, region.subarray(items.ends ? end : next))
        },
      }
    },
  }
}
