import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type {
  RouteAction_HashPolicySchema,
  RouteActionSchema,
  WeightedCluster_ClusterWeightSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HttpRouteDestination } from '../../config/kinds/http/route.ts'
import type { Origin } from '../../config/object.ts'
import { type EffectiveHttpRoute, fieldOrigin } from '../../model/virtual-service.ts'
import { isGrpcClient, type RouteContext } from './context.ts'
import { resolveDestination, type Target } from './destination.ts'
import { grpcWebOf } from './grpc-web.ts'
import { hashPolicy } from './hash-policy.ts'
import { authorityOf, type HeaderChanges, headerChanges } from './headers.ts'

type RouteAction = MessageInitShape<typeof RouteActionSchema>

/** How the requests of a rule are shared out. */
export interface Split {
  /** To destinations that exist; undefined when none does. */
  readonly clusters:
    | {
        readonly specifier: NonNullable<RouteAction['clusterSpecifier']>
        readonly hashPolicy: MessageInitShape<typeof RouteAction_HashPolicySchema>[]
        /** Changes of a destination that is alone; with several each carries its own. */
        readonly headers: HeaderChanges
        readonly authority: string | undefined
        /** Settings of filters that a destination asks for by its protocol. */
        readonly filters: Readonly<Record<string, Any>>
      }
    | undefined
  /** Shares in percent that have nowhere to go, and why. */
  readonly missing: readonly { readonly share: number; readonly reason: string; readonly origins: readonly Origin[] }[]
  readonly origins: readonly Origin[]
}

interface Share {
  readonly entry: HttpRouteDestination
  readonly weight: number
  readonly target: Target
}

/**
 * Shares requests out by weight. Weights are relative to their sum; a destination that is alone gets everything,
 * whatever its weight; among several, one without weight gets nothing.
 */
export function splitOf(route: EffectiveHttpRoute, context: RouteContext): Split {
  const entries = route.spec.route ?? []
  const alone = entries.length === 1
  const shares = entries.flatMap((entry, index): readonly Share[] => {
    const weight = alone ? 1 : (entry.weight ?? 0)
    if (weight <= 0) return []
    const origin = fieldOrigin(route, 'route', index, 'destination')
    const target = resolveDestination(entry.destination, origin, context)
    const weighed = alone ? [] : [fieldOrigin(route, 'route', index, 'weight')]
    return [{ entry, weight, target: { ...target, origins: [...target.origins, ...weighed] } }]
  })
  const total = shares.reduce((sum, share) => sum + share.weight, 0)
  const origins = shares.flatMap((share) => share.target.origins)
  if (total === 0) {
    const reason = entries.length === 0 ? 'the rule has no destination' : 'all weights of the rule are 0'
    const origin = fieldOrigin(route, 'route')
    return { clusters: undefined, missing: [{ share: 100, reason, origins: [origin] }], origins: [origin] }
  }
  // gRPC libraries refuse tables with direct responses; for them a cluster that does not exist fails at once.
  const present = isGrpcClient(context) ? shares : shares.filter((share) => share.target.missing === undefined)
  const missing = shares.flatMap(({ weight, target }) =>
    target.missing === undefined || isGrpcClient(context)
      ? []
      : [{ share: (weight / total) * 100, reason: target.missing, origins: target.origins }],
  )
  return { clusters: present.length > 0 ? clustersOf(present, context) : undefined, missing, origins }
}

function clustersOf(shares: readonly Share[], context: RouteContext): Split['clusters'] {
  const [first, second] = shares
  // Destinations with the same key need its policy once; gRPC libraries know only headers (gRFC A42).
  const unique = new Map<string, MessageInitShape<typeof RouteAction_HashPolicySchema>>()
  for (const { target } of shares) {
    const policy = target.missing === undefined ? hashPolicy(target.hash) : undefined
    if (policy && (!isGrpcClient(context) || policy.policySpecifier?.case === 'header'))
      unique.set(JSON.stringify(target.missing === undefined && target.hash), policy)
  }
  const filters: Record<string, Any> = {}
  for (const { target } of shares) if (target.missing === undefined) Object.assign(filters, grpcWebOf(target.protocol))
  if (first && !second)
    return {
      filters,
      specifier: { case: 'cluster', value: first.target.cluster },
      hashPolicy: [...unique.values()],
      headers: headerChanges(first.entry.headers),
      authority: authorityOf(first.entry.headers),
    }
  return {
    filters,
    specifier: { case: 'weightedClusters', value: { clusters: shares.map(clusterWeight) } },
    hashPolicy: [...unique.values()],
    headers: headerChanges(undefined),
    authority: undefined,
  }
}

function clusterWeight({ entry, weight, target }: Share): MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> {
  const authority = authorityOf(entry.headers)
  return {
    name: target.cluster,
    weight,
    ...headerChanges(entry.headers),
    ...(authority ? { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } } : {}),
  }
}
