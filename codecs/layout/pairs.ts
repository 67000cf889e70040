import type { FieldRef, FieldValue } from '../contract.ts'
import { seek } from './delimiter.ts'
import type { EntryAccess } from './inner-node.ts'
import { joinBytes, padded, roundUp, sameBytes, sameText, textBytes } from './node.ts'
import { last, numberBytes, readNumber } from './numbers.ts'
import { encodePrefixed } from './text-node.ts'
import { largest, type NumberType, type TextType, type VarintType } from './types.ts'

/** A list of key-value pairs inside a region of known length: keys are text (behind a length, or up to a delimiter) or numbers, values text. */
export interface PairsLayout {
  readonly keys: TextType | NumberType
  readonly values: TextType
  /** Number of pairs in front; absent: pairs fill the region. */
  readonly count?: NumberType
  /** Numbers of the blocks that hold pairs; any other number (as 0, padding) ends the list. */
  readonly blocks?: readonly number[]
  /** Each pair takes a multiple of so many bytes; the last may end without. */
  readonly align: number
  /** The bytes of the key that ends the list; nothing stands behind it. */
  readonly ends?: Uint8Array
  /** Letters of keys are the same in both cases. */
  readonly anyCase: boolean
}

const blockType: VarintType = { form: 'varint', coding: 'leb128', bits: 32 }

interface Pair {
  from: number
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  next: number
}

/** Whether the list that was walked last had its end. */
let ended = false

/**
 * Calls `visit` for each pair until it returns true.
 * @returns the index behind the list, or behind the pair where it stopped; -1 when the region is not well formed as far as it was read
 */
function eachPair(
  layout: PairsLayout,
  b: Uint8Array,
  start: number,
  end: number,
  visit: (pair: Pair) => boolean,
): number {
  const pair: Pair = { from: 0, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0, next: 0 }
  let p = start
  ended = false
  do {
    if (layout.blocks) {
      if (p >= end) return p
      if (readNumber(blockType, b, p, end) < 0) return -1
      if (!layout.blocks.includes(last.lo)) return last.next
      p = last.next
    }
    let left = Number.POSITIVE_INFINITY
    if (layout.count) {
      if (readNumber(layout.count, b, p, end) < 0 || last.lo < 0 || last.hi !== 0) return -1
      left = last.lo
      p = last.next
    }
    for (; layout.count ? left > 0 : p < end; left--) {
      pair.from = p
      if (layout.keys.form === 'text') {
        p = textAt(layout.keys, b, p, end)
        if (p < 0) return -1
        pair.keyStart = last.next
        pair.keyEnd = p
        // An empty one ends the list, as behind the last pair of C strings.
        ended =
          (layout.keys.zeroEnded && p === pair.keyStart) ||
          (layout.ends !== undefined && sameBytes(b, pair.keyStart, p, layout.ends))
        p += layout.keys.ends?.length ?? 0
      } else {
        if (readNumber(layout.keys, b, p, end) < 0) return -1
        // As behind the last field of PostgreSQL's errors.
        ended = layout.values.zeroEnded === true && last.lo === 0 && last.hi === 0
        pair.keyStart = p
        p = last.next
        pair.keyEnd = p
        if (layout.ends !== undefined && sameBytes(b, pair.keyStart, p, layout.ends)) ended = true
      }
      if (ended) return p
      p = textAt(layout.values, b, p, end)
      pair.valueStart = last.next
      // The last one may end with the region.
      const cut = p < 0 && mayEnd(layout.values)
      if (cut) p = end
      if (p < 0) return -1
      pair.valueEnd = p
      if (!cut) p += layout.values.ends?.length ?? 0
      if (layout.align > 1) p = Math.min(end, pair.from + roundUp(p - pair.from, layout.align))
      pair.next = p
      if (visit(pair)) return p
    }
  } while (layout.blocks)
  return p
}

/** The bytes of a key as pairs have them, without a length in front; undefined when it is no number and keys are, or one too large. */
export function keyBytes({ keys }: PairsLayout, key: string): Uint8Array | undefined {
  if (keys.form === 'text') return textBytes(key)
  const number = /^(0x[\da-f]+|\d+)$/i.test(key) ? Number(key) : Number.NaN
  return number <= largest(keys) && number < 2 ** 32 ? numberBytes(keys, number | 0, 0) : undefined
}

/** The end of the text at `p`, its value starting at `last.next`; -1 when it is no text. Null is empty. */
export function textAt(type: TextType, b: Uint8Array, p: number, end: number): number {
  if (type.ends) {
    last.next = p
    return seek(b, p, end, type.ends)
  }
  if (!type.prefix || readNumber(type.prefix, b, p, end) < 0) return -1
  if (last.lo < 0 || last.hi !== 0) return type.nullable && last.hi === -1 ? last.next : -1
  const length = last.lo - type.bias
  if (length < 0) return type.nullable ? last.next : -1
  return last.next + length > end ? -1 : last.next + length
}

/** Whether the last such text of several may lack its delimiter. */
export const mayEnd = ({ ends, zeroEnded }: TextType) => ends !== undefined && !zeroEnded

