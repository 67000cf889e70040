import { start } from './native.ts'
import { isPeer, loadCpu, type Subject } from './subjects.ts'

/** Connections, and requests in flight on each. */
export interface Shape {
  readonly connections: number
  readonly window: number
}

export const shapeName = ({ connections, window }: Shape) => `${connections}x${window}`

/** @throws Error unless it looks like `16x32` */
export function parseShape(text: string): Shape {
  const [, connections, window] = /^(\d+)x(\d+)$/.exec(text) ?? []
  if (!connections || !window) throw new Error(`"${text}" is no shape; write connections x window, such as 16x32`)
  return { connections: Number(connections), window: Number(window) }
}

export interface LoadOptions {
  /** Bytes of a frame. */
  readonly size: number
  readonly seconds: number
  readonly warm: number
  /** Requests per second at fixed times; 0: as fast as replies come. */
  readonly rate: number
}

export interface LoadResult {
  readonly perSecond: number
  /** CPU of the proxy for a request and its reply, µs; undefined without a proxy. */
  readonly cpuUs: number | undefined
  readonly p50Us: number
  readonly p99Us: number
  /** Replies that came before that of an earlier request of their connection. */
  readonly overtaken: number
  readonly replies: number
}

/** Puts load on a subject. @throws Error when a reply was wrong, from a wrong service, or did not come */
export async function loadOn(
  folder: string,
  { protocol, port, morePorts = [], pids, services, routes, name }: Subject,
  { connections, window }: Shape,
  { size, seconds, warm, rate }: LoadOptions,
): Promise<LoadResult> {
  const numbers = [connections, window, size, seconds, warm, rate, routes, services, ...pids].map(String)
  const program = start(loadCpu, `${folder}/load`, [protocol, [port, ...morePorts].join(','), ...numbers])
  const raw = JSON.parse(await program.line()) as Record<string, number>
  // A peer that cannot keep up with an open loop is slow, not wrong; the proxy may lose nothing in either.
  const faults = isPeer(name) ? ['wrong', 'misrouted'] : ['wrong', 'misrouted', 'lost']
  const bad = faults.filter((key) => raw[key] !== 0)
  if (bad.length > 0) {
    throw new Error(`${name} ${connections}x${window}: ${bad.map((key) => `${raw[key]} ${key}`).join(', ')}`)
  }
  const replies = raw['replies']!
  return {
    perSecond: replies / raw['seconds']!,
    cpuUs: pids.length > 0 && replies > 0 ? raw['cpuUs']! / replies : undefined,
    p50Us: raw['p50']!,
    p99Us: raw['p99']!,
    overtaken: raw['overtaken']!,
    replies,
  }
}
