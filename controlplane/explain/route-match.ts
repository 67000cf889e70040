import { RE2JS } from 're2js'
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { StringMatcher } from '../../proto/gen/envoy/type/matcher/v3/string_pb.ts'
import { own } from '../model/own.ts'

/** A request as Envoy's router sees it. Header names in lower case. */
export interface RequestView {
  readonly method: string
  readonly scheme: string
  readonly authority: string
  /** Path with query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** Whether a route takes a request, by the rules of Envoy's route matching; runtime fractions count as met. */
export function routeMatches(match: RouteMatch, request: RequestView): boolean {
  const question = request.path.indexOf('?')
  const path = question < 0 ? request.path : request.path.slice(0, question)
  const query = new URLSearchParams(question < 0 ? '' : request.path.slice(question + 1))
  return (
    pathMatches(match, path) &&
    (!match.grpc || (request.headers['content-type'] ?? '').startsWith('application/grpc')) &&
    match.headers.every((matcher) => headerMatches(matcher, request)) &&
    match.queryParameters.every((matcher) => parameterMatches(matcher, query))
  )
}

function pathMatches(match: RouteMatch, path: string): boolean {
  const { pathSpecifier: specifier } = match
  const sensitive = match.caseSensitive ?? true
  const fold = (text: string) => (sensitive ? text : text.toLowerCase())
  switch (specifier.case) {
    case 'prefix':
      return fold(path).startsWith(fold(specifier.value))
    case 'path':
      return fold(path) === fold(specifier.value)
    case 'pathSeparatedPrefix':
      return fold(path) === fold(specifier.value) || fold(path).startsWith(`${fold(specifier.value)}/`)
    case 'safeRegex':
      return RE2JS.compile(specifier.value.regex).matches(path)
    default:
      return specifier.case === undefined
  }
}

function headerMatches(matcher: HeaderMatcher, request: RequestView): boolean {
  const value = headerValue(matcher.name.toLowerCase(), request)
  const { headerMatchSpecifier: specifier } = matcher
  if (specifier.case === 'presentMatch') return ((value !== undefined) === specifier.value) !== matcher.invertMatch
  const given = value ?? (matcher.treatMissingHeaderAsEmpty ? '' : undefined)
  if (given === undefined) return specifier.case === undefined ? matcher.invertMatch : false
  return headerValueMatches(specifier, given) !== matcher.invertMatch
}

function headerValueMatches(specifier: HeaderMatcher['headerMatchSpecifier'], value: string): boolean {
  switch (specifier.case) {
    case 'stringMatch':
      return stringMatches(specifier.value, value)
    case 'rangeMatch': {
      const number = /^-?\d+$/.test(value) ? BigInt(value) : undefined
      return number !== undefined && number >= specifier.value.start && number < specifier.value.end
    }
    case 'exactMatch':
      return value === specifier.value
    case 'prefixMatch':
      return value.startsWith(specifier.value)
    case 'suffixMatch':
      return value.endsWith(specifier.value)
    case 'containsMatch':
      return value.includes(specifier.value)
    case 'safeRegexMatch':
      return RE2JS.compile(specifier.value.regex).matches(value)
    default:
      return true
  }
}

function headerValue(name: string, request: RequestView): string | undefined {
  switch (name) {
    case ':method':
      return request.method
    case ':scheme':
      return request.scheme
    case ':authority':
    case 'host':
      return request.authority
    case ':path':
      return request.path
    default:
      return own(request.headers, name)
  }
}

function parameterMatches(matcher: QueryParameterMatcher, query: URLSearchParams): boolean {
  const value = query.get(matcher.name)
  const { queryParameterMatchSpecifier: specifier } = matcher
  if (specifier.case === 'presentMatch') return (value !== null) === specifier.value
  if (value === null) return false
  return specifier.case === 'stringMatch' ? stringMatches(specifier.value, value) : true
}

function stringMatches(matcher: StringMatcher, value: string): boolean {
  const { matchPattern: pattern } = matcher
  const fold = (text: string) => (matcher.ignoreCase ? text.toLowerCase() : text)
  switch (pattern.case) {
    case 'exact':
      return fold(value) === fold(pattern.value)
    case 'prefix':
      return fold(value).startsWith(fold(pattern.value))
    case 'suffix':
      return fold(value).endsWith(fold(pattern.value))
    case 'contains':
      return fold(value).includes(fold(pattern.value))
    case 'safeRegex':
      return RE2JS.compile(pattern.value.regex).matches(value)
    default:
      return false
  }
}
