import { Cluster_DiscoveryType, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import { type CompiledCluster, edsDiscovery, originsOf, tlsUpstream } from './cluster.ts'
import { circuitBreakers } from './connection-pool.ts'
import { isSocketEndpoint, loadAssignment, selectEndpoints } from './load-assignment.ts'
import { grpcLoadBalancer, usesRing } from './load-balancer.ts'
import type { EffectivePolicy } from './policy.ts'
import type { Problem } from './problem.ts'
import { type ClusterTarget, discoveryOf, policyOf } from './targets.ts'
import { grpcTls } from './tls.ts'

/** Load is reported to whoever sent the cluster (https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md). */
const SELF = make(ConfigSourceSchema, { configSourceSpecifier: { case: 'self', value: {} } })

/**
 * An outbound cluster for gRPC libraries: EDS over the same stream or logical DNS of one name, round robin or ring hash, and a
 * limit of requests. They refuse a cluster for anything else, so what they do not know is left out.
 */
export function grpcCluster(scope: Scope, target: ClusterTarget): CompiledCluster {
  const { name } = target
  const policy = policyOf(scope, target)
  const refused = grpcRefusal(scope, target, policy)
  const tls = grpcTls(tlsUpstream(scope, target, policy))
  const dns = !refused && discoveryOf(target, policy) === 'dns'
  const assignment = dns ? loadAssignment(scope, target, policy, (endpoint) => !isSocketEndpoint(endpoint)) : undefined
  const message = make(ClusterSchema, {
    name,
    ...(assignment
      ? {
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.LOGICAL_DNS },
          loadAssignment: assignment.message,
        }
      : edsDiscovery(name)),
    lrsServer: SELF,
    ...grpcLoadBalancer(policy.loadBalancer?.value),
    circuitBreakers: circuitBreakers(policy.connectionPool?.value, undefined),
    transportSocket: tls.kind === 'tls' ? tls.transportSocket : undefined,
  })
  return {
    message,
    origins: [...originsOf(target, policy), ...(assignment?.origins ?? [])],
    children: assignment ? [] : [{ type: 'eds', name }],
    problems: refused ? [refused] : losses(policy),
  }
}

/** Why gRPC clients cannot use a target. They get it without endpoints then: calls fail and say so, other targets work. */
export function grpcRefusal(scope: Scope, target: ClusterTarget, policy: EffectivePolicy): Problem | undefined {
  const tls = grpcTls(tlsUpstream(scope, target, policy))
  if (tls.kind === 'refused') return tls.problem
  const discovery = discoveryOf(target, policy)
  if (discovery === 'eds') return undefined
  if (discovery === 'dns') {
    const names = selectEndpoints(scope, target).filter((endpoint) => !isSocketEndpoint(endpoint))
    if (names.length === 1) return undefined
    return refusal(
      target,
      'DNS_NOT_FOR_GRPC',
      `proxyless gRPC clients take one DNS name, ${target.service.hostname} has ${names.length}`,
      'use resolution STATIC, or a ServiceEntry for each name',
    )
  }
  return refusal(
    target,
    'RESOLUTION_NOT_FOR_GRPC',
    'proxyless gRPC clients cannot go to the address a caller asks for',
    'use resolution STATIC or DNS, without PASSTHROUGH',
  )
}

/** Parts of a policy that gRPC libraries do not know; the cluster works without them. */
function losses(policy: EffectivePolicy): readonly Problem[] {
  const { loadBalancer, outlierDetection, proxyProtocol, tunnel } = policy
  const { simple, consistentHash } = loadBalancer?.value ?? {}
  const lost = (message: string, origin: Origin): Problem => ({
    code: 'POLICY_NOT_FOR_GRPC',
    severity: 'warning',
    message: `proxyless gRPC clients ${message}`,
    hint: 'calls through a sidecar have it',
    origin,
  })
  const problems: Problem[] = []
  if (loadBalancer && consistentHash && !usesRing(consistentHash))
    problems.push(lost('have no Maglev: they use a hash ring', loadBalancer.origin))
  if (loadBalancer && simple && simple !== 'UNSPECIFIED' && simple !== 'ROUND_ROBIN')
    problems.push(lost(`use ROUND_ROBIN instead of ${simple}`, loadBalancer.origin))
  for (const [part, decided] of Object.entries({ outlierDetection, proxyProtocol, tunnel }))
    if (decided) problems.push(lost(`do not know ${part}`, decided.origin))
  return problems
}

function refusal({ service }: ClusterTarget, code: string, message: string, hint: string): Problem {
  return { code, severity: 'warning', message, hint, origin: service.origin }
}
