import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type Route,
  type RouteActionSchema,
  RouteSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { make } from '../../../proto/make.ts'
import type { VirtualServiceSpec } from '../../config/kinds/virtual-service.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import {
  type EffectiveHttpRoute,
  type EffectiveMatch,
  effectiveHttpRoutes,
  fieldOrigin,
} from '../../model/virtual-service.ts'
import { BLACK_HOLE_CLUSTER } from '../names.ts'
import { isGrpcClient, type RouteContext } from './context.ts'
import { CORS_FILTER, corsConfig } from './cors.ts'
import { directResponseAction } from './direct-response.ts'
import { FAULT_FILTER, faultConfig } from './fault.ts'
import { authorityOf, headerChanges, joinHeaderChanges } from './headers.ts'
import { appliesTo, routeMatch, takesEverything } from './match.ts'
import { mirrorPolicies } from './mirror.ts'
import { missingAnswer } from './missing.ts'
import { redirectAction } from './redirect.ts'
import { retryPolicy } from './retries.ts'
import { pathRewrite } from './rewrite.ts'
import { type Split, splitOf } from './split.ts'
import { timeouts } from './timeout.ts'

/** One route, with the places in documents that decided it; the first is the rule. */
export interface CompiledRoute {
  readonly route: Route
  readonly origins: readonly Origin[]
}

/** What is the same for all matches of a rule. */
type Body = Omit<MessageInitShape<typeof RouteSchema>, '$typeName' | '$unknown' | 'match' | 'name'>
/** Bodies of one rule: the last takes what is left, those before it a share of the requests in percent. */
type Part = { readonly body: Body; readonly share: number | undefined; readonly origins: readonly Origin[] }

/**
 * The HTTP rules of a VirtualService as routes, in order, for the proxies of one class and the requests of one port.
 * Rules that cannot match here are left out, and so are those behind a rule that takes everything. No rule at all
 * means that the VirtualService says nothing about this port.
 */
export function compileHttpRoutes(
  virtualService: ConfigObject<VirtualServiceSpec>,
  context: RouteContext,
): readonly CompiledRoute[] {
  const compiled: CompiledRoute[] = []
  for (const rule of effectiveHttpRoutes(context.scope, virtualService)) {
    const matches = rule.matches.filter((match) => appliesTo(match.spec, context))
    if (rule.matches.length > 0 && matches.length === 0) continue
    const parts = partsOf(rule, context)
    for (const match of matches.length > 0 ? matches : [undefined]) {
      const routes = parts.map((part) => routeOf(virtualService, rule, match, part))
      compiled.push(...routes)
      if (takesEverything(routes.at(-1)?.route.match)) return compiled
    }
  }
  return compiled
}

function routeOf(
  virtualService: ConfigObject<VirtualServiceSpec>,
  rule: EffectiveHttpRoute,
  match: EffectiveMatch | undefined,
  part: Part,
): CompiledRoute {
  const { name = '' } = rule.spec
  const route = make(RouteSchema, {
    ...part.body,
    name: match?.spec.name ? `${name}.${match.spec.name}` : name,
    match: routeMatch(match?.spec, part.share),
    statPrefix: match?.spec.statPrefix ?? '',
    metadata: {
      filterMetadata: {
        istio: {
          config: `/apis/networking.istio.io/v1/namespaces/${virtualService.namespace}/virtual-service/${virtualService.name}`,
        },
      },
    },
  })
  const root = rule.root ? [rule.root] : []
  return { route, origins: [rule.origin, ...(match?.origins ?? []), ...root, ...part.origins] }
}

