import type { Latency } from './latency.ts'

/** What a proxy has counted for one cluster since it started. */
export interface ClusterCounters {
  /** Name on the wire. */
  readonly cluster: string
  /** Requests that came to an end, messages, or TCP connections that were asked for. */
  readonly requests: number
  /** Of these: answered with a server error, by the proxy or the service, or not at all. */
  readonly failed: number
  readonly latency: Latency
}

/** Matches the flat names of what is read, for the `filter` of Envoy's admin interface. */
export const STAT_FILTER =
  '^cluster\\.outbound.*\\.upstream_(rq_(total|completed|5xx|time|pending_failure_eject)|cx_http\\d_total)$'

const PREFIX = 'envoy_cluster_upstream_'
const LINE = /^envoy_cluster_upstream_(\w+)\{(.*)\} (\S+)$/
const CLUSTER = /envoy_cluster_name="((?:[^"\\]|\\.)*)"/
const BOUND = /le="([^"]+)"/
/** Envoy counts answers by class. */
const SERVER_ERRORS = 'envoy_response_code_class="5"'
/** Only clusters of the message proxy have them. */
const OF_MESSAGES = 'rq_error_reply'

interface Read {
  /** By name behind `upstream_`; answers of server errors are `rq_5xx`. */
  readonly counters: Map<string, number>
  readonly cumulative: Map<number, number>
}

/**
 * Outbound clusters in a text in Prometheus' format, of Envoy or of our message proxy; lines of anything else are left out.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function readPrometheus(text: string): readonly ClusterCounters[] {
  const found = new Map<string, Read>()
  for (const line of text.split('\n')) {
    if (!line.startsWith(PREFIX)) continue
    const [, stat = '', labels = '', digits = ''] = LINE.exec(line) ?? []
    const cluster = CLUSTER.exec(labels)?.[1]?.replace(/\\(.)/g, '$1')
    const value = Number(digits)
    if (!cluster?.startsWith('outbound|') || !Number.isFinite(value)) continue
    const one = found.get(cluster) ?? { counters: new Map<string, number>(), cumulative: new Map<number, number>() }
    found.set(cluster, one)
    if (stat === 'rq_time_bucket') {
      const bound = BOUND.exec(labels)?.[1] ?? ''
      one.cumulative.set(bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), value)
    } else {
      const name = stat === 'rq_xx' && labels.includes(SERVER_ERRORS) ? 'rq_5xx' : stat
      one.counters.set(name, (one.counters.get(name) ?? 0) + value)
    }
  }
  return [...found].map(([cluster, { counters, cumulative }]) => {
    const { requests, failed } = ended(counters)
    return { cluster, requests, failed: Math.min(failed, requests), latency: counts(cumulative) }
  })
}

/**
 * How much was asked for, and how much of it failed. What gets no connection is none of Envoy's `rq_total`: a service of which nothing is
 * left would seem to have no requests. HTTP is therefore counted by its answers, Envoy's own among them, and those of TCP, which has none, by
 * connections.
 */
function ended(counters: ReadonlyMap<string, number>): { readonly requests: number; readonly failed: number } {
  const sum = (...names: readonly string[]) => names.reduce((all, name) => all + (counters.get(name) ?? 0), 0)
  if (counters.has(OF_MESSAGES))
    return {
      requests: sum('rq_total', 'rq_pending_failure_eject'),
      failed: sum(OF_MESSAGES, 'rq_timeout', 'rq_rx_reset', 'rq_pending_failure_eject'),
    }
  const isHttp = [...counters.keys()].some((name) => name === 'rq_completed' || name.startsWith('cx_http'))
  return isHttp
    ? { requests: sum('rq_completed'), failed: sum('rq_5xx') }
    : { requests: sum('rq_total', 'rq_pending_failure_eject'), failed: sum('rq_pending_failure_eject') }
}

/** Buckets count everything below their bound; ours count what is between. */
function counts(cumulative: ReadonlyMap<number, number>): Latency {
  const found = new Map<number, number>()
  let before = 0
  for (const [bound, count] of [...cumulative].sort(([a], [b]) => a - b)) {
    if (count > before) found.set(bound, count - before)
    before = Math.max(before, count)
  }
  return found
}
