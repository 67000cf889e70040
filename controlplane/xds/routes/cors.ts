import type { Any } from '@bufbuild/protobuf/wkt'
import { CorsPolicySchema } from '../../../proto/gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { CorsPolicy } from '../../config/kinds/http/cors.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { fixedFraction } from './percentage.ts'
import { stringMatcher } from './string-match.ts'

export const CORS_FILTER = 'envoy.filters.http.cors'

/** Per-route configuration of the CORS filter (the listener puts the filter itself). */
export function corsConfig(cors: CorsPolicy | undefined): Any | undefined {
  if (!cors) return undefined
  const origins = cors.allowOrigins ?? cors.allowOrigin?.map(legacyOrigin) ?? []
  return pack(CorsPolicySchema, {
    allowOriginStringMatch: origins.map(stringMatcher),
    allowMethods: (cors.allowMethods ?? []).join(','),
    allowHeaders: (cors.allowHeaders ?? []).join(','),
    exposeHeaders: (cors.exposeHeaders ?? []).join(','),
    maxAge: cors.maxAge === undefined ? '' : String(Math.floor((parseDuration(cors.maxAge) ?? 0) / 1000)),
    filterEnabled: fixedFraction(100),
    forwardNotMatchingPreflights: cors.unmatchedPreflights !== 'IGNORE',
    ...(cors.allowCredentials === undefined ? {} : { allowCredentials: cors.allowCredentials }),
  })
}

/** The old list of origins took `*` for any. */
function legacyOrigin(origin: string): { exact: string } | { regex: string } {
  return origin === '*' ? { regex: '.*' } : { exact: origin }
}
