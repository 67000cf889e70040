import { Counter, Gauge, type Registry } from 'prom-client'
import type { AccessBook } from './access-book.ts'
import type { LoadBook, LoadTotals } from './load-book.ts'
import type { StatusCounts } from './status-service.ts'

/** Clusters with a series of their own; the rest is one series, `_other`. */
const SERIES = 500

/** Figures of load reports: sums over all nodes by cluster, for a bounded number of clusters. */
export function loadMetrics(registry: Registry, load: LoadBook, streams: () => number): void {
  const registers = [registry]
  // A cluster keeps its series once it has one: a counter that moved to another series would go back.
  const own = new Set<string>()
  const series = () => {
    const sums = new Map<string, { -readonly [Key in keyof LoadTotals]: number }>()
    for (const [cluster, totals] of load.clusters()) {
      if (totals.issued === 0 && totals.failed === 0 && totals.dropped === 0) continue
      if (!own.has(cluster) && own.size < SERIES) own.add(cluster)
      const key = own.has(cluster) ? cluster : '_other'
      const sum = sums.get(key) ?? { issued: 0, succeeded: 0, failed: 0, inProgress: 0, dropped: 0 }
      for (const field of Object.keys(sum) as (keyof LoadTotals)[]) sum[field] += totals[field]
      sums.set(key, sum)
    }
    return sums
  }
  new Gauge({
    name: 'meshgate_load_report_streams',
    help: 'Clients that report their load.',
    registers,
    collect() {
      this.set(streams())
    },
  })
  new Counter({
    name: 'meshgate_load_reports_total',
    help: 'Load reports taken.',
    registers,
    collect() {
      this.reset()
      this.inc(load.reports)
    },
  })
  new Counter({
    name: 'meshgate_load_report_overflow_total',
    help: 'Entries of load reports that are summed, but not remembered one by one: too many clusters.',
    registers,
    collect() {
      this.reset()
      this.inc(load.overflow)
    },
  })
  new Counter({
    name: 'meshgate_load_requests_total',
    help: 'Requests that clients reported, by cluster and result.',
    labelNames: ['cluster', 'result'],
    registers,
    collect() {
      this.reset()
      for (const [cluster, { issued, succeeded, failed, dropped }] of series()) {
        this.inc({ cluster, result: 'issued' }, issued)
        this.inc({ cluster, result: 'success' }, succeeded)
        this.inc({ cluster, result: 'error' }, failed)
        this.inc({ cluster, result: 'dropped' }, dropped)
      }
    },
  })
  new Gauge({
    name: 'meshgate_load_requests_in_progress',
    help: 'Unfinished requests at the last report of each client, by cluster.',
    labelNames: ['cluster'],
    registers,
    collect() {
      this.reset()
      for (const [cluster, { inProgress }] of series()) this.set({ cluster }, inProgress)
    },
  })
}

/** Figures of access logs. Edges are not labels: there may be tens of thousands; the API has them. */
export function accessMetrics(registry: Registry, access: AccessBook, streams: () => number): void {
  const registers = [registry]
  new Gauge({
    name: 'meshgate_access_log_streams',
    help: 'Streams of access logs.',
    registers,
    collect() {
      this.set(streams())
    },
  })
  new Counter({
    name: 'meshgate_access_log_entries_total',
    help: 'Entries of access logs counted.',
    registers,
    collect() {
      this.reset()
      this.inc(access.entries)
    },
  })
  new Gauge({
    name: 'meshgate_access_log_edges',
    help: 'Edges from a caller to a cluster that had traffic.',
    registers,
    collect() {
      this.set(access.size)
    },
  })
}

/** Figures of client status: who asks what proxies have, and how often. */
export function statusMetrics(registry: Registry, { asked, streams }: StatusCounts): void {
  const registers = [registry]
  new Gauge({
    name: 'meshgate_client_status_streams',
    help: 'Streams of tools that ask what clients have.',
    registers,
    collect() {
      this.set(streams())
    },
  })
  new Counter({
    name: 'meshgate_client_status_requests_total',
    help: 'Questions what clients have, by result: answered, invalid (the question), refused (too large, or too many wait), failed.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      for (const [result, count] of Object.entries(asked())) this.inc({ result }, count)
    },
  })
}
