import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { envoyVersion, findEnvoy } from '../cli/tools/envoy.ts'

/** What a figure must be read with: where and when it was measured. */
export interface Conditions {
  readonly date: string
  readonly node: string
  readonly envoy: string
  readonly cpu: string
  readonly cores: number
  /** Load averages over 1, 5 and 15 minutes at the end of the run. */
  readonly load: readonly number[]
}

/** The conditions of now, on this machine. */
export async function conditions(): Promise<Conditions> {
  const binary = findEnvoy()
  return {
    date: new Date().toISOString(),
    node: process.version,
    envoy: binary ? await envoyVersion(binary.path) : 'none',
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    load: loadavg().map((load) => Math.round(load * 100) / 100),
  }
}

/** CPU time a process has used in all its threads, ms, in steps of 10 ms; undefined where there is no /proc. */
export function cpuMs(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in brackets and may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const TICKS_PER_SECOND = 100
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
  } catch {
    return undefined
  }
}

/** The value that `share` (0 to 1) of the values do not exceed; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}

/** NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** A number with so many digits behind the point, for tables. */
export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}

/** Prints the rows as a table (unless JSON alone is wanted) and everything as one JSON line. */
export async function report(rows: readonly object[], result: object, output: string): Promise<void> {
  if (output !== 'json') console.table(rows)
  console.log(JSON.stringify({ ...result, conditions: await conditions() }))
}
