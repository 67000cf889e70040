import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RouteAction_RequestMirrorPolicySchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { Origin } from '../../config/object.ts'
import { type EffectiveHttpRoute, fieldOrigin } from '../../model/virtual-service.ts'
import type { RouteContext } from './context.ts'
import { resolveDestination } from './destination.ts'
import { fixedFraction } from './percentage.ts'

/**
 * Copies of requests; a share of 0 sends none, and a destination that does not exist gets none (analysis reports it).
 */
export function mirrorPolicies(
  route: EffectiveHttpRoute,
  context: RouteContext,
): {
  readonly policies: MessageInitShape<typeof RouteAction_RequestMirrorPolicySchema>[]
  readonly origins: readonly Origin[]
} {
  const { mirror, mirrors = [], mirrorPercentage, mirrorPercent } = route.spec
  const wanted = mirrors.map((policy, index) => ({
    destination: policy.destination,
    share: policy.percentage ? (policy.percentage.value ?? 0) : 100,
    origin: fieldOrigin(route, 'mirrors', index, 'destination'),
  }))
  if (mirror)
    wanted.unshift({
      destination: mirror,
      share: mirrorPercentage ? (mirrorPercentage.value ?? 0) : (mirrorPercent ?? 100),
      origin: fieldOrigin(route, 'mirror'),
    })
  const policies = []
  const origins: Origin[] = []
  for (const { destination, share, origin } of wanted) {
    const target = resolveDestination(destination, origin, context)
    if (share <= 0 || target.missing !== undefined) continue
    policies.push({
      cluster: target.cluster,
      runtimeFraction: fixedFraction(share),
      traceSampled: false,
      // The copy keeps its authority, as from Istio 1.28 on; Envoy by itself would append `-shadow`.
      disableShadowHostSuffixAppend: true,
    })
    origins.push(origin)
  }
  return { policies, origins }
}
