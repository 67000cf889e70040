import type { Any } from '@bufbuild/protobuf/wkt'
import { ApiVersion } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'
import { LocalRateLimitSchema } from '../../../proto/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import {
  RateLimit_XRateLimitHeadersRFCVersion as HeadersVersion,
  RateLimitSchema,
} from '../../../proto/gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import { RATE_LIMIT_DOMAIN } from '../../config/rate-limit-ids.ts'
import type { Scope } from '../../model/scope.ts'
import { RATE_LIMIT_STAGE, rateLimitCluster } from '../names.ts'
import { LOCAL_RATE_LIMIT } from '../routes/local-rate-limit.ts'

const NAME = 'envoy.filters.http.ratelimit'

/** What virtual hosts do not say otherwise is not limited. */
const NO_LIMIT = { statPrefix: 'local_rate_limit' }

/**
 * Filters that count, and that ask the rate limit service, in proxies that have something to count or to ask. Whether a request passes when the service does
 * not answer is set per filter, so there is one for each: limits of a stage belong to the filter of that stage.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
 */
export function rateLimitFilters(scope: Scope): readonly { readonly name: string; readonly config: Any }[] {
  // Requests that are over a limit of the proxy's own need not be asked about.
  const local =
    scope.localRateLimits().length > 0 ? [{ name: LOCAL_RATE_LIMIT, config: pack(LocalRateLimitSchema, NO_LIMIT) }] : []
  return [...local, ...serviceFilters(scope)]
}

function serviceFilters(scope: Scope): readonly { readonly name: string; readonly config: Any }[] {
  // Both or none: a listener that changes drains its connections, and most changes of limits need not do that.
  if (scope.rateLimits().length === 0) return []
  return (['allow', 'deny'] as const).map((onFailure) => {
    const config = pack(RateLimitSchema, {
      domain: RATE_LIMIT_DOMAIN,
      stage: RATE_LIMIT_STAGE[onFailure],
      timeout: duration(scope.settings().rateLimitTimeoutMs),
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
