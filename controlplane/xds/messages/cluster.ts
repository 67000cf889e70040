import { create } from '@bufbuild/protobuf'
import { ClusterSchema, LoadBalancingPolicySchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Scope } from '../../model/scope.ts'
import { inboundNames } from '../clusters/inbound.ts'
import { type CompiledCluster, compileCluster } from '../clusters/index.ts'
import { loadBalancingPolicy } from '../clusters/load-balancer.ts'
import { findTarget, policyOf } from '../clusters/targets.ts'

/** Whether the class may have the cluster; reads no endpoints. */
export function hasCluster(scope: Scope, name: string): boolean {
  return findTarget(scope, name) !== undefined || inboundNames(scope).includes(name)
}

/**
 * A cluster as Envoy gets it. One that a route reaches by a key (`hashKey`) gets a Maglev table when no DestinationRule chose
 * a load balancer: without a table the key would mean nothing.
 */
export function messageCluster(scope: Scope, name: string, hashed: boolean): CompiledCluster | undefined {
  const compiled = compileCluster(scope, name)
  if (!compiled || !hashed || !compiled.message.loadBalancingPolicy) return compiled
  const target = findTarget(scope, name)
  const chosen = target && policyOf(scope, target).loadBalancer?.value
  if (!target || chosen?.simple || chosen?.consistentHash) return compiled
  const { loadBalancingPolicy: _, ...rest } = compiled.message
  const message = create(ClusterSchema, {
    ...rest,
    loadBalancingPolicy: create(
      LoadBalancingPolicySchema,
      loadBalancingPolicy({ ...chosen, consistentHash: {} }, false),
    ),
  })
  return { ...compiled, message }
}
