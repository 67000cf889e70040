import type { Latency } from './latency.ts'

/** What a proxy has counted for one cluster since it started. */
export interface ClusterCounters {
  /** Name on the wire. */
  readonly cluster: string
  readonly requests: number
  /** Of these: answered with a server error, or not at all. */
  readonly failed: number
  readonly latency: Latency
}

/** Matches the flat names of what is read, for the `filter` of Envoy's admin interface. */
export const STAT_FILTER = '^cluster\\.outbound.*\\.upstream_rq_(total|5xx|time|error_reply|timeout|rx_reset)$'

const LINE = /^envoy_cluster_upstream_rq_(\w+)\{(.*)\} (\S+)$/
const CLUSTER = /envoy_cluster_name="((?:[^"\\]|\\.)*)"/
const BOUND = /le="([^"]+)"/

/**
 * Outbound clusters in a text in Prometheus' format, of Envoy or of our message proxy; lines of anything else are left out.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function readPrometheus(text: string): readonly ClusterCounters[] {
  const found = new Map<string, { requests: number; failed: number; cumulative: Map<number, number> }>()
  for (const line of text.split('\n')) {
    if (!line.startsWith('envoy_cluster_upstream_rq_')) continue
    const [, stat = '', labels = '', digits = ''] = LINE.exec(line) ?? []
    const cluster = CLUSTER.exec(labels)?.[1]?.replace(/\\(.)/g, '$1')
    const value = Number(digits)
    if (!cluster?.startsWith('outbound|') || !Number.isFinite(value)) continue
    const one = found.get(cluster) ?? { requests: 0, failed: 0, cumulative: new Map<number, number>() }
    found.set(cluster, one)
    if (stat === 'total') one.requests += value
    else if (isFailure(stat, labels)) one.failed += value
    else if (stat === 'time_bucket') {
      const bound = BOUND.exec(labels)?.[1] ?? ''
      one.cumulative.set(bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), value)
    }
  }
  return [...found].map(([cluster, { requests, failed, cumulative }]) => ({
    ...{ cluster, requests, failed: Math.min(failed, requests) },
    latency: counts(cumulative),
  }))
}

/** Envoy counts answers by class; messages have no status, and fail as error replies, timeouts and resets. */
function isFailure(stat: string, labels: string): boolean {
  if (stat === 'xx') return labels.includes('envoy_response_code_class="5"')
  return stat === '5xx' || stat === 'error_reply' || stat === 'timeout' || stat === 'rx_reset'
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
