import type { Any } from '@bufbuild/protobuf/wkt'
import { ApiVersion } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'
import {
  RateLimit_XRateLimitHeadersRFCVersion as HeadersVersion,
  RateLimitSchema,
} from '../../../proto/gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import { RATE_LIMIT_DOMAIN } from '../../config/rate-limit-ids.ts'
import type { Scope } from '../../model/scope.ts'
import { RATE_LIMIT_STAGE, rateLimitCluster } from '../names.ts'

const NAME = 'envoy.filters.http.ratelimit'

/** Longest a request may wait for the decision. */
const DEADLINE_MS = 20

/**
 * Filters that ask the rate limit service, in proxies that have something to ask. Whether a request passes when the service does
 * not answer is set per filter, so there is one for each: limits of a stage belong to the filter of that stage.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
 */
export function rateLimitFilters(scope: Scope): readonly { readonly name: string; readonly config: Any }[] {
  // Both or none: a listener that changes drains its connections, and most changes of limits need not do that.
  if (scope.rateLimits().length === 0) return []
  return (['allow', 'deny'] as const).map((onFailure) => {
    const config = pack(RateLimitSchema, {
      domain: RATE_LIMIT_DOMAIN,
      stage: RATE_LIMIT_STAGE[onFailure],
      timeout: duration(DEADLINE_MS),
      failureModeDeny: onFailure === 'deny',
      rateLimitedAsResourceExhausted: true,
      enableXRatelimitHeaders: HeadersVersion.DRAFT_VERSION_03,
      rateLimitService: {
        grpcService: {
          targetSpecifier: { case: 'envoyGrpc', value: { clusterName: rateLimitCluster(scope.settings()) } },
        },
        transportApiVersion: ApiVersion.V3,
      },
    })
    return { name: onFailure === 'allow' ? NAME : `${NAME}.deny`, config }
  })
}
