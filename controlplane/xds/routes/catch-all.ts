import { RouteSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import { PASSTHROUGH_CLUSTER } from '../names.ts'
import type { RouteContext } from './context.ts'
import { resolveDestination } from './destination.ts'
import { missingAnswer } from './missing.ts'
import { timeouts } from './timeout.ts'
import { type CompiledVirtualHost, virtualHost } from './virtual-host.ts'

/** Whether a virtual host is the one for hosts nobody declared. */
export function isCatchAll(virtualHostName: string): boolean {
  return virtualHostName === 'block_all' || virtualHostName === 'allow_any'
}

/**
 * What happens to hosts nobody declared: 502 (`block_all`), or on to the address the caller asked for (`allow_any`),
 * or to the egress proxy a Sidecar names. Names and status are Istio's.
 */
export function catchAllVirtualHost(scope: Scope, context: RouteContext): CompiledVirtualHost {
  const sidecar = scope.sidecar()
  const policy = sidecar?.spec.outboundTrafficPolicy
  const mode = policy ? (policy.mode ?? 'REGISTRY_ONLY') : scope.settings().outboundTrafficPolicy
  const origins: Origin[] = policy && sidecar ? [{ object: sidecar, path: ['spec', 'outboundTrafficPolicy'] }] : []
  if (mode === 'REGISTRY_ONLY') return answer('block_all', { status: 502 }, origins)
  let cluster = PASSTHROUGH_CLUSTER
  if (policy?.egressProxy && sidecar) {
    const origin: Origin = { object: sidecar, path: ['spec', 'outboundTrafficPolicy', 'egressProxy'] }
    const target = resolveDestination(policy.egressProxy, origin, context)
    if (target.missing !== undefined) return answer('allow_any', missingAnswer(target.missing), [origin])
    cluster = target.cluster
  }
  const route = make(RouteSchema, {
    name: 'allow_any',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        ...timeouts(undefined, context),
      },
    },
  })
  return virtualHost('allow_any', ['*'], [{ route, origins }])
}

function answer(
  name: string,
  value: ReturnType<typeof missingAnswer>,
  origins: readonly Origin[],
): CompiledVirtualHost {
  const route = make(RouteSchema, {
    name,
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'directResponse', value },
  })
  return virtualHost(name, ['*'], [{ route, origins }])
}
