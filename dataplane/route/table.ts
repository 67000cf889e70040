import { type Codec, emptyRef, type FieldInfo } from '../../codecs/contract.ts'
import { isInteger, matchable } from '../../codecs/values.ts'
import type { FieldMatch, MessageRoute } from '../configuration.ts'
import { type Condition, compileMatches, highHalf, lowHalf } from './condition.ts'
import { BytesIndex, IntegerIndex, missing, RangeIndex } from './index-table.ts'

/** Finds the first route that takes a frame. @returns its index, or -1. */
export type Lookup = (buf: Uint8Array, at: number, length: number) => number

const empty: readonly number[] = []

/**
 * Compiles the matches of routes. The field that most routes compare with exact values (or ranges) becomes the key of a table; what else a
 * route asks for is tested on the few that are left. The first route in order wins, however it was found.
 */
export function compileLookup(codec: Codec, routes: readonly Pick<MessageRoute, 'match'>[]): Lookup {
  const field = keyField(codec, routes)
  const slot = field === undefined ? -1 : codec.slot(field)
  const info = slot < 0 ? undefined : codec.fields[slot]
  if (field === undefined || !info) {
    const conditions = routes.map(({ match }) => compileMatches(codec, match))
    return (b, at, length) => firstOf(conditions, allOf(routes.length), empty, b, at, length)
  }
  return isInteger(info) ? byInteger(codec, routes, field, info) : byText(codec, routes, field, info)
}

/** The field most routes compare with values; undefined when a table would not pay. */
function keyField(codec: Codec, routes: readonly Pick<MessageRoute, 'match'>[]): string | undefined {
  const uses = new Map<string, number>()
  const seen: string[] = []
  for (const { match } of routes) {
    seen.length = 0
    for (const test of match) {
      if (seen.includes(test.field) || !isKey(codec, test)) continue
      seen.push(test.field)
      uses.set(test.field, (uses.get(test.field) ?? 0) + 1)
    }
  }
  let best: string | undefined
  for (const [field, count] of uses) if (count >= 2 && count > (uses.get(best ?? '') ?? 0)) best = field
  return best
}

function isKey(codec: Codec, { field, exact, in: list, ranges, invert }: FieldMatch): boolean {
  if (invert) return false
  const info = codec.fields[codec.slot(field)]
  if (!info) return false
  return exact !== undefined || list !== undefined || (ranges !== undefined && info.type === 'number')
}

const lists = new Map<number, readonly number[]>()
function allOf(count: number): readonly number[] {
  let list = lists.get(count)
  if (!list) {
    list = Array.from({ length: count }, (_, i) => i)
    if (count < 64) lists.set(count, list)
  }
  return list
}

/** Walks two ascending lists of routes as one. */
function firstOf(
  conditions: readonly (Condition | undefined)[],
  a: readonly number[],
  b: readonly number[],
  buf: Uint8Array,
  at: number,
  length: number,
): number {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const route = j >= b.length || (i < a.length && a[i]! < b[j]!) ? a[i++]! : b[j++]!
    const condition = conditions[route]
    if (condition === undefined || condition(buf, at, length)) return route
  }
  return -1
}

interface Split {
  /** What is still to be tested of a route once the table found it. */
  readonly conditions: (Condition | undefined)[]
  /** Routes the table says nothing of. */
  readonly others: number[]
  readonly keyed: { readonly index: number; readonly key: FieldMatch }[]
}

interface Part {
  readonly codec: Codec
  readonly field: string
  readonly key: FieldMatch | undefined
  readonly condition: Condition | undefined
}

/** By the matches of a route: of ten thousand routes an edit changes one, the others are the same objects. */
const known = new WeakMap<readonly FieldMatch[], Part>()

function partOf(codec: Codec, match: readonly FieldMatch[], field: string): Part {
  const before = known.get(match)
  if (before?.codec === codec && before.field === field) return before
  const key = match.find((test) => test.field === field && isKey(codec, test))
  const condition = compileMatches(
    codec,
    match.filter((test) => test !== key),
  )
  const part = { codec, field, key, condition }
  known.set(match, part)
  return part
}

function split(codec: Codec, routes: readonly Pick<MessageRoute, 'match'>[], field: string): Split {
  const result: Split = { conditions: [], others: [], keyed: [] }
  routes.forEach(({ match }, index) => {
    const { key, condition } = partOf(codec, match, field)
    if (key) result.keyed.push({ index, key })
    else result.others.push(index)
    result.conditions[index] = condition
  })
  return result
}

