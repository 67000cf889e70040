import type { Measured } from './measured.ts'
import type { BenchResult } from './run.ts'

type Row = readonly [name: string, digits: number, value: (measured: Measured) => number | undefined, ratio?: string]

const ROWS: readonly Row[] = [
  ['cold sync of all, wall s', 2, (one) => one.syncWallS, 'syncWall'],
  ['cold sync of all, CPU s', 2, (one) => one.syncCpuS, 'syncCpu'],
  ['all come back (warm process), wall s', 2, (one) => one.warm?.wallS, 'warmWall'],
  ['all come back (warm process), CPU s', 2, (one) => one.warm?.cpuS, 'warmCpu'],
  ['one endpoint: CPU µs per stream', 1, (one) => one.endpoint?.cpuUsPerStream, 'endpointCpu'],
  ['one endpoint: last stream, ms', 1, (one) => one.endpoint?.lastMs, 'endpointLast'],
  ['one weight: CPU µs per stream', 1, (one) => one.route?.cpuUsPerStream, 'routeCpu'],
  ['one weight: last stream, ms', 1, (one) => one.route?.lastMs, 'routeLast'],
  ['one weight: KB per stream', 1, (one) => one.route && one.route.bytesPerStream / 1024],
  ['storm: changes taken per s', 1, (one) => one.storm?.takenPerSecond, 'stormTaken'],
  ['storm: cores', 2, (one) => one.storm?.cores],
  ['storm: last change late, ms', 0, (one) => one.storm?.lateMs],
  ['storm: pushes per stream and s', 1, (one) => one.storm?.pushesPerStreamAndSecond],
  ['RSS before any stream, MB', 0, (one) => one.baseMb],
  ['RSS per idle stream, KB', 1, (one) => one.rssKbPerStream, 'rssPerStream'],
  ['RSS per stream at the end, after GC, KB', 1, (one) => one.rssKbPerStreamAfterGc],
]

const OWN_ROWS: readonly Row[] = [
  ['loop delay p99 ms: sync', 1, (one) => one.syncLoopP99Ms],
  ['loop delay p99 ms: all come back', 1, (one) => one.warm?.loopP99Ms],
  ['loop delay p99 ms: one endpoint', 1, (one) => one.endpoint?.loopP99Ms],
  ['loop delay p99 ms: one weight', 1, (one) => one.route?.loopP99Ms],
  ['loop delay p99 ms: storm', 1, (one) => one.storm?.loopP99Ms],
]

/** A table of one combination: ours, the peer's, ours / peer's, and the floor. */
export function block({ workload, form, streams, ours, peer, floor, ratios }: BenchResult): string {
  const head = line(
    `${workload} ${form} ${streams} streams`,
    'meshgate',
    peer ? 'go-control-plane' : '',
    peer ? '×' : '',
    floor ? 'bare sockets' : '',
  )
  const rows = ROWS.map(([name, digits, value, key]) => {
    const own = value(ours)
    const theirs = peer && value(peer)
    const ratio = (key === undefined ? undefined : ratios[key]) ?? (own && theirs ? own / theirs : undefined)
    return line(name, shown(own, digits), shown(theirs, digits), shown(ratio, 3), shown(floor && value(floor), digits))
  })
  const own = OWN_ROWS.map(([name, digits, value]) => line(name, shown(value(ours), digits), '', '', ''))
  return [head, ...rows, ...own].join('\n')
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits)
}

function line(name: string, own: string, peer: string, ratio: string, floor: string): string {
  return `${name.padEnd(42)}${own.padStart(10)}${peer.padStart(18)}${ratio.padStart(8)}${floor.padStart(14)}`.trimEnd()
}
