import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { CircuitBreakersSchema } from '../../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import {
  ClusterSchema,
  type LoadBalancingPolicy,
  LoadBalancingPolicySchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { RoutingPriority } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { MessageClusterOptionsSchema } from '../../../proto/gen/meshgate/v1/message_cluster_pb.ts'
import { duration, make, pack } from '../../../proto/make.ts'
import type { MeshMessages } from '../../config/kinds/mesh-messages.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import type { Scope } from '../../model/scope.ts'
import { inboundNames } from '../clusters/inbound.ts'
import { type CompiledCluster, compileCluster } from '../clusters/index.ts'
import { loadBalancingPolicy } from '../clusters/load-balancer.ts'
import { findTarget, policyOf } from '../clusters/targets.ts'
import { RATE_LIMIT_CLUSTER } from '../names.ts'

/** Whether the class may have the cluster; reads no endpoints. */
export function hasCluster(scope: Scope, name: string): boolean {
  if (name === RATE_LIMIT_CLUSTER) return scope.settings().rateLimitService !== undefined
  return findTarget(scope, name) !== undefined || inboundNames(scope).includes(name)
}

/**
 * A cluster as Envoy gets it, with what only message proxies know. One that a route reaches by a key (`hashKey`) gets a Maglev table
 * when no DestinationRule chose a load balancer: without a table the key would mean nothing.
 */
export function messageCluster(scope: Scope, name: string, hashed: boolean): CompiledCluster | undefined {
  const compiled = compileCluster(scope, name)
  if (!compiled) return undefined
  const options = clusterOptions(scope.settings().messages)
  const policy = hashed ? hashPolicy(scope, name, compiled) : undefined
  const high = scope.settings().messages.upstream?.highPriority
  if (!options && !policy && !high) return compiled
  const { message: asEnvoys, origins, children, problems } = compiled
  const { typedExtensionProtocolOptions: known, circuitBreakers: breakers } = asEnvoys
  const message = create(ClusterSchema, {
    ...asEnvoys,
    ...(policy && { loadBalancingPolicy: policy }),
    ...(high && {
      circuitBreakers: make(CircuitBreakersSchema, {
        thresholds: [...(breakers?.thresholds ?? []), { priority: RoutingPriority.HIGH, ...high }],
      }),
    }),
    ...(options && { typedExtensionProtocolOptions: { ...known, 'meshgate.messages': options } }),
  })
  return { message, origins, children, problems }
}

function hashPolicy(scope: Scope, name: string, { message }: CompiledCluster): LoadBalancingPolicy | undefined {
  if (!message.loadBalancingPolicy) return undefined
  const target = findTarget(scope, name)
  const chosen = target && policyOf(scope, target).loadBalancer?.value
  if (!target || chosen?.simple || chosen?.consistentHash) return undefined
  return create(LoadBalancingPolicySchema, loadBalancingPolicy({ ...chosen, consistentHash: {} }, false))
}

function clusterOptions({ upstream }: MeshMessages): Any | undefined {
  if (!upstream) return undefined
  const { connectionsPerHost, minConnections, idleTimeout, heartbeat } = upstream
  if (connectionsPerHost === undefined && minConnections === undefined && idleTimeout === undefined && !heartbeat)
    return undefined
  const ms = (text: string) => duration(parseDuration(text) ?? 0)
  return pack(MessageClusterOptionsSchema, {
    ...(connectionsPerHost !== undefined && { connectionsPerHost }),
    ...(minConnections !== undefined && { minConnectionsPerHost: minConnections }),
    ...(idleTimeout !== undefined && { idleTimeout: ms(idleTimeout) }),
    ...(heartbeat && {
      heartbeat: {
        interval: ms(heartbeat.interval),
        timeout: ms(heartbeat.timeout ?? heartbeat.interval),
        ...(heartbeat.misses !== undefined && { misses: heartbeat.misses }),
      },
    }),
  })
}
