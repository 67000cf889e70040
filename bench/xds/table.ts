import type { BenchResult, Measured } from './run.ts'

type Row = readonly [name: string, digits: number, value: (measured: Measured) => number | undefined]

const ROWS: readonly Row[] = [
  ['cold sync of all, wall s', 2, (one) => one.syncWallS],
  ['cold sync of all, CPU s', 2, (one) => one.syncCpuS],
  ['one endpoint: CPU µs per stream', 1, (one) => one.endpoint?.cpuUsPerStream],
  ['one endpoint: last stream, ms', 1, (one) => one.endpoint?.lastMs],
  ['one weight: CPU µs per stream', 1, (one) => one.route?.cpuUsPerStream],
  ['one weight: last stream, ms', 1, (one) => one.route?.lastMs],
  ['one weight: KB per stream', 1, (one) => one.route && one.route.bytesPerStream / 1024],
  ['storm: changes taken per s', 1, (one) => one.storm?.takenPerSecond],
  ['storm: cores', 2, (one) => one.storm?.cores],
  ['storm: last change late, ms', 0, (one) => one.storm?.lateMs],
  ['storm: pushes per stream and s', 1, (one) => one.storm?.pushesPerStreamAndSecond],
  ['RSS before any stream, MB', 0, (one) => one.baseMb],
  ['RSS per idle stream, KB', 1, (one) => one.rssKbPerStream],
  ['RSS per stream at the end, after GC, KB', 1, (one) => one.rssKbPerStreamAfterGc],
]

const OWN_ROWS: readonly Row[] = [
  ['loop delay p99 ms: sync', 1, (one) => one.syncLoopP99Ms],
  ['loop delay p99 ms: one endpoint', 1, (one) => one.endpoint?.loopP99Ms],
  ['loop delay p99 ms: one weight', 1, (one) => one.route?.loopP99Ms],
  ['loop delay p99 ms: storm', 1, (one) => one.storm?.loopP99Ms],
]

/** A table of one combination: ours, the peer's, and ours / peer's. */
export function block({ workload, form, streams, ours, peer }: BenchResult): string {
  const head = line(
    `${workload} ${form} ${streams} streams`,
    'meshgate',
    peer ? 'go-control-plane' : '',
    peer ? '×' : '',
  )
  const rows = ROWS.map(([name, digits, value]) => {
    const own = value(ours)
    const theirs = peer && value(peer)
    return line(name, shown(own, digits), shown(theirs, digits), own && theirs ? (own / theirs).toFixed(3) : '')
  })
  const own = OWN_ROWS.map(([name, digits, value]) => line(name, shown(value(ours), digits), '', ''))
  return [head, ...rows, ...own].join('\n')
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits)
}

function line(name: string, own: string, peer: string, ratio: string): string {
  return `${name.padEnd(42)}${own.padStart(10)}${peer.padStart(18)}${ratio.padStart(8)}`.trimEnd()
}
