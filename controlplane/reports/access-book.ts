import { parseNodeId } from '../bootstrap/node-id.ts'
import type { Latency } from '../figures/latency.ts'
import { LatencySteps } from '../figures/latency-steps.ts'
import type { NodeInfo, UnservedRequest } from '../xds/resource.ts'
import type { AccessEntry } from './access-entries.ts'

/** Who sends: all instances of a workload are one caller. */
export interface Caller {
  readonly workload: string
  readonly namespace: string
}

/** What one caller sent to one cluster. Sums since the control plane began to count, but for `recent`. */
export interface Edge {
  readonly caller: Caller
  /** Name on the wire without a generation; empty when no cluster was chosen (no route, direct response, unknown cluster). */
  readonly cluster: string
  readonly requests: number
  /** TCP connections. */
  readonly connections: number
  /** Requests by status class: `1xx` … `5xx`, `none` for no answer. */
  readonly statuses: Readonly<Record<string, number>>
  /** Requests and connections by Envoy's response flags. */
  readonly flags: Readonly<Record<string, number>>
  /** Sum over requests, ms. */
  readonly durationMs: number
  /** Bytes of TCP connections, from and to the client. */
  readonly received: number
  readonly sent: number
  /** ms since 1970. */
  readonly lastSeenAt: number
  /** Of the asked window. */
  readonly recent: {
    readonly requests: number
    readonly errors: number
    readonly durationMs: number
    /** How long HTTP requests took; empty where that is not remembered. */
    readonly latency: Latency
  }
}

/** A request for a cluster its proxy does not have. */
export interface MissingCluster {
  readonly node: NodeInfo
  readonly request: UnservedRequest
  /** ms since 1970. */
  readonly at: number
}

export interface AccessLimits {
  /** Edges remembered one by one; some 500 bytes each. The rest is counted as one, `_other`. */
  readonly edges: number
  /** Of these, the most whose times are remembered; another KB each. */
  readonly timedEdges: number
  /** An edge without traffic is forgotten after so long, in ms. */
  readonly keepMs: number
}

const DEFAULT_ACCESS_LIMITS: AccessLimits = { edges: 50_000, timedEdges: 10_000, keepMs: 24 * 3_600_000 }

/** Longest window `recent` can be asked for. */
export const RECENT_MINUTES = 15

const MINUTE = 60_000
const OTHER = '_other'
const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

interface Counts {
  readonly caller: Caller
  readonly cluster: string
  requests: number
  connections: number
  durationMs: number
  received: number
  sent: number
  lastSeenAt: number
  readonly statuses: number[]
  readonly flags: Map<string, number>
  /** Requests, errors and ms of each of the last minutes, and which minute each place holds. */
  readonly minutes: Float64Array
  /** Times of HTTP requests in these minutes. */
  times?: LatencySteps
}

/** Requests, counted per caller → callee edge from the access logs that proxies send. */
export class AccessBook {
  private readonly now: () => number
  private readonly limits: AccessLimits
  private readonly edges = new Map<string, Counts>()
  private readonly listeners = new Set<(missing: MissingCluster) => void>()
  private taken = 0
  private timed = 0
  private sweptAt: number

  constructor(now: () => number = Date.now, limits: Partial<AccessLimits> = {}) {
    this.now = now
    this.limits = { ...DEFAULT_ACCESS_LIMITS, ...limits }
    this.sweptAt = now()
  }

  /** Entries counted so far. */
  get entries(): number {
    return this.taken
  }

  /** Edges remembered. */
  get size(): number {
    return this.edges.size
  }