function partsOf(rule: EffectiveHttpRoute, context: RouteContext): readonly Part[] {
  const { spec } = rule
  const filters = filtersOf(rule, context)
  const base: Body = {
    ...(isGrpcClient(context) ? {} : headerChanges(spec.headers)),
    typedPerFilterConfig: filters.configs,
  }
  const answer = (action: NonNullable<Body['action']>, ...origins: Origin[]): Part => ({
    body: { ...base, action: isGrpcClient(context) ? noAnswer : action },
    share: undefined,
    origins: [...origins, ...filters.origins],
  })
  if (spec.redirect)
    return [answer({ case: 'redirect', value: redirectAction(spec.redirect, context) }, fieldOrigin(rule, 'redirect'))]
  if (spec.directResponse)
    return [
      answer(
        { case: 'directResponse', value: directResponseAction(spec.directResponse) },
        fieldOrigin(rule, 'directResponse'),
      ),
    ]
  const split = splitOf(rule, context)
  const parts = missingParts(split, base, context)
  if (split.clusters) parts.push(forward(rule, split, base, context))
  return parts.map((part) => ({ ...part, origins: [...part.origins, ...filters.origins] }))
}

/**
 * What gRPC libraries get where Envoy would answer by itself: they know no redirects and direct responses, and a route
 * left out would let the request fall through to a later one.
 */
const noAnswer = {
  case: 'route',
  value: { clusterSpecifier: { case: 'cluster', value: BLACK_HOLE_CLUSTER } },
} as const satisfies Body['action']

/**
 * One answering part for each destination that is missing. Envoy draws one random number for a request and compares it
 * with each fraction, so the fractions add up. The last one takes everything when no destination is left.
 */
function missingParts(split: Split, base: Body, context: RouteContext): Part[] {
  let sum = 0
  return split.missing.map(({ share, reason, origins }, index) => {
    sum += share
    const last = !split.clusters && index === split.missing.length - 1
    return {
      body: {
        ...base,
        action: isGrpcClient(context) ? noAnswer : { case: 'directResponse', value: missingAnswer(reason) },
      },
      share: last ? undefined : sum,
      origins,
    }
  })
}

function forward(rule: EffectiveHttpRoute, split: Split, base: Body, context: RouteContext): Part {
  const { spec } = rule
  const { scope } = context
  const clusters = split.clusters!
  // As in Istio, a hash holds retries on its host where there is one destination.
  const hashed = spec.route?.length === 1 && clusters.hashPolicy.length > 0
  const retries = retryPolicy(spec.retries ?? scope.settings().defaultHttpRetry, hashed)
  const action: MessageInitShape<typeof RouteActionSchema> = {
    clusterSpecifier: clusters.specifier,
    hashPolicy: clusters.hashPolicy,
    ...timeouts(spec.timeout, context),
    ...(retries ? { retryPolicy: retries } : {}),
  }
  const origins = [...split.origins]
  for (const field of ['timeout', 'retries', 'rewrite', 'headers'] as const)
    if (spec[field] !== undefined) origins.push(fieldOrigin(rule, field))
  if (isGrpcClient(context))
    return { body: { ...base, action: { case: 'route', value: action } }, share: undefined, origins }
  const mirrors = mirrorPolicies(rule, context)
  const authority = spec.rewrite?.authority || authorityOf(spec.headers) || clusters.authority
  return {
    body: {
      ...base,
      typedPerFilterConfig: { ...base.typedPerFilterConfig, ...clusters.filters },
      ...joinHeaderChanges(headerChanges(spec.headers), clusters.headers),
      action: {
        case: 'route',
        value: {
          ...action,
          ...pathRewrite(spec.rewrite),
          ...(authority ? { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } } : {}),
          requestMirrorPolicies: mirrors.policies,
        },
      },
    },
    share: undefined,
    origins: [...origins, ...mirrors.origins],
  }
}

/** Configuration of HTTP filters for this rule alone. gRPC libraries refuse those they do not know, and CORS is one. */
function filtersOf(
  rule: EffectiveHttpRoute,
  context: RouteContext,
): { readonly configs: Record<string, Any>; readonly origins: readonly Origin[] } {
  const configs: Record<string, Any> = {}
  const origins: Origin[] = []
  const fault = faultConfig(rule.spec.fault)
  if (fault) {
    configs[FAULT_FILTER] = fault
    origins.push(fieldOrigin(rule, 'fault'))
  }
  const cors = isGrpcClient(context) ? undefined : corsConfig(rule.spec.corsPolicy)
  if (cors) {
    configs[CORS_FILTER] = cors
    origins.push(fieldOrigin(rule, 'corsPolicy'))
  }
  return { configs, origins }
}
