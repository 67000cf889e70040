import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RouteActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HttpRewrite } from '../../config/kinds/http/rewrite.ts'

/**
 * Rewrite of the path. Envoy's `prefix_rewrite` replaces what the route matched: the prefix of a prefix match, the
 * whole path of an exact or regex match, which is what Istio promises for `uri`.
 */
export function pathRewrite(
  rewrite: HttpRewrite | undefined,
): Pick<MessageInitShape<typeof RouteActionSchema>, 'prefixRewrite' | 'regexRewrite'> {
  const regex = rewrite?.uriRegexRewrite
  if (regex?.match) return { regexRewrite: { pattern: { regex: regex.match }, substitution: regex.rewrite ?? '' } }
  return rewrite?.uri ? { prefixRewrite: rewrite.uri } : {}
}
