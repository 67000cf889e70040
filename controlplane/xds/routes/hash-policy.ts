import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RouteAction_HashPolicySchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { duration } from '../../../proto/make.ts'
import type { ConsistentHash } from '../../config/kinds/policy/load-balancer.ts'
import { parseDuration } from '../../config/syntax/duration.ts'

/**
 * What a route must hash for the ring or Maglev table of the cluster to mean anything: without it Envoy picks at
 * random. Undefined when the DestinationRule names no key.
 */
export function hashPolicy(
  hash: ConsistentHash | undefined,
): MessageInitShape<typeof RouteAction_HashPolicySchema> | undefined {
  if (hash?.httpHeaderName) return { policySpecifier: { case: 'header', value: { headerName: hash.httpHeaderName } } }
  if (hash?.httpCookie?.name) {
    const { name, path, ttl, attributes } = hash.httpCookie
    return {
      policySpecifier: {
        case: 'cookie',
        value: {
          name,
          path: path ?? '',
          // With a ttl, even 0, Envoy makes a cookie for callers that have none.
          ...(ttl === undefined ? {} : { ttl: duration(parseDuration(ttl) ?? 0) }),
          attributes: (attributes ?? []).map((attribute) => ({ name: attribute.name, value: attribute.value ?? '' })),
        },
      },
    }
  }
  if (hash?.useSourceIp) return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } }
  if (hash?.httpQueryParameterName)
    return { policySpecifier: { case: 'queryParameter', value: { name: hash.httpQueryParameterName } } }
  return undefined
}
