/** Counters of a cluster. The names are Envoy's where Envoy has the same. */
export const clusterCounterNames = [
  'upstream_rq_total',
  'upstream_rq_completed',
  'upstream_rq_error_reply',
  'upstream_rq_timeout',
  'upstream_rq_per_try_timeout',
  'upstream_rq_idle_timeout',
  'upstream_rq_rx_reset',
  'upstream_rq_pending_failure_eject',
  'upstream_rq_cancelled',
  'upstream_rq_oneway',
  'upstream_rq_retry',
  'upstream_rq_retry_success',
  'upstream_rq_retry_overflow',
  'upstream_rq_pending_overflow',
  'upstream_rq_pending_total',
  'upstream_rq_late_reply',
  'upstream_rq_unmatched_reply',
  // Frames of replies behind which more followed, and those of them that nobody waited for.
  'upstream_rq_part_total',
  'upstream_rq_part_dropped',
  'upstream_rq_mirrored',
  'upstream_rq_mirror_dropped',
  'upstream_cx_total',
  'upstream_cx_preconnect',
  'upstream_cx_connect_fail',
  'upstream_cx_connect_timeout',
  'upstream_cx_overflow',
  'upstream_cx_destroy',
  'upstream_cx_destroy_with_active_rq',
  'upstream_cx_idle_timeout',
  'upstream_cx_max_requests',
  'upstream_cx_protocol_error',
  'upstream_cx_heartbeat_failure',
  'upstream_cx_goaway',
  'upstream_cx_rx_bytes_total',
  'upstream_cx_tx_bytes_total',
  'upstream_push_total',
  'upstream_push_dropped',
  'lb_healthy_panic',
  'outlier_detection_ejections_enforced_total',
  'outlier_detection_ejections_overflow',
] as const

/** Counters of a listener. */
export const listenerCounterNames = [
  'downstream_cx_total',
  'downstream_cx_destroy',
  'downstream_cx_overflow',
  'downstream_cx_idle_timeout',
  'downstream_cx_frame_timeout',
  'downstream_cx_protocol_error',
  'downstream_cx_slow_reader',
  'downstream_cx_rx_bytes_total',
  'downstream_cx_tx_bytes_total',
  'downstream_cx_proxy_proto_error',
  'downstream_cx_transport_socket_connect_timeout',
  'ssl_connection_error',
  'downstream_rq_total',
  'downstream_rq_oneway',
  'downstream_rq_replied',
  'downstream_rq_error_replied',
  'downstream_rq_closed',
  'downstream_rq_cancelled',
  'downstream_rq_dropped',
  'downstream_rq_no_route',
  'downstream_rq_rate_limited',
  'downstream_rq_fault_aborted',
  'downstream_rq_fault_delayed',
  'downstream_heartbeat_total',
  'downstream_push_total',
  'downstream_push_dropped',
  'downstream_unexpected_frame',
] as const

/** Counters of a route. `rq_total` stands last, beside what else every message counts. */
export const routeCounterNames = [
  'rq_error',
  'rq_timeout',
  'rq_retry',
  'rq_rate_limited',
  'rq_fault',
  // Envoy's names of what a rate limit service said.
  'ratelimit_ok',
  'ratelimit_over_limit',
  'ratelimit_over_limit_local',
  'ratelimit_error',
  'ratelimit_failure_mode_allowed',
  'rq_total',
] as const

const indices = <N extends string>(names: readonly N[]) =>
  Object.freeze(Object.fromEntries(names.map((name, i) => [name, i]))) as Readonly<Record<N, number>>

/** Places of counters by name: of a cluster (C), a listener (L), a route (R). */
export const C = indices(clusterCounterNames)
export const L = indices(listenerCounterNames)
export const R = indices(routeCounterNames)

/** Upper bounds in ms: Envoy's default buckets of a histogram. */
export const histogramBounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
] as const

let lastMs = 0
let lastBucket = 0

/** The bucket of a value. Values of one turn of the event loop are often equal, so the last answer is kept. */
function bucketOf(ms: number): number {
  if (ms === lastMs) return lastBucket
  let i = 0
  while (i < histogramBounds.length && ms > histogramBounds[i]!) i++
  lastMs = ms
  lastBucket = i
  return i
}

/** Counts by bucket (not cumulative), the last for what is above all bounds; and the sum in ms. */
export class Histogram {
  readonly counts: Float64Array
  readonly #sum: Float64Array

  /** In memory of its own, or in somebody else's: one place for the sum, and one more than there are bounds for the counts. */
  constructor(sum = new Float64Array(1), counts = new Float64Array(histogramBounds.length + 1)) {
    this.#sum = sum
    this.counts = counts
  }

  get sum(): number {
    return this.#sum[0]!
  }

  /** Counts a time, in ms. */
  observe(ms: number): void {
    this.counts[bucketOf(ms)]!++
    this.#sum[0]! += ms
  }
}

/**
 * Of one route: its counters, the sum of its latencies, the buckets; a multiple of a line of the cache. The last counter, the sum and the buckets of
 * quick replies lie in one line.
 */
const routeDoubles = 32
const sumAt = routeCounterNames.length
const bucketsAt = sumAt + 1
const routesPerBlock = 256
let block = new Float64Array(routesPerBlock * routeDoubles)
let blockUsed = 0

/**
 * What is counted of a route. Many routes share one block of memory: a message of one among ten thousand routes touches one line of the cache for
 * its counters and its latency, and no object of the route's own.
 */
export class RouteStats {
  readonly block: Float64Array
  readonly at: number
  readonly counters: Float64Array
  readonly latency: Histogram

  constructor() {
    if (blockUsed === block.length) {
      block = new Float64Array(routesPerBlock * routeDoubles)
      blockUsed = 0
    }
    const at = blockUsed
    blockUsed += routeDoubles
    this.block = block
    this.at = at
    this.counters = block.subarray(at, at + sumAt)
    this.latency = new Histogram(
      block.subarray(at + sumAt, at + bucketsAt),
      block.subarray(at + bucketsAt, at + bucketsAt + histogramBounds.length + 1),
    )
  }
}

/** Counts a request; `block` and `at` are those of the route's `RouteStats`. */
export function countRequest(block: Float64Array, at: number): void {
  block[at + R.rq_total]!++
}

/** Counts a latency, in ms. */
export function countLatency(block: Float64Array, at: number, ms: number): void {
  block[at + sumAt]! += ms
  block[at + bucketsAt + bucketOf(ms)]!++
}
