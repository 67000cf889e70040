import type { Cluster } from '../cluster/cluster.ts'
import type { ListenerRuntime } from '../listen/listener.ts'
import type { States } from '../route/compile.ts'
import { exportCounters } from '../traces/tracer.ts'
import {
  clusterCounterNames,
  type Histogram,
  histogramBounds,
  listenerCounterNames,
  routeCounterNames,
} from './counters.ts'

/** What is counted, as plain data: workers send theirs, and the sum is what people see. Keys are `name{labels}`. */
export interface StatsSnapshot {
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
  /** Counts by bucket, not cumulative, and the sum in ms. */
  readonly histograms: Readonly<Record<string, { readonly counts: readonly number[]; readonly sum: number }>>
}

/** What a snapshot is taken of. */
export interface StatsSource {
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly listeners: readonly ListenerRuntime[]
  /** Tries to open a listener that failed. */
  readonly openFailures: number
  readonly states: States
  readonly engine: { readonly requests: { readonly used: number; readonly capacity: number } }
}

/** A label's value as the text format wants it. */
export const label = (value: string) => value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))

/** All figures as plain data, which workers send to the main thread to be added up. */
export function takeStats(source: StatsSource): StatsSnapshot {
  const counters: Record<string, number> = {}
  const gauges: Record<string, number> = {}
  const histograms: Record<string, { counts: number[]; sum: number }> = {}
  const add = (to: Record<string, number>, key: string, value: number) => {
    to[key] = (to[key] ?? 0) + value
  }
  const histogram = (key: string, { counts, sum }: Histogram) => {
    histograms[key] = { counts: [...counts], sum }
  }
  for (const cluster of source.clusters.values()) {
    for (const { pools } of cluster.hosts) for (const pool of pools.values()) pool.countWritten()
    const labels = `{envoy_cluster_name="${label(cluster.statName)}"}`
    clusterCounterNames.forEach((name, i) => {
      add(counters, `envoy_cluster_${name}${labels}`, cluster.counters[i]!)
    })
    const [normal, high] = cluster.breakers
    add(gauges, `envoy_cluster_upstream_rq_active${labels}`, normal.active + high.active)
    add(gauges, `envoy_cluster_upstream_rq_pending_active${labels}`, normal.pending + high.pending)
    add(gauges, `envoy_cluster_upstream_cx_active${labels}`, cluster.activeConnections)
    add(gauges, `envoy_cluster_membership_total${labels}`, cluster.hosts.length)
    add(gauges, `envoy_cluster_membership_healthy${labels}`, cluster.hosts.filter(({ healthy }) => healthy).length)
    add(
      gauges,
      `envoy_cluster_outlier_detection_ejections_active${labels}`,
      cluster.hosts.filter(({ ejected }) => ejected).length,
    )
    histogram(`envoy_cluster_upstream_rq_time${labels}`, cluster.latency)
  }
  for (const listener of source.listeners) {
    const labels = `{envoy_listener_address="${label(listener.config.statPrefix ?? listener.name)}"}`
    for (const client of listener.clients) client.countWritten()
    listenerCounterNames.forEach((name, i) => {
      add(counters, `envoy_listener_${name}${labels}`, listener.counters[i]!)
    })
    add(gauges, `envoy_listener_downstream_cx_active${labels}`, listener.clients.size)
    add(gauges, `envoy_listener_downstream_pre_cx_active${labels}`, listener.greeting)
    let active = 0
    for (const { inFlight } of listener.clients) active += inFlight
    add(gauges, `envoy_listener_downstream_rq_active${labels}`, active)
  }
  const draining = source.listeners.filter((listener) => listener.draining).length
  gauges['envoy_listener_manager_total_listeners_active'] = source.listeners.length - draining
  gauges['envoy_listener_manager_total_listeners_draining'] = draining
  counters['envoy_listener_manager_listener_create_failure'] = source.openFailures
  for (const [key, state] of source.states) {
    const table = key.slice(0, key.indexOf('\n'))
    const labels = `{table="${label(table)}",route="${label(state.name)}"}`
    if (state.counters.every((value) => value === 0)) continue
    routeCounterNames.forEach((name, i) => {
      add(counters, `meshgate_route_${name}${labels}`, state.counters[i]!)
    })
    histogram(`meshgate_route_rq_time${labels}`, state.latency)
  }
  counters['meshgate_tracing_spans_sent'] = exportCounters.exported
  counters['meshgate_tracing_spans_dropped'] = exportCounters.dropped
  gauges['meshgate_requests_in_table'] = source.engine.requests.used
  const { user, system } = process.cpuUsage()
  counters['process_cpu_seconds_total'] = (user + system) / 1e6
  gauges['process_resident_memory_bytes'] = process.memoryUsage.rss()
  return { counters, gauges, histograms }
}

/** Every worker has every listener and every host, and judges its health by itself: the worst of them is told. Only what is in flight adds up. */
function togetherWith(key: string, before: number | undefined, value: number): number {
  if (before === undefined) return value
  if (key.startsWith('envoy_cluster_membership_healthy')) return Math.min(before, value)
  if (key.startsWith('envoy_listener_manager_')) return Math.max(before, value)
  if (key.startsWith('envoy_cluster_membership') || key.startsWith('envoy_cluster_outlier'))
    return Math.max(before, value)
  return before + value
}

/** The sum of what several processes counted. */
export function sumStats(snapshots: readonly StatsSnapshot[]): StatsSnapshot {
  const counters: Record<string, number> = {}
  const gauges: Record<string, number> = {}
  const histograms: Record<string, { counts: number[]; sum: number }> = {}
  for (const snapshot of snapshots) {
    for (const [key, value] of Object.entries(snapshot.counters)) counters[key] = (counters[key] ?? 0) + value
    for (const [key, value] of Object.entries(snapshot.gauges)) {
      gauges[key] = togetherWith(key, gauges[key], value)
    }
    for (const [key, { counts, sum }] of Object.entries(snapshot.histograms)) {
      const total = histograms[key]
      if (!total) histograms[key] = { counts: [...counts], sum }
      else {
        total.sum += sum
        counts.forEach((count, i) => {
          total.counts[i]! += count
        })
      }
    }
  }
  return { counters, gauges, histograms }
}

/** Text exposition format 0.0.4. @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function renderPrometheus({ counters, gauges, histograms }: StatsSnapshot): string {
  const families = new Map<string, { readonly type: string; readonly lines: string[] }>()
  const family = (key: string, type: string) => {
    const name = key.split('{', 1)[0]!
    let entry = families.get(name)
    if (!entry) {
      entry = { type, lines: [] }
      families.set(name, entry)
    }
    return { name, labels: key.slice(name.length), lines: entry.lines }
  }
  for (const [key, value] of Object.entries(counters)) family(key, 'counter').lines.push(`${key} ${value}`)
  for (const [key, value] of Object.entries(gauges)) family(key, 'gauge').lines.push(`${key} ${value}`)
  for (const [key, { counts, sum }] of Object.entries(histograms)) {
    const { name, labels, lines } = family(key, 'histogram')
    const inner = labels.slice(1, -1)
    let count = 0
    counts.forEach((n, i) => {
      count += n
      lines.push(`${name}_bucket{${inner}${inner && ','}le="${histogramBounds[i] ?? '+Inf'}"} ${count}`)
    })
    lines.push(`${name}_sum${labels} ${sum}`, `${name}_count${labels} ${count}`)
  }
  const text: string[] = []
  for (const [name, { type, lines }] of families) text.push(`# TYPE ${name} ${type}`, ...lines)
  return `${text.join('\n')}\n`
}