  /** Calls back for each route of a message whose cluster the proxy does not have. Returns the way to unsubscribe. */
  onMissingCluster(listener: (missing: MissingCluster) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Counts the entries of a proxy's access log, and tells listeners of requests that found no cluster (flag NC). */
  take(node: NodeInfo, entries: readonly AccessEntry[]): void {
    const at = this.now()
    const caller = callerOf(node)
    const missing = new Map<string, AccessEntry>()
    for (const entry of entries) {
      this.taken++
      this.count(this.edge(caller, entry.cluster, at), entry, at)
      const { routeName, authority, port, flags } = entry
      if (flags.includes('NC') && (routeName !== '' || authority !== '' || port !== 0))
        missing.set(`${routeName}\n${authority}\n${port}`, entry)
    }
    for (const { routeName, authority, port } of missing.values())
      for (const listener of [...this.listeners]) listener({ node, request: { routeName, authority, port }, at })
    if (at - this.sweptAt > MINUTE) this.sweep(at)
  }

  /** All edges, busiest in the window first. @param windowMs of `recent`; whole minutes, at most RECENT_MINUTES */
  allEdges(windowMs = 5 * MINUTE): readonly Edge[] {
    const at = this.now()
    this.sweep(at)
    return [...this.edges.values()]
      .map((counts) => shown(counts, at, windowMs))
      .sort((a, b) => b.recent.requests - a.recent.requests || b.requests - a.requests)
  }

  private edge(caller: Caller, named: string, at: number): Counts {
    const cluster = named.replace(/~\d+$/, '')
    const key = JSON.stringify([caller.namespace, caller.workload, cluster])
    const known = this.edges.get(key)
    if (known) return known
    if (this.edges.size >= this.limits.edges) {
      const other = this.edges.get(OTHER)
      if (other) return other
      return this.insert(OTHER, { workload: OTHER, namespace: '' }, OTHER, at)
    }
    return this.insert(key, caller, cluster, at)
  }

  private insert(key: string, caller: Caller, cluster: string, at: number): Counts {
    const fresh: Counts = {
      caller,
      cluster,
      requests: 0,
      connections: 0,
      durationMs: 0,
      received: 0,
      sent: 0,
      lastSeenAt: at,
      statuses: CLASSES.map(() => 0),
      flags: new Map(),
      minutes: new Float64Array(RECENT_MINUTES * 4),
    }
    this.edges.set(key, fresh)
    return fresh
  }

  private count(edge: Counts, entry: AccessEntry, at: number): void {
    edge.lastSeenAt = at
    edge.durationMs += entry.durationMs
    edge.received += entry.received
    edge.sent += entry.sent
    const isHttp = entry.kind === 'http'
    const place = isHttp ? Math.floor(entry.status / 100) : 0
    if (isHttp) {
      edge.requests++
      edge.statuses[place >= 1 && place <= 5 ? place : 0]!++
    } else edge.connections++
    for (const flag of entry.flags) edge.flags.set(flag, (edge.flags.get(flag) ?? 0) + 1)
    const isError = isHttp ? place === 5 || place === 0 : entry.flags.length > 0
    const minute = Math.floor(at / MINUTE)
    const { minutes } = edge
    const base = (minute % RECENT_MINUTES) * 4
    if (minutes[base + 3] !== minute) {
      minutes.fill(0, base, base + 4)
      minutes[base + 3] = minute
    }
    minutes[base]!++
    if (isError) minutes[base + 1]!++
    minutes[base + 2]! += entry.durationMs
    if (isHttp) this.timesOf(edge)?.addTime(minute, entry.durationMs)
  }

  private timesOf(edge: Counts): LatencySteps | undefined {
    if (edge.times || this.timed >= this.limits.timedEdges) return edge.times
    this.timed++
    edge.times = new LatencySteps(RECENT_MINUTES)
    return edge.times
  }

  private sweep(at: number): void {
    this.sweptAt = at
    for (const [key, { lastSeenAt, times }] of this.edges) {
      if (lastSeenAt >= at - this.limits.keepMs) continue
      this.edges.delete(key)
      if (times) this.timed--
    }
  }
}

/** The workload of a node, as its metadata or its id tell it. */
export function callerOf(node: NodeInfo): Caller {
  const id = parseNodeId(node.id)
  const labels = node.metadata['LABELS']
  const label = (name: string) => text((labels as Readonly<Record<string, unknown>> | null | undefined)?.[name])
  const namespace = text(node.metadata['NAMESPACE']) ?? id?.namespace ?? ''
  const workload =
    text(node.metadata['WORKLOAD_NAME']) ??
    label('app.kubernetes.io/name') ??
    label('app') ??
    text(node.cluster.endsWith(`.${namespace}`) ? node.cluster.slice(0, -namespace.length - 1) : node.cluster) ??
    id?.name ??
    node.id
  return { workload, namespace }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function shown(edge: Counts, at: number, windowMs: number): Edge {
  const { caller, cluster, requests, connections, durationMs, received, sent } = edge
  const { lastSeenAt, statuses, flags, minutes, times } = edge
  const now = Math.floor(at / MINUTE)
  const wanted = Math.min(RECENT_MINUTES, Math.max(1, Math.round(windowMs / MINUTE)))
  const latency = times?.between(now - wanted + 1, now) ?? new Map<number, number>()
  const recent = { requests: 0, errors: 0, durationMs: 0, latency }
  for (let base = 0; base < minutes.length; base += 4) {
    if (minutes[base + 3]! <= now - wanted) continue
    recent.requests += minutes[base]!
    recent.errors += minutes[base + 1]!
    recent.durationMs += minutes[base + 2]!
  }
  return {
    caller,
    cluster,
    requests,
    connections,
    durationMs,
    received,
    sent,
    lastSeenAt,
    statuses: Object.fromEntries(CLASSES.flatMap((name, index) => (statuses[index] ? [[name, statuses[index]]] : []))),
    flags: Object.fromEntries(flags),
    recent,
  }
}
