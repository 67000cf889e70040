import type { ClusterReport } from './load-report.ts'
import { onTheWall, steadyNow } from './steady-clock.ts'

/** Sums of requests since they were first reported. */
export interface LoadTotals {
  /** Requests that were sent, and those that found no connection. */
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  /** Unfinished at the last report: not a sum over time. */
  readonly inProgress: number
  /** Requests the client threw away by the drop rules of its load assignment, or its circuit breaker. */
  readonly dropped: number
}

/** As it was reported: what found no connection is none of its `issued`. */
export interface LocalityLoad extends Omit<LoadTotals, 'dropped'> {
  /** `region/zone/subzone`; empty when endpoints have none. */
  readonly locality: string
}

/** One cluster as one node reports it. Times are ms since 1970. */
export interface ClusterLoad extends LoadTotals {
  readonly cluster: string
  readonly firstReportedAt: number
  /** End of the last interval with requests; that of the first report when there was none: a new cluster counts as used. */
  readonly lastUsedAt: number
  readonly localities: readonly LocalityLoad[]
}

export interface NodeLoad extends LoadTotals {
  readonly node: string
  /** Streams the node reports over now. */
  readonly streams: number
  readonly reportedAt: number
  /** Length of its last interval in ms. */
  readonly intervalMs: number
  /** Clusters it lists. */
  readonly clusters: number
  /** Clusters with requests in its last interval. */
  readonly used: number
}

/** What one report said, for whoever lets unused clusters go. */
export interface LoadReport {
  readonly node: string
  /** ms since 1970. */
  readonly at: number
  readonly clusters: readonly ClusterReport[]
}

/** Bounds of what is remembered. */
export interface LoadLimits {
  /** Clusters of all nodes together; some 200 bytes each. More are counted in the sums, but not remembered one by one. */
  readonly entries: number
  /** Distinct cluster names with sums over all nodes; the rest is summed as `_other`, as are names nobody lists any more where room is short. */
  readonly names: number
  /** A node that stopped reporting is forgotten after so long, in ms. */
  readonly keepGoneMs: number
}

const DEFAULT_LOAD_LIMITS: LoadLimits = { entries: 1_000_000, names: 20_000, keepGoneMs: 10 * 60_000 }

/** A cluster that a node lists no more is forgotten after so many of its intervals, so that one lost report loses nothing. */
const FORGET_AFTER_INTERVALS = 3

interface Sum {
  issued: number
  succeeded: number
  failed: number
  inProgress: number
  dropped: number
}

interface Entry extends Sum {
  /** Where all nodes' requests to this cluster are summed. */
  readonly total: Sum
  firstReportedAt: number
  lastUsedAt: number
  listedAt: number
  localities: Map<string, Sum> | undefined
}

interface NodeEntry {
  readonly sum: Sum
  readonly clusters: Map<string, Entry>
  streams: number
  reportedAt: number
  intervalMs: number
  used: number
}

const LOCALITIES_REMEMBERED = 64
const OTHER = '_other'

/**
 * What clients sent where, from their load reports: sums per node, cluster and locality, and per cluster over all nodes.
 * An Envoy lists each cluster it has in each interval, so that a cluster without requests is known to be unused.
 */
export class LoadBook {
  private readonly now: () => number
  private readonly limits: LoadLimits
  private readonly nodes = new Map<string, NodeEntry>()
  private readonly totals = new Map<string, Sum>()
  /** How many nodes list the clusters of a sum. */
  private readonly listed = new Map<Sum, number>()
  private readonly listeners = new Set<(report: LoadReport) => void>()
  private entries = 0
  private received = 0
  private unremembered = 0
  private sweptAt: number

  constructor(now: () => number = steadyNow, limits: Partial<LoadLimits> = {}) {
    this.now = now
    this.limits = { ...DEFAULT_LOAD_LIMITS, ...limits }
    this.sweptAt = now()
  }

  /** Reports taken so far. */
  get reports(): number {
    return this.received
  }

  /** Entries of reports that no room was left to remember. */
  get overflow(): number {
    return this.unremembered
  }

