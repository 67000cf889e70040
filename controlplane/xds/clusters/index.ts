import type { Scope } from '../../model/scope.ts'
import { BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER, RATE_LIMIT_CLUSTER } from '../names.ts'
import { gatewaySniClusterNames } from './auto-passthrough.ts'
import { blackHoleCluster, type CompiledCluster, envoyCluster, isEdsEndpoint, passthroughCluster } from './cluster.ts'
import { grpcCluster, grpcRefusal } from './grpc.ts'
import { inboundCluster, inboundNames } from './inbound.ts'
import { isIpEndpoint, type LoadAssignment, loadAssignment } from './load-assignment.ts'
import { compileDefaultEndpoint, defaultEndpointClusters } from './local-endpoint.ts'
import type { Problem } from './problem.ts'
import { needsRateLimitCluster, rateLimitServiceCluster } from './rate-limit.ts'
import { withStatName } from './stat-name.ts'
import { discoveryOf, findTarget, policyOf, targetNames } from './targets.ts'

/** Names of all clusters a class may have, in a stable order. Reads no endpoints. */
export function clusterNames(scope: Scope): readonly string[] {
  const outbound = targetNames(scope)
  if (scope.proxy.type === 'grpc') return outbound
  const inbound = hasWorkload(scope) ? inboundNames(scope) : []
  return [
    ...outbound,
    ...inbound,
    ...defaultEndpointClusters(scope),
    ...(needsRateLimitCluster(scope) ? [RATE_LIMIT_CLUSTER] : []),
    BLACK_HOLE_CLUSTER,
    ...(allowsAny(scope) ? [PASSTHROUGH_CLUSTER] : []),
  ]
}

/** Names of the clusters Envoy uses without ever asking for them on demand. */
export function standingClusterNames(scope: Scope): readonly string[] {
  return [
    ...(hasWorkload(scope) ? inboundNames(scope) : []),
    ...(needsRateLimitCluster(scope) ? [RATE_LIMIT_CLUSTER] : []),
    ...(allowsAny(scope) ? [PASSTHROUGH_CLUSTER] : []),
    // Callers choose them by their SNI, which says no generation.
    ...gatewaySniClusterNames(scope),
    ...defaultEndpointClusters(scope),
  ]
}

/** The cluster of this name, or undefined when the class may not have it. Endpoints are read only for DNS clusters. */
export function compileCluster(scope: Scope, name: string): CompiledCluster | undefined {
  const target = findTarget(scope, name)
  if (scope.proxy.type === 'grpc') return target && grpcCluster(scope, target)
  if (target) return envoyCluster(scope, target)
  const other = otherCluster(scope, name)
  return other && withStatName(scope.proxy, other)
}

function otherCluster(scope: Scope, name: string): CompiledCluster | undefined {
  if (name === RATE_LIMIT_CLUSTER) return rateLimitServiceCluster(scope)
  if (name === BLACK_HOLE_CLUSTER) return blackHoleCluster(scope)
  if (name === PASSTHROUGH_CLUSTER) return passthroughCluster(scope)
  return hasWorkload(scope) ? inboundCluster(scope, name) : compileDefaultEndpoint(scope, name)
}

/** The cluster under a name of a past generation: for proxies whose routes still say it. */
export function compilePastCluster(scope: Scope, name: string): CompiledCluster | undefined {
  const target = findTarget(scope, name, 'any')
  return target && envoyCluster(scope, target)
}

/** The load assignment of this name, or undefined when there is no EDS cluster of that name. A past generation has the present one's. */
export function compileLoadAssignment(scope: Scope, name: string): LoadAssignment | undefined {
  const target = findTarget(scope, name, 'any')
  if (!target) return undefined
  const policy = policyOf(scope, target)
  if (scope.proxy.type !== 'grpc')
    return discoveryOf(target, policy) === 'eds' ? loadAssignment(scope, target, policy, isEdsEndpoint) : undefined
  const refused = grpcRefusal(scope, target, policy) !== undefined
  if (!refused && discoveryOf(target, policy) !== 'eds') return undefined
  return loadAssignment(scope, target, policy, (endpoint) => !refused && isIpEndpoint(endpoint))
}

/**
 * Everything about the clusters of a class that is not as its documents ask, each place named once. Compiles every cluster:
 * for `analyze` and diagnostics, not for serving.
 */
export function clusterProblems(scope: Scope): readonly Problem[] {
  const problems = new Map<string, Problem>()
  for (const name of clusterNames(scope))
    for (const problem of compileCluster(scope, name)?.problems ?? []) {
      const { object, path } = problem.origin
      const key = JSON.stringify([problem.code, problem.message, object.key, path])
      if (!problems.has(key)) problems.set(key, problem)
    }
  return [...problems.values()]
}

/** Proxies that stand beside a workload and may hand traffic to it. */
function hasWorkload({ proxy }: Scope): boolean {
  return proxy.type === 'sidecar' || proxy.type === 'message'
}

function allowsAny(scope: Scope): boolean {
  const ofSidecar = scope.sidecar()?.spec.outboundTrafficPolicy?.mode
  return (ofSidecar ?? scope.settings().outboundTrafficPolicy) === 'ALLOW_ANY'
}

export { sniClusterNames } from './auto-passthrough.ts'
export { type CompiledCluster, closedCluster } from './cluster.ts'
export { dnsCacheConfig } from './dynamic-forward-proxy.ts'
export type { LoadAssignment } from './load-assignment.ts'
export { defaultTableSize } from './maglev-table.ts'
export { consistentHashOf, type Decided, effectivePolicy, type ServiceSubset, subsetsOf } from './policy.ts'
export type { Problem } from './problem.ts'
export { serviceTargetNames } from './targets.ts'
export { type Tunnel, tunnelOf } from './tunnel.ts'
