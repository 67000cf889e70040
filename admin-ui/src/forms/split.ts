import type { Path } from '../yaml/index.ts'
import type { FormEdit } from './edits.ts'
import { isMap, read, readMap, readNumber, readText, writtenKey } from './schema.ts'

/** One destination of a split, as the form shows it. */
export interface Share {
  readonly index: number
  readonly host: string
  readonly subset: string | undefined
  readonly port: number | undefined
  /** As written; absent counts as 0, or as everything when it is the only destination. */
  readonly weight: number | undefined
  /** Part of the traffic in percent, as proxies see it: weights are relative to their sum. */
  readonly percent: number
}

/** The destinations of a route with their shares. */
export function readSplit(route: unknown): readonly Share[] {
  const items = Array.isArray(route) ? route : []
  const weights = items.map((item) => readNumber(item, 'weight') ?? 0)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return items.map((item, index) => {
    const destination = readMap(item, 'destination')
    const alone = items.length === 1
    return {
      index,
      host: readText(destination, 'host') ?? '',
      subset: readText(destination, 'subset'),
      port: readNumber(destination, 'port', 'number'),
      weight: readNumber(item, 'weight'),
      percent: alone ? 100 : sum > 0 ? (weights[index]! / sum) * 100 : 0,
    }
  })
}

/** Whole percentages that sum to 100, as near to the shares as can be: the largest remainders are rounded up. */
export function wholePercents(shares: readonly number[]): readonly number[] {
  const sum = shares.reduce((total, share) => total + share, 0)
  if (shares.length === 0) return []
  const exact = shares.map((share) => (sum > 0 ? (share / sum) * 100 : 100 / shares.length))
  const floors = exact.map(Math.floor)
  let left = 100 - floors.reduce((total, share) => total + share, 0)
  const order = exact.map((share, index) => ({ index, rest: share - Math.floor(share) }))
  order.sort((a, b) => b.rest - a.rest || a.index - b.index)
  const result = [...floors]
  for (const { index } of order) {
    if (left-- <= 0) break
    result[index]!++
  }
  return result
}

/**
 * Shares after one of them was moved to `percent`: the others, as far as they are not locked, take what is left in the proportion they had
 * (evenly when they had nothing). The sum is 100; what locked shares leave is the most that can be reached.
 */
export function moveShare(
  shares: readonly number[],
  index: number,
  percent: number,
  locked: ReadonlySet<number> = new Set(),
): readonly number[] {
  const now = wholePercents(shares)
  const others = now.map((_, i) => i).filter((i) => i !== index && !locked.has(i))
  if (now.length < 2 || others.length === 0 || locked.has(index)) return now
  const fixed = now.reduce((total, share, i) => (i !== index && locked.has(i) ? total + share : total), 0)
  const wanted = Math.max(0, Math.min(Math.round(percent), 100 - fixed))
  const rest = 100 - fixed - wanted
  const had = others.reduce((total, i) => total + now[i]!, 0)
  const parts = others.map((i) => (had > 0 ? now[i]! : 1))
  const scaled = scale(parts, rest)
  return now.map((share, i) => (i === index ? wanted : others.includes(i) ? scaled[others.indexOf(i)]! : share))
}

/** Equal shares for those that are not locked; the first ones take what does not divide. */
export function evenShares(shares: readonly number[], locked: ReadonlySet<number> = new Set()): readonly number[] {
  const now = wholePercents(shares)
  const free = now.map((_, i) => i).filter((i) => !locked.has(i))
  const rest = free.reduce((total, i) => total + now[i]!, 0)
  const scaled = scale(
    free.map(() => 1),
    rest,
  )
  return now.map((share, i) => (locked.has(i) ? share : scaled[free.indexOf(i)]!))
}

/** Whole numbers in the proportion of `parts` that sum to `total`. */
function scale(parts: readonly number[], total: number): readonly number[] {
  const sum = parts.reduce((all, part) => all + part, 0)
  const exact = parts.map((part) => (sum > 0 ? (part / sum) * total : 0))
  const result = exact.map(Math.floor)
  const order = exact.map((share, index) => ({ index, rest: share - Math.floor(share) }))
  order.sort((a, b) => b.rest - a.rest || a.index - b.index)
  let left = total - result.reduce((all, share) => all + share, 0)
  for (const { index } of order) {
    if (left-- <= 0) break
    result[index]!++
  }
  return result
}

/** Steps of a gradual move to a destination, percent. */
export const STEPS = [5, 25, 50, 100] as const

/** The next step above the share a destination has now; undefined when it has everything. */
export function nextStep(percent: number): number | undefined {
  return STEPS.find((step) => step > percent)
}

/** The edits that write shares as weights: only those that differ, and no weight where none is needed. */
export function weightEdits(document: unknown, path: Path, shares: readonly number[]): readonly FormEdit[] {
  const route = read(document, ...path)
  const items = Array.isArray(route) ? route : []
  return items.flatMap((item, index) => {
    const weight = shares[index]
    if (weight === undefined || !isMap(item)) return []
    const key = writtenKey(item, 'weight')
    const now = typeof item[key] === 'number' ? item[key] : 0
    return weight === now ? [] : [{ op: 'set' as const, path: [...path, index, key], value: weight }]
  })
}

/** The edit that adds a destination with nothing yet; the first of several needs weights, so the one that had all gets 100. */
export function addDestination(
  document: unknown,
  path: Path,
  destination: { readonly host: string; readonly subset?: string; readonly port?: number },
): readonly FormEdit[] {
  const route = read(document, ...path)
  const items = Array.isArray(route) ? route : []
  const { host, subset, port } = destination
  const value = {
    destination: {
      host,
      ...(subset ? { subset } : {}),
      ...(port === undefined ? {} : { port: { number: port } }),
    },
    ...(items.length === 0 ? {} : { weight: 0 }),
  }
  if (items.length === 0) return [{ op: 'set', path, value: [value] }]
  const alone = items.length === 1 && readNumber(items[0], 'weight') === undefined
  return [
    ...(alone ? [{ op: 'set' as const, path: [...path, 0, 'weight'], value: 100 }] : []),
    { op: 'append', path, value },
  ]
}

/** The edits that take a destination out and give its share to the others. */
export function removeDestination(document: unknown, path: Path, index: number): readonly FormEdit[] {
  const route = read(document, ...path)
  const items = Array.isArray(route) ? route : []
  if (items.length <= 1) return [{ op: 'delete', path: [...path, index] }]
  const shares = readSplit(items).map(({ percent }) => percent)
  const left = shares.filter((_, i) => i !== index)
  const next = left.some((share) => share > 0) ? wholePercents(left) : evenShares(left)
  const weights = shares.map((share, i) => (i === index ? share : next[i < index ? i : i - 1]!))
  const keep = weightEdits(document, path, weights).filter(({ path: at }) => at[path.length] !== index)
  const changes = shares[index] === 0 && left.some((share) => share > 0) ? [] : keep
  return [...changes, { op: 'delete', path: [...path, index] }]
}
