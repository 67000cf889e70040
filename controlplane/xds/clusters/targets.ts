import type { Scope } from '../../model/scope.ts'
import {
  isHttp,
  isTls,
  outboundClusterName,
  parseOutboundClusterName,
  placesOfItself,
  type Service,
  type ServicePort,
} from '../../model/service.ts'
import { splitGeneration } from '../names.ts'
import { wireName } from '../wire-name.ts'
import { gatewaySniClusterNames, outboundOfSniCluster } from './auto-passthrough.ts'
import { isPassthrough } from './load-balancer.ts'
import { type EffectivePolicy, effectivePolicy, type ServiceSubset, subsetsOf } from './policy.ts'

/** What an outbound cluster stands for: one port of a service, or of a subset of it. */
export interface ClusterTarget {
  readonly name: string
  readonly service: Service
  readonly port: ServicePort
  readonly subset: ServiceSubset | undefined
  /** Connections that a gateway passes on by SNI are encrypted from end to end: the cluster adds no TLS. */
  readonly encrypted?: true
}

/**
 * How Envoy finds the endpoints of a cluster. `eds`: we tell it. `dns`: names in the cluster. `authority`: the host each
 * request, or each TLS handshake, asks for. `original`: the address the caller had dialled.
 */
export type Discovery = 'eds' | 'dns' | 'authority' | 'original'

/** The target of an outbound cluster's name, or undefined when this class sees no such service, port or subset. */
export function findTarget(
  scope: Scope,
  name: string,
  generation: 'present' | 'any' = 'present',
): ClusterTarget | undefined {
  const outbound = outboundOfSniCluster(name)
  if (outbound !== undefined) {
    const target = gatewaySniClusterNames(scope).includes(name)
      ? findTarget(scope, wireName(scope, outbound))
      : undefined
    return target && { ...target, name, encrypted: true }
  }
  // Of all generations of a cluster only the present one exists, but for a proxy that does not know that yet.
  if (generation === 'present' && name !== wireName(scope, splitGeneration(name).cluster)) return undefined
  const parts = parseOutboundClusterName(name)
  const service = parts && scope.service(parts.hostname)
  const port = service?.ports.find((candidate) => candidate.number === parts!.port && candidate.protocol !== 'udp')
  if (!service || !port) return undefined
  if (parts!.subset === '') return { name, service, port, subset: undefined }
  const subset = subsetsOf(scope, service).find((candidate) => candidate.name === parts!.subset)
  return subset && { name, service, port, subset }
}

/** Names of the outbound clusters of every visible service, its subsets behind it, and those a gateway reaches by SNI. UDP has none. */
export function targetNames(scope: Scope): readonly string[] {
  const outbound = scope.services().flatMap((service) => serviceTargetNames(scope, service))
  return [...outbound, ...gatewaySniClusterNames(scope)]
}

/** The policy of a target. */
export function policyOf(scope: Scope, { service, port, subset, encrypted }: ClusterTarget): EffectivePolicy {
  const policy = effectivePolicy(scope, service, port, subset?.name)
  if (!encrypted) return policy
  const { tls: _tls, tunnel: _tunnel, ...rest } = policy
  return rest
}

/** How the endpoints of a target are found, by its resolution and load balancer. */
export function discoveryOf({ service, port }: ClusterTarget, policy: EffectivePolicy): Discovery {
  const { resolution } = service
  if (resolution === 'STATIC' || resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN') {
    if (isPassthrough(policy.loadBalancer?.value)) return 'original'
    return resolution === 'STATIC' ? 'eds' : 'dns'
  }
  // Nothing tells what a caller dialled, but for what the service says of itself.
  const known = placesOfItself(service).length > 0
  if (isHttp(port.protocol)) return known && port.targetPort !== undefined ? 'dns' : 'authority'
  // A rule that asks for the dialled address gets it.
  if (isPassthrough(policy.loadBalancer?.value)) return 'original'
  if (known) return 'dns'
  return isTls(port.protocol) ? 'authority' : 'original'
}

/** Names of the outbound clusters of one service, those of subsets behind that of their port. */
export function serviceTargetNames(scope: Scope, service: Service): readonly string[] {
  const subsets = ['', ...subsetsOf(scope, service).map((subset) => subset.name)]
  return service.ports
    .filter((port) => port.protocol !== 'udp')
    .flatMap((port) =>
      subsets.map((subset) => wireName(scope, outboundClusterName(port.number, subset, service.hostname))),
    )
}
