import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import type { CircuitBreakers_Thresholds } from '../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { OutlierDetection as OutlierMessage } from '../../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.ts'
import { RoutingPriority } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import type { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { DnsClusterSchema } from '../../proto/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts'
import type { SlowStartConfig } from '../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import { LeastRequestSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import { MaglevSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { RandomSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import { RingHashSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { RoundRobinSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import { MessageClusterOptionsSchema } from '../../proto/gen/meshgate/v1/message_cluster_pb.ts'
import { wrongTableSize } from '../cluster/balance/maglev.ts'
import { defaultMaximum, defaultMinimum } from '../cluster/balance/ring-hash.ts'
import type { CircuitBreaker, ClusterConfig, OutlierDetection, SlowStart } from '../configuration.ts'
import { namesOf } from './names.ts'
import { refuse } from './refusal.ts'
import { type Upstream, upstreamSocket } from './tls.ts'
import { defined, milliseconds } from './values.ts'

/** A cluster without its endpoints, which come by another way. */
export interface ReadCluster {
  readonly config: Omit<ClusterConfig, 'localities' | 'tls' | 'overprovisioningFactor'>
  /** Name of its load assignment; undefined when that stands in the cluster. */
  readonly assignmentName: string | undefined
  readonly assignment: ClusterLoadAssignment | undefined
  readonly socket: Upstream
}

/**
 * An Envoy cluster: what there is of it for messages. Settings of HTTP are passed over.
 * @throws Refusal for kinds of clusters and load balancers the proxy does not have: traffic must not go another way than asked for
 */
export function readCluster(cluster: Cluster): ReadCluster {
  const kind = discoveryOf(cluster)
  const { outlierDetection, commonLbConfig } = cluster
  return {
    assignmentName: kind === 'eds' ? cluster.edsClusterConfig?.serviceName || cluster.name : undefined,
    assignment: kind === 'eds' ? undefined : cluster.loadAssignment,
    socket: cluster.transportSocket ? upstreamSocket('transport_socket', cluster.transportSocket) : {},
    config: {
      name: cluster.name,
      ...(cluster.altStatName && { statName: cluster.altStatName }),
      ...balancerOf(cluster),
      ...namesOf(cluster),
      ...defined({
        connectTimeoutMs: milliseconds('connect_timeout', cluster.connectTimeout),
        circuitBreakers: breakersOf(cluster),
        outlierDetection: outlierDetection && outlier(outlierDetection),
        // Envoy takes whole percents.
        panicThreshold: commonLbConfig?.healthyPanicThreshold && Math.trunc(commonLbConfig.healthyPanicThreshold.value),
        ...messageOptions(cluster),
      }),
    },
  }
}

function discoveryOf({ clusterDiscoveryType: type }: Cluster): 'eds' | 'inline' {
  if (type.case === 'clusterType') {
    if (type.value.typedConfig && anyUnpack(type.value.typedConfig, DnsClusterSchema)) return 'inline'
    return refuse('cluster_type', `clusters of type ${type.value.name} have no endpoints that messages could go to`)
  }
  switch (type.value ?? Cluster_DiscoveryType.STATIC) {
    case Cluster_DiscoveryType.EDS:
      return 'eds'
    case Cluster_DiscoveryType.STATIC:
    case Cluster_DiscoveryType.STRICT_DNS:
    case Cluster_DiscoveryType.LOGICAL_DNS:
      return 'inline'
    default:
      return refuse(
        'type',
        'ORIGINAL_DST needs connections that were redirected; give the service resolution STATIC or DNS',
      )
  }
}

type Balancing = Pick<ClusterConfig, 'balancer' | 'slowStart' | 'localityWeighted' | 'hashHostnames'>

function balancerOf(cluster: Cluster): Balancing {
  const policies = cluster.loadBalancingPolicy?.policies ?? []
  if (policies.length === 0) {
    const { localityConfigSpecifier: locality, consistentHashingLbConfig } = cluster.commonLbConfig ?? {}
    const weightedLocalities = locality?.case === 'localityWeightedLbConfig' ? {} : undefined
    return {
      balancer: oldBalancer(cluster),
      ...oldSlowStart(cluster),
      ...hashing({ localityWeightedLbConfig: weightedLocalities, consistentHashingLbConfig }),
    }
  }
  for (const { typedExtensionConfig } of policies) {
    const any = typedExtensionConfig?.typedConfig
    const as = <Desc extends DescMessage>(schema: Desc): MessageShape<Desc> | undefined => any && anyUnpack(any, schema)
    const round = as(RoundRobinSchema)
    if (round) return { balancer: { kind: 'roundRobin' }, ...more(round) }
    const least = as(LeastRequestSchema)
    if (least) return { balancer: { kind: 'leastRequest', ...defined({ choices: least.choiceCount }) }, ...more(least) }
    const random = as(RandomSchema)
    if (random) return { balancer: { kind: 'random' }, ...more(random) }
    const maglev = as(MaglevSchema)
    if (maglev)
      return {
        balancer: { kind: 'maglev', ...tableSize(maglev) },
        ...hashing(maglev),
      }
    const ring = as(RingHashSchema)
    if (ring)
      return {
        balancer: { kind: 'ringHash', ...ringBounds(ring) },
        ...hashing(ring),
      }
  }
  const names = policies.map(({ typedExtensionConfig }) => typedExtensionConfig?.name).join(', ')
  return refuse('load_balancing_policy', `none of the policies is known: ${names}`)
}

interface Extras {
  readonly slowStartConfig?: Pick<SlowStartConfig, 'slowStartWindow' | 'aggression' | 'minWeightPercent'> | undefined
  readonly localityLbConfig?: { readonly localityConfigSpecifier: { readonly case: string | undefined } } | undefined
}

interface Hashing {
  readonly localityWeightedLbConfig?: object | undefined
  readonly consistentHashingLbConfig?: { readonly useHostnameForHashing: boolean } | undefined
}

function hashing(of: Hashing): Pick<Balancing, 'localityWeighted' | 'hashHostnames'> {
  return {
    ...weighted(of.localityWeightedLbConfig !== undefined),
    ...(of.consistentHashingLbConfig?.useHostnameForHashing && { hashHostnames: true }),
  }
}

function oldSlowStart({ lbConfig }: Cluster): Pick<Balancing, 'slowStart'> {
  const slow = lbConfig.case === 'roundRobinLbConfig' || lbConfig.case === 'leastRequestLbConfig'
  return slow ? more({ slowStartConfig: lbConfig.value.slowStartConfig }) : {}
}

function more({ slowStartConfig, localityLbConfig }: Extras): Pick<Balancing, 'slowStart' | 'localityWeighted'> {
  const window = milliseconds('slow_start_config.slow_start_window', slowStartConfig?.slowStartWindow)
  const slowStart: SlowStart | undefined = window
    ? {
        windowMs: window,
        ...defined({
          aggression: slowStartConfig?.aggression?.defaultValue,
          minWeightPercent: slowStartConfig?.minWeightPercent?.value,
        }),
      }
    : undefined
  return {
    ...defined({ slowStart }),
    ...weighted(localityLbConfig?.localityConfigSpecifier.case === 'localityWeightedLbConfig'),
  }
}

function weighted(on: boolean): Pick<Balancing, 'localityWeighted'> {
  return on ? { localityWeighted: true } : {}
}

function oldBalancer({ lbPolicy, lbConfig }: Cluster): ClusterConfig['balancer'] {
  switch (lbPolicy) {
    case Cluster_LbPolicy.ROUND_ROBIN:
      return { kind: 'roundRobin' }
    case Cluster_LbPolicy.LEAST_REQUEST:
      return {
        kind: 'leastRequest',
        ...(lbConfig.case === 'leastRequestLbConfig' && defined({ choices: lbConfig.value.choiceCount })),
      }
    case Cluster_LbPolicy.RANDOM:
      return { kind: 'random' }
    case Cluster_LbPolicy.MAGLEV:
      return {
        kind: 'maglev',
        ...(lbConfig.case === 'maglevLbConfig' && tableSize(lbConfig.value)),
      }
    case Cluster_LbPolicy.RING_HASH:
      return { kind: 'ringHash', ...(lbConfig.case === 'ringHashLbConfig' && ringBounds(lbConfig.value)) }
    default:
      return refuse('lb_policy', `${Cluster_LbPolicy[lbPolicy]} is not known`)
  }
}

function breakersOf({ circuitBreakers }: Cluster): ClusterConfig['circuitBreakers'] {
  const of = (priority: RoutingPriority) => circuitBreakers?.thresholds.find((one) => one.priority === priority)
  const [normal, high] = [of(RoutingPriority.DEFAULT), of(RoutingPriority.HIGH)]
  if (!normal && !high) return undefined
  return defined({
    default: normal && breaker(normal),
    high: high && breaker(high),
  }) as ClusterConfig['circuitBreakers']
}

function breaker(thresholds: CircuitBreakers_Thresholds): CircuitBreaker {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries, retryBudget } = thresholds
  return defined({
    maxConnections,
    maxPendingRequests,
    maxRequests,
    maxRetries,
    retryBudget: retryBudget && {
      percent: retryBudget.budgetPercent?.value ?? 20,
      minRetryConcurrency: retryBudget.minRetryConcurrency ?? 3,
    },
  }) as CircuitBreaker
}