const integers = new WeakMap<FieldMatch, { readonly info: FieldInfo; readonly values: readonly bigint[] }>()

/** The integers a match names. */
function valuesOf(info: FieldInfo, key: FieldMatch): readonly bigint[] {
  const before = integers.get(key)
  if (before?.info === info) return before.values
  const texts = key.exact !== undefined ? [key.exact] : (key.in ?? [])
  const values = matchable(info, texts)
  integers.set(key, { info, values })
  return values
}

/** Ascending, without repetition. */
function merged(a: readonly number[], b: readonly number[]): readonly number[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y)
}

/**
 * What the table holds for a value: a route's index where it is what nearly every message is, one candidate and nothing else to ask; below `missing`
 * the place of the candidates in `found`.
 */
function entryOf(
  list: readonly number[],
  alone: boolean,
  conditions: Split['conditions'],
  found: (readonly number[])[],
): number {
  if (alone && list.length === 1 && !conditions[list[0]!]) return list[0]!
  found.push(list)
  return -1 - found.length
}

function byInteger(
  codec: Codec,
  routes: readonly Pick<MessageRoute, 'match'>[],
  field: string,
  info: FieldInfo,
): Lookup {
  const { conditions, others, keyed } = split(codec, routes, field)
  const { slot } = info
  const narrow = info.type === 'number'
  const { signed } = info
  const ranges = keyed.flatMap(({ index, key }) =>
    (key.ranges ?? []).map(({ first, last }) => ({ first: Number(first), last: Number(last), item: index })),
  )
  const pieces = ranges.length > 0 ? RangeIndex.build(ranges) : undefined
  if (ranges.length > 0 && !pieces) {
    // Too many overlap: they are tested one by one.
    const rest = keyed.filter(({ key }) => key.ranges)
    for (const { index } of rest) {
      conditions[index] = compileMatches(codec, routes[index]!.match)
      others.push(index)
    }
    others.sort((a, b) => a - b)
  }
  const byValue = new Map<bigint, number[]>()
  for (const { index, key } of keyed) {
    for (const value of valuesOf(info, key)) {
      const list = byValue.get(value)
      if (!list) byValue.set(value, [index])
      else if (list.at(-1) !== index) list.push(index)
    }
  }
  const alone = others.length === 0
  const found: (readonly number[])[] = []
  const entries = [...byValue].map(([value, list]) => {
    const inRanges = narrow ? pieces?.find(Number(value)) : undefined
    const all = inRanges ? merged(list, inRanges) : list
    const hi = narrow ? 0 : highHalf(value)
    return [lowHalf(value), hi, entryOf(all, alone, conditions, found)] as const
  })
  const index = new IntegerIndex(entries)
  const ref = emptyRef()
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref)) return alone ? -1 : firstOf(conditions, empty, others, b, at, length)
    const hit = index.find(ref.lo, narrow ? 0 : ref.hi)
    if (hit >= 0) return hit
    const list = hit !== missing ? found[-2 - hit]! : (pieces?.find(signed ? ref.lo : ref.lo >>> 0) ?? empty)
    return firstOf(conditions, list, others, b, at, length)
  }
}

function byText(codec: Codec, routes: readonly Pick<MessageRoute, 'match'>[], field: string, info: FieldInfo): Lookup {
  const { conditions, others, keyed } = split(codec, routes, field)
  const { slot } = info
  const byValue = new Map<string, number[]>()
  for (const { index, key } of keyed) {
    for (const text of key.exact !== undefined ? [key.exact] : (key.in ?? [])) {
      const list = byValue.get(text)
      if (!list) byValue.set(text, [index])
      else if (list.at(-1) !== index) list.push(index)
    }
  }
  const alone = others.length === 0
  const found: (readonly number[])[] = []
  const values = [...byValue.values()].map((list) => entryOf(list, alone, conditions, found))
  const index = new BytesIndex(
    [...byValue.keys()].map((text) => Buffer.from(text)),
    values,
  )
  const ref = emptyRef()
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref)) return alone ? -1 : firstOf(conditions, empty, others, b, at, length)
    const hit = index.find(b, ref.start, ref.end)
    if (hit >= 0) return hit
    return firstOf(conditions, hit === missing ? empty : found[-2 - hit]!, others, b, at, length)
  }
}