  /** Calls back after each report. Returns the way to unsubscribe. */
  onReport(listener: (report: LoadReport) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** A node began to report. Returns how to say that it stopped. */
  opened(node: string): () => void {
    const entry = this.entryOf(node)
    entry.streams++
    return () => {
      entry.streams--
    }
  }

  /** Takes the clusters of one interval. Sizes were checked when they were read. */
  take(node: string, clusters: readonly ClusterReport[]): void {
    const at = this.now()
    const known = this.entryOf(node)
    this.received++
    const before = known.reportedAt
    known.reportedAt = at
    known.used = 0
    let intervalMs = 0
    for (const report of clusters) {
      intervalMs = Math.max(intervalMs, report.intervalMs)
      const earlier = known.clusters.get(report.cluster)
      const total = earlier?.total ?? this.totalOf(report.cluster)
      const entry = earlier ?? this.clusterOf(known, report.cluster, total, at)
      const change = sumOf(report)
      // What was in progress before a first report is not known: taken as what is now.
      change.issued += unsent(change, earlier?.inProgress ?? change.inProgress)
      const isUsed = change.issued > 0 || change.inProgress > 0
      if (isUsed) known.used++
      this.add(total, entry, change)
      this.add(known.sum, entry, change)
      if (!entry) continue
      entry.listedAt = at
      if (isUsed) entry.lastUsedAt = at
      accumulate(entry, change)
      if (report.localities.length > 0) addLocalities(entry, report)
      else if (entry.localities) for (const locality of entry.localities.values()) locality.inProgress = 0
    }
    known.intervalMs = intervalMs || (before > 0 ? at - before : 0)
    this.forgetUnlisted(known, at)
    if (at - this.sweptAt > 60_000) this.sweep(at)
    if (this.listeners.size > 0)
      for (const listener of [...this.listeners]) listener({ node, at: onTheWall(at), clusters })
  }

  /** Whether the node reports now; without reports nothing can be said about what it uses. */
  reporting(node: string): boolean {
    const known = this.nodes.get(node)
    return known !== undefined && known.streams > 0 && known.reportedAt > 0
  }

  /** When the node last used a cluster, in ms of the steady clock; undefined when it never listed it. */
  lastUsed(node: string, cluster: string): number | undefined {
    return this.nodes.get(node)?.clusters.get(cluster)?.lastUsedAt
  }

  /** All nodes that report, or did in the last minutes. */
  allNodes(): readonly NodeLoad[] {
    this.sweep(this.now())
    return [...this.nodes].flatMap(([node, known]) => (known.reportedAt > 0 ? [nodeLoad(node, known)] : []))
  }

  /** What a proxy has reported; undefined where it never did. */
  node(node: string): NodeLoad | undefined {
    const known = this.nodes.get(node)
    return known && known.reportedAt > 0 ? nodeLoad(node, known) : undefined
  }

  /** The clusters of a node, busiest first; undefined when it does not report. */
  clustersOf(node: string): readonly ClusterLoad[] | undefined {
    const known = this.nodes.get(node)
    if (!known || known.reportedAt === 0) return undefined
    return [...known.clusters]
      .map(([cluster, { localities, total, listedAt, firstReportedAt, lastUsedAt, ...rest }]) => ({
        cluster,
        ...rest,
        firstReportedAt: onTheWall(firstReportedAt),
        lastUsedAt: onTheWall(lastUsedAt),
        localities: [...(localities ?? [])].map(([locality, { dropped, ...sum }]) => ({ locality, ...sum })),
      }))
      .sort((a, b) => b.issued - a.issued || (a.cluster < b.cluster ? -1 : 1))
  }

  /** Sums over all nodes by cluster, those nobody uses left out. A generation at the end of a name (`~3`) is no other cluster. */
  clusters(): ReadonlyMap<string, LoadTotals> {
    return this.totals
  }

  private entryOf(node: string): NodeEntry {
    const known = this.nodes.get(node)
    if (known) return known
    const entry = { sum: zero(), clusters: new Map(), streams: 0, reportedAt: 0, intervalMs: 0, used: 0 }
    this.nodes.set(node, entry)
    return entry
  }

  private clusterOf(known: NodeEntry, cluster: string, total: Sum, at: number): Entry | undefined {
    if (this.entries >= this.limits.entries) {
      this.unremembered++
      return undefined
    }
    const fresh = { ...zero(), total, firstReportedAt: at, lastUsedAt: at, listedAt: at, localities: undefined }
    known.clusters.set(cluster, fresh)
    this.listed.set(total, (this.listed.get(total) ?? 0) + 1)
    this.entries++
    return fresh
  }

  private totalOf(cluster: string): Sum {
    const name = cluster.replace(/~\d+$/, '')
    const known = this.totals.get(name)
    if (known) return known
    const key = this.isFull() ? OTHER : name
    const sum = this.totals.get(key) ?? zero()
    this.totals.set(key, sum)
    return sum
  }

  /** `inProgress` of a sum is that of its parts: what this cluster said before is taken out. */
  private add(sum: Sum, entry: Entry | undefined, change: Sum): void {
    const inProgress = sum.inProgress + (entry ? change.inProgress - entry.inProgress : 0)
    accumulate(sum, change)
    sum.inProgress = inProgress
  }

  private forgetUnlisted(known: NodeEntry, at: number): void {
    const since = at - FORGET_AFTER_INTERVALS * Math.max(known.intervalMs, 1000)
    for (const [cluster, entry] of known.clusters)
      if (entry.listedAt < since) {
        this.forget(known, cluster, entry)
      }
  }

  private forget(known: NodeEntry, cluster: string, entry: Entry): void {
    known.clusters.delete(cluster)
    known.sum.inProgress -= entry.inProgress
    const { total } = entry
    total.inProgress -= entry.inProgress
    const left = this.listed.get(total)! - 1
    if (left > 0) this.listed.set(total, left)
    else this.listed.delete(total)
    this.entries--
  }

  private sweep(at: number): void {
    this.sweptAt = at
    for (const [node, known] of this.nodes) {
      if (known.streams > 0 || known.reportedAt > at - this.limits.keepGoneMs) continue
      for (const [cluster, entry] of known.clusters) this.forget(known, cluster, entry)
      this.nodes.delete(node)
    }
    this.makeRoom()
  }

  private isFull(): boolean {
    return this.totals.size - (this.totals.has(OTHER) ? 1 : 0) >= this.limits.names
  }

  /** Sums of clusters that came and went for good become one, so that new clusters have their own. */
  private makeRoom(): void {
    if (!this.isFull()) return
    for (const [name, sum] of this.totals)
      if (name !== OTHER && !this.listed.has(sum)) {
        this.totals.delete(name)
        const other = this.totals.get(OTHER) ?? zero()
        accumulate(other, { ...sum, inProgress: other.inProgress })
        this.totals.set(OTHER, other)
      }
  }
}

function nodeLoad(node: string, { sum, clusters, streams, reportedAt, intervalMs, used }: NodeEntry): NodeLoad {
  return {
    node,
    streams,
    reportedAt: onTheWall(reportedAt),
    intervalMs: Math.round(intervalMs),
    clusters: clusters.size,
    used,
    ...sum,
  }
}

function zero(): Sum {
  return { issued: 0, succeeded: 0, failed: 0, inProgress: 0, dropped: 0 }
}

function sumOf({ localities, dropped }: ClusterReport): Sum {
  const sum = zero()
  sum.dropped = dropped
  for (const { issued, succeeded, failed, inProgress } of localities) {
    sum.issued += issued
    sum.succeeded += succeeded
    sum.failed += failed
    sum.inProgress += inProgress
  }
  return sum
}

/**
 * Requests that found no connection: Envoy counts them as failed, not as issued, so that a service of which nothing is left would seem to be
 * asked for nothing.
 * @param before in progress at the end of the interval before
 */
function unsent({ issued, succeeded, failed, inProgress }: Sum, before: number): number {
  const ended = issued + before - inProgress
  return Math.min(failed, Math.max(0, succeeded + failed - ended))
}

function accumulate(sum: Sum, change: Sum): void {
  sum.issued += change.issued
  sum.succeeded += change.succeeded
  sum.failed += change.failed
  sum.dropped += change.dropped
  sum.inProgress = change.inProgress
}

function addLocalities(entry: Entry, { localities }: ClusterReport): void {
  entry.localities ??= new Map()
  for (const sum of entry.localities.values()) sum.inProgress = 0
  for (const { locality, ...change } of localities) {
    const key = entry.localities.has(locality) || entry.localities.size < LOCALITIES_REMEMBERED ? locality : OTHER
    const sum = entry.localities.get(key) ?? zero()
    const inProgress = sum.inProgress + change.inProgress
    accumulate(sum, { ...change, dropped: 0 })
    sum.inProgress = inProgress
    entry.localities.set(key, sum)
  }
}
