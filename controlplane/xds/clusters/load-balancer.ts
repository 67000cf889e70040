import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  Cluster_LbPolicy,
  type ClusterSchema,
  type LoadBalancingPolicySchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClientSideWeightedRoundRobinSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.ts'
import type { SlowStartConfigSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import { LeastRequestSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import { MaglevSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { RandomSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import { RingHashSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { RoundRobinSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import { pack } from '../../../proto/make.ts'
import type {
  BackendUtilization,
  ConsistentHash,
  LoadBalancerSettings,
} from '../../config/kinds/policy/load-balancer.ts'
import { durationOf } from './duration.ts'
import { maglevTableSize } from './maglev-table.ts'

/** Envoy refuses rings larger than this. */
const MAX_RING_SIZE = 8_388_608
const DEFAULT_RING_SIZE = 1024

/** Whether connections go to the address the caller asked for, past all load balancing. */
export function isPassthrough(settings: LoadBalancerSettings | undefined): boolean {
  return settings?.simple === 'PASSTHROUGH'
}

/**
 * The policy as a typed extension for every algorithm, so that slow start, hash settings and locality weights are said in one
 * place: Envoy refuses the fields of `common_lb_config` for them beside a typed policy. `weighted` first picks a locality by
 * its weight. `fewEndpoints` decides the size of a Maglev table nobody asked a size for.
 */
export function loadBalancingPolicy(
  settings: LoadBalancerSettings | undefined,
  weighted: boolean,
  fewEndpoints = false,
): MessageInitShape<typeof LoadBalancingPolicySchema> {
  const localityLbConfig = weighted
    ? { localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} } as const }
    : undefined
  if (settings?.consistentHash) return hashPolicy(settings.consistentHash, weighted, fewEndpoints)
  if (settings?.backendUtilization) return utilizationPolicy(settings.backendUtilization, settings)
  switch (settings?.simple) {
    case 'ROUND_ROBIN':
      return policy('round_robin', pack(RoundRobinSchema, { localityLbConfig, slowStartConfig: slowStart(settings) }))
    case 'RANDOM':
      return policy('random', pack(RandomSchema, { localityLbConfig }))
    default:
      return policy(
        'least_request',
        pack(LeastRequestSchema, { localityLbConfig, slowStartConfig: slowStart(settings) }),
      )
  }
}

/**
 * The policy for gRPC libraries: the old field, which all of them read. They have no Maglev, so a hash is a ring; RANDOM
 * and the default are round robin (https://github.com/grpc/proposal/blob/master/A42-xds-ring-hash-lb-policy.md).
 */
export function grpcLoadBalancer(
  settings: LoadBalancerSettings | undefined,
): Pick<MessageInitShape<typeof ClusterSchema>, 'lbPolicy' | 'lbConfig'> {
  const hash = settings?.consistentHash
  if (!hash) return { lbPolicy: Cluster_LbPolicy.ROUND_ROBIN }
  return {
    lbPolicy: Cluster_LbPolicy.RING_HASH,
    lbConfig: { case: 'ringHashLbConfig', value: { minimumRingSize: ringSize(hash) } },
  }
}

/** Whether a hash is to use a ring: when it says so, also by the old field. Otherwise it uses Maglev. */
export function usesRing(hash: ConsistentHash): boolean {
  return hash.ringHash !== undefined || (hash.maglev === undefined && (hash.minimumRingSize ?? 0) > 0)
}

/** Whether the size of a Maglev table may hang on how many endpoints there are. */
export function asksForTableSize(settings: LoadBalancerSettings | undefined): boolean {
  const hash = settings?.consistentHash
  return hash !== undefined && !usesRing(hash) && !hash.maglev?.tableSize
}

/** Weights from what endpoints report with each answer; the policy knows no localities. */
function utilizationPolicy(
  report: BackendUtilization,
  settings: LoadBalancerSettings,
): MessageInitShape<typeof LoadBalancingPolicySchema> {
  const { errorUtilizationPenaltyPercent: penalty } = report
  return policy(
    'client_side_weighted_round_robin',
    pack(ClientSideWeightedRoundRobinSchema, {
      ...(penalty !== undefined && { errorUtilizationPenalty: penalty / 100 }),
      metricNamesForComputingUtilization: [...(report.metricNamesForComputingUtilization ?? [])],
      weightExpirationPeriod: durationOf(report.weightExpirationPeriod),
      blackoutPeriod: durationOf(report.weightStabilizationPeriod),
      weightUpdatePeriod: durationOf(report.weightUpdatePeriod),
      slowStartConfig: slowStart(settings),
    }),
  )
}

function hashPolicy(
  hash: ConsistentHash,
  weighted: boolean,
  fewEndpoints: boolean,
): MessageInitShape<typeof LoadBalancingPolicySchema> {
  const localityWeightedLbConfig = weighted ? {} : undefined
  return usesRing(hash)
    ? policy('ring_hash', pack(RingHashSchema, { minimumRingSize: ringSize(hash), localityWeightedLbConfig }))
    : policy('maglev', pack(MaglevSchema, { tableSize: maglevTableSize(hash, fewEndpoints), localityWeightedLbConfig }))
}

function ringSize(hash: ConsistentHash): bigint {
  const wanted = hash.ringHash?.minimumRingSize || hash.minimumRingSize || DEFAULT_RING_SIZE
  return BigInt(Math.min(wanted, MAX_RING_SIZE))
}

function slowStart(
  settings: LoadBalancerSettings | undefined,
): MessageInitShape<typeof SlowStartConfigSchema> | undefined {
  const warmup = settings?.warmup
  const slowStartWindow = durationOf(warmup?.duration ?? settings?.warmupDurationSecs)
  if (!slowStartWindow) return undefined
  return {
    slowStartWindow,
    // The runtime key is mandatory; nothing sets it.
    aggression:
      warmup?.aggression === undefined
        ? undefined
        : { defaultValue: warmup.aggression, runtimeKey: 'meshgate.warmup_aggression' },
    minWeightPercent: warmup?.minimumPercent === undefined ? undefined : { value: warmup.minimumPercent },
  }
}

function policy(name: string, typedConfig: Any): MessageInitShape<typeof LoadBalancingPolicySchema> {
  return { policies: [{ typedExtensionConfig: { name: `envoy.load_balancing_policies.${name}`, typedConfig } }] }
}
