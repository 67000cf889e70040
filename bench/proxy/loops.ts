import { median, round } from '../measure.ts'
import { type LoadResult, loadOn, type Shape, shapeName } from './load.ts'
import type { Subject } from './subjects.ts'
import { otherSizes, targetShapes, targets } from './targets.ts'

export interface Plan {
  readonly sizes: readonly number[]
  readonly shapes: readonly Shape[]
  /**
   * Each subject gets its turn in each; the ratios are of the same round, their median counts. Many short ones say more than few long ones: a
   * machine changes its speed from second to second.
   */
  readonly rounds: number
  readonly seconds: number
}

/** Seconds before a slice counts. */
const warm = 0.3

interface Cell {
  readonly subject: string
  readonly size: number
  readonly shape: string
  readonly cpuUs: number | undefined
  readonly perSecond: number
  readonly overtaken: number
}

export interface Compared {
  readonly target: string
  readonly size: number
  readonly shape: string
  readonly ratio: number
  readonly wanted: string
  readonly met: boolean
}

/** Each cell by each subject in turn, several rounds. A failed cell (a reply wrong or missing) ends the benchmark. */
export async function closedLoop(
  folder: string,
  subjects: readonly Subject[],
  { sizes, shapes, rounds, seconds }: Plan,
  say: (line: string) => void,
): Promise<{ readonly cells: readonly Cell[]; readonly compared: readonly Compared[] }> {
  const cells: Cell[] = []
  const compared: Compared[] = []
  for (const subject of subjects) await warmUp(folder, subject)
  for (const size of sizes) {
    for (const shape of shapes) {
      const results = new Map<string, LoadResult[]>(subjects.map(({ name }) => [name, []]))
      for (let n = 0; n < rounds; n++) {
        const order = n % 2 === 0 ? subjects : [...subjects].reverse()
        for (const subject of order) {
          results.get(subject.name)!.push(await loadOn(folder, subject, shape, { size, seconds, warm, rate: 0 }))
        }
      }
      const done: Cell[] = subjects.map(({ name }) => {
        const runs = results.get(name)!
        const cpu = runs.flatMap(({ cpuUs }) => cpuUs ?? [])
        return {
          subject: name,
          size,
          shape: shapeName(shape),
          cpuUs: cpu.length > 0 ? round(median(cpu)) : undefined,
          perSecond: Math.round(median(runs.map(({ perSecond }) => perSecond))),
          overtaken: runs.reduce((sum, { overtaken }) => sum + overtaken, 0),
        }
      })
      say(`${size} B ${shapeName(shape)}: ${done.map(({ subject, cpuUs }) => `${subject} ${cpuUs ?? '-'}`).join(', ')}`)
      cells.push(...done)
      compared.push(...compare(size, shapeName(shape), results))
    }
  }
  return { cells, compared }
}

/** Code that was never run is slow; the first cells of a subject would pay for it, in each of its processes. */
export async function warmUp(folder: string, subject: Subject): Promise<void> {
  const processes = Math.max(1, subject.pids.length)
  const until = performance.now() + 10_000 * processes
  const options = { size: 300, seconds: 1, warm: 0, rate: 0 }
  for (let replies = 0; replies < 500_000 * processes && performance.now() < until; ) {
    replies += (await loadOn(folder, subject, { connections: 16, window: 32 }, options)).replies
    if (subject.pids.length === 0) return
  }
  await loadOn(folder, subject, { connections: 200, window: 1 }, options)
}

function compare(size: number, shape: string, results: ReadonlyMap<string, readonly LoadResult[]>): Compared[] {
  const column = (targetShapes as readonly string[]).indexOf(shape)
  if (column < 0) return []
  return targets.flatMap(({ what, over, under, bound, limits }) => {
    const ratios = (results.get(over) ?? []).flatMap(({ cpuUs }, i) => {
      const other = results.get(under)?.[i]?.cpuUs
      return cpuUs === undefined || other === undefined ? [] : cpuUs / other
    })
    if (ratios.length === 0) return []
    const ratio = round(median(ratios))
    const slack = size === 300 ? 1 : otherSizes
    const limit = round(bound === 'at most' ? limits[column]! * slack : limits[column]! / slack)
    const met = bound === 'at most' ? ratio <= limit : ratio >= limit
    return [{ target: what, size, shape, ratio, wanted: `${bound} ${limit}`, met }]
  })
}

/** Latency and CPU at a fixed rate, where queues do not hide them. */
export async function openLoop(
  folder: string,
  subjects: readonly Subject[],
  rate: number,
  { rounds, seconds }: Plan,
  say: (line: string) => void,
): Promise<readonly object[]> {
  for (const subject of subjects) await warmUp(folder, subject)
  const results = new Map<string, LoadResult[]>(subjects.map(({ name }) => [name, []]))
  for (let n = 0; n < rounds; n++) {
    for (const subject of n % 2 === 0 ? subjects : [...subjects].reverse()) {
      const shape = { connections: 16, window: 1024 }
      results
        .get(subject.name)!
        .push(await loadOn(folder, subject, shape, { size: 300, seconds: Math.max(seconds, 1), warm, rate }))
    }
    say(`open loop, round ${n + 1}`)
  }
  const of = (name: string, pick: (result: LoadResult) => number | undefined) =>
    round(median(results.get(name)!.map((result) => pick(result) ?? Number.NaN)), 1)
  return subjects.map(({ name }) => ({
    subject: name,
    p50Us: of(name, ({ p50Us }) => p50Us),
    p99Us: of(name, ({ p99Us }) => p99Us),
    cpuUs: of(name, ({ cpuUs }) => cpuUs),
  }))
}