/** Whether the pairs are texts between delimiters. */
const isText = ({ keys, values }: PairsLayout) => keys.form === 'text' && mayEnd(keys) && mayEnd(values)

/**
 * The last value of a key, as a reader that fills a map sees it. Of texts between delimiters it is the first: what stands in front is the protocol's
 * own, and behind it may be bytes of any kind (data fields of FIX) that look like pairs.
 */
function readPair(
  layout: PairsLayout,
  b: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  out: FieldRef,
): boolean {
  let found = false
  const first = isText(layout)
  const whole = eachPair(layout, b, start, end, (pair) => {
    if (sameText(b, pair.keyStart, pair.keyEnd, key, layout.anyCase)) {
      found = true
      out.start = pair.valueStart
      out.end = pair.valueEnd
    }
    return found && first
  })
  return found && whole >= 0
}

/** A copy of `region` with the pair of `key` (as `keyBytes` gives it) set, or taken out without a value; undefined for layouts in blocks and broken regions. */
function writePair(
  layout: PairsLayout,
  region: Uint8Array,
  key: Uint8Array,
  value: FieldValue | undefined,
): Uint8Array | undefined {
  if (layout.blocks) return undefined
  if (isText(layout)) return writeText(layout, region, key, value)
  const kept: Uint8Array[] = []
  // A pair that is there keeps its place.
  let place = -1
  let own = key
  let tail = 0
  const add = (pair: Pair) => {
    tail = pair.next
    if (sameText(region, pair.keyStart, pair.keyEnd, key, layout.anyCase)) {
      place = kept.length
      own = region.slice(pair.keyStart, pair.keyEnd)
    } else kept.push(region.subarray(pair.from, pair.next))
    return false
  }
  if (layout.count && readNumber(layout.count, region, 0, region.length) === 0) tail = last.next
  if (eachPair(layout, region, 0, region.length, add) < 0) return undefined
  if (value !== undefined) {
    // Written as it is, whatever case it was asked for in.
    const written = layout.anyCase && place >= 0 ? own : key
    const name = layout.keys.form === 'text' ? encodePrefixed(layout.keys, written) : key
    const text = encodePrefixed(layout.values, value)
    if (!name || !text) return undefined
    const pair = padded(joinBytes(name, text), layout.align)
    // What was the last pair may have ended without its padding.
    if (place < 0) kept.splice(0, kept.length, ...kept.map((one) => padded(one, layout.align)), pair)
    else kept.splice(place, 0, pair)
  }
  const count = layout.count ? numberBytes(layout.count, kept.length, 0) : new Uint8Array(0)
  return count && joinBytes(count, ...kept, region.subarray(tail))
}

/** The entries of a map of pairs as fields. */
export function pairsOf(layout: PairsLayout): EntryAccess {
  const { keys, values, blocks } = layout
  const endless = layout.ends === undefined && !values.zeroEnded && !(keys.form === 'text' && keys.zeroEnded)
  const closed = endless || blocks || layout.count
  return {
    type: values.value,
    writable: !blocks,
    end: closed
      ? undefined
      : (b, start, end) => {
          const next = eachPair(layout, b, start, end, () => false)
          return ended ? next : -1
        },
    find: (written) => {
      const key = keyBytes(layout, written)
      return (
        key && {
          read: (b, start, end, out) => readPair(layout, b, start, end, key, out),
          write: blocks ? undefined : (region, value) => writePair(layout, region, key, value),
        }
      )
    },
  }
}

/** As `writePair`, of texts between delimiters: all bytes but the pair's stay, and the last pair goes on having its delimiter or not. */
function writeText(
  layout: PairsLayout,
  region: Uint8Array,
  key: Uint8Array,
  value: FieldValue | undefined,
): Uint8Array | undefined {
  const { keys, values } = layout
  if (keys.form !== 'text' || !keys.ends || !values.ends) return undefined
  const close = values.ends
  let own: Pair | undefined
  let times = 0
  const whole = eachPair(layout, region, 0, region.length, (pair) => {
    if (sameText(region, pair.keyStart, pair.keyEnd, key, layout.anyCase) && times++ === 0) own = { ...pair }
    return own !== undefined && value !== undefined
  })
  if (whole < 0) return undefined
  const { length } = region
  const open = length > 0 && !sameBytes(region, length - close.length, length, close)
  if (value === undefined) {
    // Without the first of several the next would count.
    if (!own) return region.slice()
    if (times > 1) return undefined
    const last = open && own.next === length && own.from > 0
    return joinBytes(region.subarray(0, last ? own.from - close.length : own.from), region.subarray(own.next))
  }
  const text = encodePrefixed(values, value)
  if (!text) return undefined
  const bare = text.subarray(0, text.length - close.length)
  if (own) return joinBytes(region.subarray(0, own.valueStart), bare, region.subarray(own.valueEnd))
  const name = encodePrefixed(keys, key)
  return name && joinBytes(region, open ? close : [], name, bare, open ? [] : close)
}
