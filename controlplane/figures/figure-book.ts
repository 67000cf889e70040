import { CallBook } from './call-book.ts'
import { addLatency, type Latency, latencySince, type Percentiles, percentilesOf } from './latency.ts'
import type { ClusterCounters } from './prometheus.ts'

/** Length of a step, ms. */
export const STEP_MS = 5_000
/** How long steps are remembered, ms. */
export const REMEMBERED_MS = 15 * 60_000

const MOST_SERVICES = 5_000
const MOST_COUNTERS = 200_000

/** What one step of time, or a window of them, saw of a service; no times without requests, or where only load reports tell. */
export interface Figures extends Percentiles {
  readonly requests: number
  readonly failed: number
}

export interface StepFigures extends Figures {
  /** Its beginning, ms since 1970. */
  readonly at: number
}

/** What one cluster of a service got: a port, or a subset of one. */
export interface ClusterFigures {
  /** `outbound|<port>|<subset>|<host>`, its generation left out. */
  readonly cluster: string
  readonly requests: number
  readonly failed: number
}

interface Step {
  requests: number
  failed: number
  readonly latency: Map<number, number>
  /** Cluster by cluster; they are few. */
  readonly clusters: Mutable<ClusterFigures>[]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Requests of services by time: what proxies counted, cluster by cluster, summed by host. */
export class FigureBook {
  readonly #now: () => number
  /** Last readings, by node and cluster. */
  readonly #counters = new Map<string, Map<string, ClusterCounters>>()
  readonly #services = new Map<string, Map<number, Step>>()
  /** The same by who called. */
  readonly calls: CallBook = new CallBook()
  #remembered = 0
  /** When room was made the last time, ms since 1970. */
  #prunedAt = 0

  /** @param now ms since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /**
   * A reading of all counters of a node. What it counted before its first reading belongs to no time, and is left out; a counter that went
   * back began anew.
   */
  read(node: string, clusters: readonly ClusterCounters[]): void {
    const before = this.#counters.get(node)
    const known = before ?? new Map<string, ClusterCounters>()
    for (const one of clusters) {
      const last = known.get(one.cluster)
      if (!last && this.#remembered >= MOST_COUNTERS) continue
      if (!last) this.#remembered++
      known.set(one.cluster, one)
      if (!before) continue
      const restarted = last !== undefined && last.requests > one.requests
      const from = restarted ? undefined : last
      this.add(one.cluster, {
        requests: one.requests - (from?.requests ?? 0),
        failed: Math.max(0, one.failed - (from?.failed ?? 0)),
        latency: latencySince(one.latency, from?.latency),
        node,
      })
    }
    this.#counters.set(node, known)
  }

  /** Whether a node's counters are read: its load reports then say the same again. */
  isRead(node: string): boolean {
    return this.#counters.has(node)
  }

  /** Hosts that a node whose counters are read has sent requests to. */
  hostsOf(node: string): readonly string[] {
    const counters = this.#counters.get(node)?.values() ?? []
    return [...new Set([...counters].flatMap(({ cluster, requests }) => (requests > 0 ? (hostOf(cluster) ?? []) : [])))]
  }

  /** The node is gone: it starts with a first reading should it come back. */
  forget(node: string): void {
    this.#remembered -= this.#counters.get(node)?.size ?? 0
    this.#counters.delete(node)
  }

  /**
   * Requests to a cluster that just ended.
   * @param node id of the proxy that sent them, where that is known
   */
  add(
    cluster: string,
    {
      requests,
      failed,
      latency = new Map(),
      node,
    }: { requests: number; failed: number; latency?: Latency; node?: string },
  ): void {
    const host = hostOf(cluster)
    if (!host) return
    if (requests + failed === 0) {
      // Envoy brings its histograms up to date every few seconds, its counters at once: these are times of requests counted before.
      const counted = [...(this.#services.get(host)?.values() ?? [])].at(-1)
      if (counted) addLatency(counted.latency, latency)
      if (node !== undefined) this.calls.addTimes(callerOf(node), host, latency, this.#now())
      return
    }
    const now = this.#now()
    if (node !== undefined) this.calls.add(callerOf(node), host, { requests, failed, latency }, now)
    let steps = this.#services.get(host)
    if (!steps) {
      // Not for each of many that find no room.
      if (this.#services.size >= MOST_SERVICES && now - this.#prunedAt >= STEP_MS) this.#prune()
      if (this.#services.size >= MOST_SERVICES) return
      steps = new Map()
      this.#services.set(host, steps)
    }
    const at = now - (now % STEP_MS)
    let step = steps.get(at)
    if (!step) {
      step = emptyStep()
      steps.set(at, step)
      for (const oldest of steps.keys()) {
        if (oldest >= now - REMEMBERED_MS) break
        steps.delete(oldest)
      }
    }
    step.requests += requests
    step.failed += failed
    addLatency(step.latency, latency)
    addCluster(step.clusters, { cluster: withoutGeneration(cluster), requests, failed })
  }

  /** Services with requests that are remembered. */
  services(): readonly string[] {
    this.#prune()
    return [...this.#services.keys()].sort()
  }

  /** Sums of the steps that began from `from` until before `to`, ms since 1970. */
  between(host: string, from: number, to: number): Figures {
    const sum = emptyStep()
    for (const [at, step] of this.#services.get(host) ?? []) {
      if (at < from || at >= to) continue
      sum.requests += step.requests
      sum.failed += step.failed
      addLatency(sum.latency, step.latency)
    }
    return figuresOf(sum)
  }

  /** What each cluster of a host got in the steps that began from `from` until before `to`, by name. */
  clusters(host: string, from: number, to: number): readonly ClusterFigures[] {
    const sums: Mutable<ClusterFigures>[] = []
    for (const [at, step] of this.#services.get(host) ?? [])
      if (at >= from && at < to) for (const one of step.clusters) addCluster(sums, one)
    return sums.sort((a, b) => (a.cluster < b.cluster ? -1 : 1))
  }

  /** Steps with requests that began from `from` until before `to`, the oldest first. */
  steps(host: string, from: number, to: number): readonly StepFigures[] {
    return [...(this.#services.get(host) ?? [])]
      .filter(([at]) => at >= from && at < to)
      .map(([at, step]) => ({ at, ...figuresOf(step) }))
  }

  #prune(): void {
    this.#prunedAt = this.#now()
    const since = this.#prunedAt - REMEMBERED_MS
    for (const [host, steps] of this.#services) {
      for (const at of steps.keys()) if (at < since) steps.delete(at)
      if (steps.size === 0) this.#services.delete(host)
    }
  }
}

/** Workload of a node id; the id itself where it names none. */
function callerOf(node: string): string {
  return node.split('~')[2] || node
}

function emptyStep(): Step {
  return { requests: 0, failed: 0, latency: new Map(), clusters: [] }
}

function addCluster(sums: Mutable<ClusterFigures>[], { cluster, requests, failed }: ClusterFigures): void {
  const known = sums.find((one) => one.cluster === cluster)
  if (!known) sums.push({ cluster, requests, failed })
  else {
    known.requests += requests
    known.failed += failed
  }
}

function withoutGeneration(cluster: string): string {
  return cluster.split('~')[0]!
}

/** The host of `outbound|<port>|<subset>|<host>`, its generation left out. */
function hostOf(cluster: string): string | undefined {
  return cluster.split('|')[3]?.split('~')[0] || undefined
}

function figuresOf({ requests, failed, latency }: Step): Figures {
  return { requests, failed, ...percentilesOf(latency) }
}
