import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { duration, encode, make } from '../../../proto/make.ts'
import type { ConnectionPoolSettings } from '../../config/kinds/policy/connection-pool.ts'
import type { LoadBalancerSettings } from '../../config/kinds/policy/load-balancer.ts'
import type { OutlierDetection } from '../../config/kinds/policy/outlier-detection.ts'
import type { RetryBudget } from '../../config/kinds/policy/traffic-policy.ts'
import { circuitBreakers, connectTimeout, upstreamConnectionOptions } from './connection-pool.ts'
import { type HttpUpstream, httpProtocolOptions } from './http-protocol-options.ts'
import { loadBalancingPolicy } from './load-balancer.ts'
import { outlierDetection, panicThreshold } from './outlier-detection.ts'

/** What decides how a cluster is used, whichever it is. Plain data: equal settings are found by what they say. */
export interface ClusterSettings {
  /** ms, where the pool says nothing. */
  readonly connectTimeoutMs: number
  readonly pool: ConnectionPoolSettings | undefined
  readonly outlier: OutlierDetection | undefined
  readonly retryBudget: RetryBudget | undefined
  /** Undefined where Envoy's discovery knows one endpoint only, and balances nothing. */
  readonly balancing:
    | {
        readonly loadBalancer: LoadBalancerSettings | undefined
        readonly weighted: boolean
        readonly fewEndpoints: boolean
      }
    | undefined
  readonly http: Pick<HttpUpstream, 'protocol' | 'autoSni' | 'autoSanValidation'>
}

/** A mesh has few different settings; more than these are made anew. */
const MOST_KEPT = 256
const kept = new Map<string, Uint8Array>()

/**
 * The part of a cluster's message that its settings decide, encoded. Nearly all clusters of a mesh share it with others, and it is most of what making one
 * costs. Bytes of a message may be put together from parts that have different fields
 * (https://protobuf.dev/programming-guides/encoding/#last-one-wins).
 */
export function settingsBytes(settings: ClusterSettings): Uint8Array {
  const key = JSON.stringify(settings)
  let bytes = kept.get(key)
  if (!bytes) {
    bytes = encodeSettings(settings)
    if (kept.size >= MOST_KEPT) kept.clear()
    kept.set(key, bytes)
  }
  return bytes
}

function encodeSettings(settings: ClusterSettings): Uint8Array {
  const { connectTimeoutMs, pool, outlier, retryBudget, balancing, http } = settings
  const panic = panicThreshold(outlier)
  const message = make(ClusterSchema, {
    connectTimeout: connectTimeout(pool, connectTimeoutMs),
    circuitBreakers: circuitBreakers(pool, retryBudget),
    upstreamConnectionOptions: upstreamConnectionOptions(pool),
    outlierDetection: outlier && outlierDetection(outlier),
    commonLbConfig: {
      // Else a change of health or weight waits up to a second after the last change: who leaves would go on getting requests.
      updateMergeWindow: duration(0),
      ...(panic !== undefined && { healthyPanicThreshold: { value: panic } }),
    },
    loadBalancingPolicy:
      balancing && loadBalancingPolicy(balancing.loadBalancer, balancing.weighted, balancing.fewEndpoints),
    typedExtensionProtocolOptions: httpProtocolOptions({ ...http, pool, outlier }),
  })
  return encode(ClusterSchema, message)
}