/** Error replies stand for what HTTP calls 5xx and gateway errors: the smaller count in force is taken. */
function outlier(message: OutlierMessage): OutlierDetection {
  const inForce = (count: number | undefined, enforcing: number | undefined) => (enforcing === 0 ? 0 : count)
  const general = inForce(message.consecutive5xx, message.enforcingConsecutive5xx)
  // Envoy does not enforce gateway failures unless told to.
  const gateway = message.enforcingConsecutiveGatewayFailure ? message.consecutiveGatewayFailure : undefined
  const counts = [general, gateway].filter((count) => count !== undefined && count > 0) as number[]
  return defined({
    intervalMs: milliseconds('outlier_detection.interval', message.interval),
    baseEjectionMs: milliseconds('outlier_detection.base_ejection_time', message.baseEjectionTime),
    maxEjectionMs: milliseconds('outlier_detection.max_ejection_time', message.maxEjectionTime),
    maxEjectionPercent: message.maxEjectionPercent,
    consecutiveErrors: counts.length > 0 ? Math.min(...counts) : general,
    splitLocalErrors: message.splitExternalLocalOriginErrors || undefined,
    consecutiveLocalErrors: inForce(
      message.consecutiveLocalOriginFailure,
      message.enforcingConsecutiveLocalOriginFailure,
    ),
    successRate:
      message.enforcingSuccessRate === 0
        ? undefined
        : {
            minimumHosts: message.successRateMinimumHosts ?? 5,
            requestVolume: message.successRateRequestVolume ?? 100,
            stdevFactor: message.successRateStdevFactor ?? 1900,
          },
    failurePercentage: message.enforcingFailurePercentage
      ? {
          threshold: message.failurePercentageThreshold ?? 85,
          minimumHosts: message.failurePercentageMinimumHosts ?? 5,
          requestVolume: message.failurePercentageRequestVolume ?? 50,
        }
      : undefined,
  }) as OutlierDetection
}

