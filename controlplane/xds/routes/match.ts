import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatch,
  RouteMatchSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HttpMatchRequest } from '../../config/kinds/http/match.ts'
import type { StringMatch } from '../../config/kinds/string-match.ts'
import { matchesLabels } from '../../model/endpoints.ts'
import { claimMatcher } from './claims.ts'
import type { RouteContext } from './context.ts'
import { fixedFraction } from './percentage.ts'
import { asksForPresence, stringMatcher } from './string-match.ts'

/**
 * Whether a match can hold at all for these proxies on this port. As in Istio, a match that names gateways does not
 * look at labels and namespace; for one that does not, the proxy's own are the caller's, at a gateway, too.
 */
export function appliesTo(match: HttpMatchRequest, context: RouteContext): boolean {
  if (match.port && match.port !== context.port) return false
  if (match.gateways?.length) return match.gateways.includes(context.gateway)
  const { labels, namespace } = context.scope.proxy
  if (!matchesLabels(match.sourceLabels ?? {}, labels)) return false
  return !match.sourceNamespace || match.sourceNamespace === namespace
}

/**
 * The part of a match that Envoy decides per request; without a match everything is taken. With a share (percent) only
 * that part of the requests is, by chance.
 */
export function routeMatch(
  match: HttpMatchRequest | undefined,
  share?: number,
): MessageInitShape<typeof RouteMatchSchema> {
  const runtimeFraction = share === undefined ? {} : { runtimeFraction: fixedFraction(share) }
  if (!match) return { pathSpecifier: { case: 'prefix', value: '/' }, ...runtimeFraction }
  const headers: MessageInitShape<typeof HeaderMatcherSchema>[] = []
  const claims = []
  for (const [name, condition] of sorted(match.headers)) {
    const claim = claimMatcher(name, condition)
    if (claim) claims.push(claim)
    else headers.push(headerMatcher(name, condition))
  }
  for (const [name, condition] of sorted(match.withoutHeaders)) {
    const claim = claimMatcher(name, condition)
    if (claim) claims.push({ ...claim, invert: true })
    // A header that is missing does not match either, so it must count as an empty one; presence alone needs no such
    // help.
    else
      headers.push({
        ...headerMatcher(name, condition),
        invertMatch: true,
        treatMissingHeaderAsEmpty: !asksForPresence(condition),
      })
  }
  if (match.method) headers.push(headerMatcher(':method', match.method))
  if (match.authority) headers.push(headerMatcher(':authority', match.authority))
  if (match.scheme) headers.push(headerMatcher(':scheme', match.scheme))
  return {
    pathSpecifier: pathSpecifier(match.uri),
    caseSensitive: !match.ignoreUriCase,
    headers,
    queryParameters: sorted(match.queryParams).map(([name, condition]) => queryParameterMatcher(name, condition)),
    dynamicMetadata: claims,
    ...runtimeFraction,
  }
}

/** Whether a route takes every request, so that those behind it are never reached. */
export function takesEverything(match: RouteMatch | undefined): boolean {
  if (!match) return false
  const { pathSpecifier, headers, queryParameters, dynamicMetadata, runtimeFraction } = match
  const anyPath =
    (pathSpecifier.case === 'prefix' && pathSpecifier.value === '/') ||
    (pathSpecifier.case === 'safeRegex' && pathSpecifier.value.regex === '.*')
  return (
    anyPath && headers.length === 0 && queryParameters.length === 0 && dynamicMetadata.length === 0 && !runtimeFraction
  )
}

/** A prefix is one of characters, not of path segments: `/foo` takes `/foobar` too. */
function pathSpecifier(
  uri: StringMatch | undefined,
): NonNullable<MessageInitShape<typeof RouteMatchSchema>['pathSpecifier']> {
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact }
  if (uri?.prefix !== undefined) return { case: 'prefix', value: uri.prefix }
  if (uri?.regex) return { case: 'safeRegex', value: { regex: uri.regex } }
  return { case: 'prefix', value: '/' }
}

function headerMatcher(name: string, condition: StringMatch): MessageInitShape<typeof HeaderMatcherSchema> {
  return {
    name,
    headerMatchSpecifier: asksForPresence(condition)
      ? { case: 'presentMatch', value: true }
      : { case: 'stringMatch', value: stringMatcher(condition) },
  }
}

function queryParameterMatcher(
  name: string,
  condition: StringMatch,
): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return {
    name,
    queryParameterMatchSpecifier: asksForPresence(condition)
      ? { case: 'presentMatch', value: true }
      : { case: 'stringMatch', value: stringMatcher(condition) },
  }
}

function sorted(conditions: Readonly<Record<string, StringMatch>> | undefined): readonly [string, StringMatch][] {
  return Object.entries(conditions ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
}
