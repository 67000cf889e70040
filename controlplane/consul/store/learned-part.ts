import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type Learned, NOTHING_LEARNED } from '../../shared/index.ts'
import { MOST_VALUE_BYTES } from '../kv.ts'

/** A part of what was learned, as it is kept: clusters with the day (since 1970) some replica last had them; generations by class. */
export interface LearnedPart {
  readonly workloads: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly generations: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export const EMPTY_PART: LearnedPart = { workloads: {}, generations: {} }

const FORMAT = 1
/** Largest part that is unpacked, bytes. */
const MOST_UNPACKED = 32 * 1024 * 1024
/** What no replica has had for so long is forgotten, days. */
const EXPIRE_DAYS = 7

/** Sixteen parts by name, so that something new rewrites one: the part's name to what is in it. */
export function splitLearned({ workloads, generations }: Learned): ReadonlyMap<string, Learned> {
  const parts = new Map<
    string,
    { workloads: Map<string, ReadonlySet<string>>; generations: Map<string, ReadonlyMap<string, number>> }
  >()
  const partOf = (name: string) => {
    const key = createHash('sha256').update(name).digest('hex').slice(0, 1)
    const part = parts.get(key) ?? { workloads: new Map(), generations: new Map() }
    parts.set(key, part)
    return part
  }
  for (const [workload, clusters] of workloads) partOf(workload).workloads.set(workload, clusters)
  for (const [classKey, all] of generations) partOf(classKey).generations.set(classKey, all)
  return parts
}

/** What is there with what this replica has; what nobody had for a week is left out. `today` in days since 1970. */
export function joinPart(there: LearnedPart, mine: Learned, today: number): LearnedPart {
  const workloads: Record<string, Record<string, number>> = {}
  for (const [workload, clusters] of Object.entries(there.workloads)) {
    const left = Object.entries(clusters).filter(([, day]) => day >= today - EXPIRE_DAYS)
    if (left.length > 0) workloads[workload] = Object.fromEntries(left)
  }
  for (const [workload, clusters] of mine.workloads) {
    if (clusters.size === 0) continue
    const days = workloads[workload] ?? {}
    workloads[workload] = days
    // Said again once in two days: often enough to stay, too seldom to matter.
    for (const cluster of clusters) if ((days[cluster] ?? 0) < today - 1) days[cluster] = today
  }
  const generations: Record<string, Record<string, number>> = {}
  for (const [classKey, all] of Object.entries(there.generations)) generations[classKey] = { ...all }
  for (const [classKey, all] of mine.generations) {
    const known = generations[classKey] ?? {}
    generations[classKey] = known
    for (const [cluster, generation] of all) known[cluster] = Math.max(generation, known[cluster] ?? 0)
  }
  return { workloads, generations }
}

/** What `after` says that `before` does not. */
export function newInPart(before: LearnedPart, after: LearnedPart): Learned {
  const workloads = new Map<string, ReadonlySet<string>>()
  for (const [workload, clusters] of Object.entries(after.workloads)) {
    const fresh = Object.keys(clusters).filter((cluster) => before.workloads[workload]?.[cluster] === undefined)
    if (fresh.length > 0) workloads.set(workload, new Set(fresh))
  }
  const generations = new Map<string, ReadonlyMap<string, number>>()
  for (const [classKey, all] of Object.entries(after.generations)) {
    const higher = Object.entries(all).filter(
      ([cluster, generation]) => generation > (before.generations[classKey]?.[cluster] ?? 0),
    )
    if (higher.length > 0) generations.set(classKey, new Map(higher))
  }
  return workloads.size + generations.size > 0 ? { workloads, generations } : NOTHING_LEARNED
}

/** The bytes of a part that fit a key, always the same for the same content, and how many workloads did not fit: those heard of longest ago. */
export function packPart(part: LearnedPart): { readonly value: Buffer; readonly left: number } {
  const names = Object.keys(part.workloads).sort()
  const newest = new Map(names.map((name) => [name, Math.max(...Object.values(part.workloads[name]!))]))
  const byAge = [...names].sort((a, b) => newest.get(b)! - newest.get(a)!)
  for (let count = names.length; ; count = Math.floor(count * 0.9)) {
    const kept = new Set(byAge.slice(0, count))
    const workloads = sorted(names.filter((name) => kept.has(name)).map((name) => [name, part.workloads[name]!]))
    const generations = count > 0 || names.length === 0 ? sorted(Object.entries(part.generations)) : {}
    const value = gzipSync(JSON.stringify({ format: FORMAT, workloads, generations }))
    if (value.length <= MOST_VALUE_BYTES || count === 0) return { value, left: names.length - count }
  }
}

/** Undefined for what another version of meshgate wrote; a value that is damaged counts as empty. */
export function unpackPart(value: Buffer): LearnedPart | undefined {
  let json: { format?: unknown; workloads?: unknown; generations?: unknown }
  try {
    json = JSON.parse(gunzipSync(value, { maxOutputLength: MOST_UNPACKED }).toString('utf8'))
  } catch {
    return EMPTY_PART
  }
  if (typeof json !== 'object' || json === null) return EMPTY_PART
  if (json.format !== FORMAT) return undefined
  return { workloads: numbers(json.workloads), generations: numbers(json.generations) }
}

function numbers(value: unknown): Record<string, Record<string, number>> {
  const isObject = (one: unknown): one is object => typeof one === 'object' && one !== null && !Array.isArray(one)
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => isObject(inner))
      .map(([name, inner]) => [
        name,
        Object.fromEntries(
          Object.entries(inner as object).filter(([, number]) => Number.isSafeInteger(number) && number > 0),
        ),
      ]),
  )
}

function sorted(
  entries: readonly (readonly [string, Readonly<Record<string, number>>])[],
): Record<string, Record<string, number>> {
  const byName = <T>([a]: readonly [string, T], [b]: readonly [string, T]) => (a < b ? -1 : 1)
  return Object.fromEntries(
    [...entries].sort(byName).map(([name, inner]) => [name, Object.fromEntries(Object.entries(inner).sort(byName))]),
  )
}