/** Connections: what Envoy's cluster says, and what is said for messages only. */
function messageOptions(cluster: Cluster): Pick<Partial<ClusterConfig>, 'connections' | 'heartbeat'> {
  const keepalive = cluster.upstreamConnectionOptions?.tcpKeepalive
  const any = cluster.typedExtensionProtocolOptions['meshgate.messages']
  const options = any && anyUnpack(any, MessageClusterOptionsSchema)
  if (any && !options) refuse('typed_extension_protocol_options["meshgate.messages"]', `is a ${any.typeUrl}`)
  const connections = defined({
    // Node has one knob: the idle time before the first probe.
    tcpKeepaliveMs: keepalive && (keepalive.keepaliveTime ?? 7200) * 1000,
    perHost: options?.connectionsPerHost,
    minPerHost: options?.minConnectionsPerHost || undefined,
    idleTimeoutMs: milliseconds('idle_timeout', options?.idleTimeout),
  })
  const intervalMs = milliseconds('heartbeat.interval', options?.heartbeat?.interval)
  return {
    ...(Object.keys(connections).length > 0 && { connections }),
    ...(intervalMs && {
      heartbeat: {
        intervalMs,
        timeoutMs: milliseconds('heartbeat.timeout', options?.heartbeat?.timeout) || intervalMs,
        ...defined({ misses: options?.heartbeat?.misses }),
      },
    }),
  }
}

function number(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}

interface RingBounds {
  readonly minimumRingSize?: bigint | undefined
  readonly maximumRingSize?: bigint | undefined
}

function tableSize(maglev: { readonly tableSize?: bigint | undefined }) {
  const size = number(maglev.tableSize)
  const wrong = size !== undefined && wrongTableSize(size)
  if (wrong) refuse('table_size', wrong)
  return defined({ tableSize: size })
}

function ringBounds(ring: RingBounds) {
  const minimum = number(ring.minimumRingSize)
  const maximum = number(ring.maximumRingSize)
  const [least, most] = [minimum ?? defaultMinimum, maximum ?? defaultMaximum]
  if (most > defaultMaximum) refuse('maximum_ring_size', `at most ${defaultMaximum}, not ${most}`)
  if (least > most) refuse('minimum_ring_size', `${least} is above maximum_ring_size, ${most}`)
  return defined({ minimumRingSize: minimum, maximumRingSize: maximum })
}
