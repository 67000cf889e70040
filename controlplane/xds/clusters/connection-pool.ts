import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import type { CircuitBreakersSchema } from '../../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import type { UpstreamConnectionOptionsSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { duration } from '../../../proto/make.ts'
import type { ConnectionPoolSettings } from '../../config/kinds/policy/connection-pool.ts'
import type { RetryBudget } from '../../config/kinds/policy/traffic-policy.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { durationOf } from './duration.ts'

const MAX_UINT32 = 0xffff_ffff

/** The longest time to open a connection: the policy's, else the mesh's (ms). */
export function connectTimeout(pool: ConnectionPoolSettings | undefined, meshMs: number): Duration {
  return durationOf(pool?.tcp?.connectTimeout) ?? duration(meshMs)
}

/**
 * Circuit breakers. What is not set is unlimited, as in Istio: Envoy's own defaults (1024, 3 retries) trip in an ordinary
 * rolling update (https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings).
 */
export function circuitBreakers(
  pool: ConnectionPoolSettings | undefined,
  retryBudget: RetryBudget | undefined,
): MessageInitShape<typeof CircuitBreakersSchema> {
  return {
    thresholds: [
      {
        maxConnections: limit(pool?.tcp?.maxConnections),
        maxPendingRequests: limit(pool?.http?.http1MaxPendingRequests),
        maxRequests: limit(pool?.http?.http2MaxRequests),
        maxRetries: limit(pool?.http?.maxRetries),
        trackRemaining: true,
        retryBudget: retryBudget && {
          budgetPercent: { value: retryBudget.percent ?? 20 },
          budgetInterval: durationOf(retryBudget.budgetInterval),
          minRetryConcurrency: retryBudget.minRetryConcurrency || 3,
        },
      },
    ],
  }
}

/** SO_KEEPALIVE on upstream connections; times are whole seconds that have passed, as in Istio, at least one. */
export function upstreamConnectionOptions(
  pool: ConnectionPoolSettings | undefined,
): MessageInitShape<typeof UpstreamConnectionOptionsSchema> | undefined {
  const keepalive = pool?.tcp?.tcpKeepalive
  if (!keepalive) return undefined
  return {
    tcpKeepalive: {
      keepaliveProbes: keepalive.probes || undefined,
      keepaliveTime: wholeSeconds(keepalive.time),
      keepaliveInterval: wholeSeconds(keepalive.interval),
    },
  }
}

/** Istio cannot tell 0 from unset: both mean no limit. */
function limit(value: number | undefined): number {
  return value !== undefined && value > 0 ? value : MAX_UINT32
}

function wholeSeconds(text: string | undefined): number | undefined {
  const milliseconds = text === undefined ? undefined : parseDuration(text)
  return milliseconds === undefined ? undefined : Math.max(1, Math.floor(milliseconds / 1000))
}
