import type {
  CorsPolicy,
  HeaderOperations,
  Headers,
  HttpDirectResponse,
  HttpFaultInjection,
  HttpMatchRequest,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRoute,
} from '../kinds/http-route.ts'
import type { IssuePath, Report } from '../schema.ts'
import { portProblem } from '../syntax/address.ts'
import { parseDuration } from '../syntax/duration.ts'
import {
  corsHeaderProblem,
  headerValueProblem,
  isAuthorityHeader,
  matchHeaderProblem,
  plainHeaderProblem,
  requestHeaderProblem,
} from '../syntax/header.ts'
import { isDnsLabel, shown } from '../syntax/host.ts'
import { labelProblems } from '../syntax/label.ts'
import { regexProblem } from '../syntax/regex.ts'
import { gatewayNamesRule, weightsRule } from './destination.ts'
import { regexMatchRule, stringMatchRule } from './string-match.ts'

const CONFLICT = { code: 'FIELD_CONFLICT' } as const
const CORS_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*'])
const RETRY_ON = new Set(
  (
    '5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream retriable-status-codes ' +
    'retriable-headers envoy-ratelimited http3-post-connect-failure cancelled deadline-exceeded internal resource-exhausted unavailable'
  ).split(' '),
)
/** gRPC status names that an abort may answer with (https://grpc.io/docs/guides/status-codes/). */
const GRPC_STATUS = new Set(
  (
    'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED ' +
    'FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'
  ).split(' '),
)
/** Status codes with a registered name, as Go's net/http knows them. */
const NAMED_STATUS = new Set([
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400,
  401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425,
  426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
])

export function matchRule(match: HttpMatchRequest, report: Report): void {
  for (const [name, header] of Object.entries(match.headers ?? {})) {
    const problem = matchHeaderProblem(name)
    if (problem) report(['headers', name], problem)
    stringMatchRule(header, ['headers', name], report)
  }
  for (const [name, header] of Object.entries(match.withoutHeaders ?? {})) {
    const problem = matchHeaderProblem(name)
    if (problem) report(['withoutHeaders', name], problem)
    // The regex `*` stands for presence here, as in Istio.
    if (header.regex !== '*') stringMatchRule(header, ['withoutHeaders', name], report)
  }
  regexMatchRule(match.uri, ['uri'], report)
  for (const field of ['scheme', 'method', 'authority'] as const) stringMatchRule(match[field], [field], report)
  for (const [name, value] of Object.entries(match.queryParams ?? {}))
    stringMatchRule(value, ['queryParams', name], report)
  if (match.ignoreUriCase && match.uri?.regex !== undefined)
    report(['ignoreUriCase'], 'ignoreUriCase has no effect on a regex', {
      code: 'FIELD_NO_EFFECT',
      hint: 'start the expression with (?i)',
    })
  l4Rule(match, report)
  if (match.sourceNamespace && !isDnsLabel(match.sourceNamespace))
    report(['sourceNamespace'], `${shown(match.sourceNamespace)} is no namespace`)
}

/** Parts that matches of HTTP, TLS and TCP have in common. */
export function l4Rule(match: Pick<HttpMatchRequest, 'port' | 'sourceLabels' | 'gateways'>, report: Report): void {
  const port = match.port ? portProblem(match.port) : undefined
  if (port) report(['port'], port)
  for (const { key, message } of labelProblems(match.sourceLabels ?? {})) report(['sourceLabels', key], message)
  gatewayNamesRule(match.gateways ?? [], (path, ...rest) => report(['gateways', ...path], ...rest))
}

function headerChanges(
  changes: HeaderOperations | undefined,
  path: IssuePath,
  name: (name: string) => string | undefined,
  report: Report,
): void {
  for (const field of ['set', 'add'] as const) {
    for (const [header, value] of Object.entries(changes?.[field] ?? {})) {
      const problem = name(header) ?? headerValueProblem(value)
      if (problem) report([...path, field, header], problem)
    }
  }
  for (const [index, header] of (changes?.remove ?? []).entries()) {
    const problem = plainHeaderProblem(header)
    if (problem) report([...path, 'remove', index], problem)
  }
}

export function headersRule(headers: Headers, report: Report): void {
  headerChanges(headers.request, ['request'], requestHeaderProblem, report)
  headerChanges(headers.response, ['response'], plainHeaderProblem, report)
}

export function redirectRule(redirect: HttpRedirect, report: Report): void {
  if (redirect.uri && redirect.prefixRewrite)
    report(['prefixRewrite'], 'only one of uri and prefixRewrite may be set', CONFLICT)
  const something = redirect.uri || redirect.prefixRewrite || redirect.authority || redirect.scheme
  if (!something && redirect.port === undefined && redirect.derivePort === undefined)
    report([], 'a redirect must set uri, prefixRewrite, authority, port or scheme')
  const code = redirect.redirectCode ?? 0
  if (code !== 0 && (code < 300 || code > 399)) report(['redirectCode'], `${code} is no redirect code, it must be 3xx`)
  else if (code !== 0 && ![301, 302, 303, 307, 308].includes(code))
    report(['redirectCode'], `Envoy cannot redirect with ${code}; 301 is used`, { code: 'FIELD_QUESTIONABLE' })
  if (redirect.scheme && redirect.scheme !== 'http' && redirect.scheme !== 'https')
    report(['scheme'], 'the scheme of a redirect is http or https')
  const port = redirect.port ? portProblem(redirect.port) : undefined
  if (port) report(['port'], port)
}

export function directResponseRule(response: HttpDirectResponse, report: Report): void {
  const status = statusProblem(response.status)
  if (status) report(['status'], status)
  const { string, bytes } = response.body ?? {}
  const field = string === undefined ? 'bytes' : 'string'
  const size = string === undefined ? ((bytes?.length ?? 0) * 3) / 4 : Buffer.byteLength(string)
  if (size > 1_048_576) report(['body', field], 'the body of a direct response must be smaller than 1 MiB')
  else if (size > 102_400)
    report(['body', field], 'a body above 100 KiB burdens every proxy', { code: 'FIELD_QUESTIONABLE' })
  if (bytes !== undefined && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(bytes)) report(['body', 'bytes'], 'bytes must be base64')
}

function statusProblem(status: number): string | undefined {
  return status < 200 || status > 600 ? `HTTP status ${status} is not in range 200-599` : undefined
}

export function retryRule(retry: HttpRetry, report: Report): void {
  const attempts = retry.attempts ?? 0
  if (attempts < 0) report(['attempts'], 'attempts must not be negative')
  if (
    attempts === 0 &&
    (retry.perTryTimeout !== undefined || retry.retryOn || retry.retryRemoteLocalities !== undefined)
  )
    report(['attempts'], 'a retry policy is configured, but attempts is 0 (off)')
  else if (attempts === 0 && (retry.backoff !== undefined || retry.retryIgnorePreviousHosts !== undefined))
    report(
      [retry.backoff !== undefined ? 'backoff' : 'retryIgnorePreviousHosts'],
      'without attempts nothing is retried',
      {
        code: 'FIELD_NO_EFFECT',
        hint: 'add attempts, the number of retries',
      },
    )
  for (const policy of retry.retryOn ? retry.retryOn.split(',') : []) {
    const status = /^\d+$/.test(policy) ? Number(policy) : undefined
    if (status === undefined ? !RETRY_ON.has(policy) : !NAMED_STATUS.has(status))
      report(['retryOn'], `${shown(policy)} is no retry condition`, {
        hint: RETRY_ON.has(policy.trim())
          ? 'remove the spaces between conditions'
          : `known are ${[...RETRY_ON].join(', ')} and status codes`,
      })
  }
}

export function rewriteRule(rewrite: HttpRewrite, report: Report): void {
  if (rewrite.uri && rewrite.uriRegexRewrite)
    report(['uriRegexRewrite'], 'only one of uri and uriRegexRewrite may be set', CONFLICT)
  if (!rewrite.uri && !rewrite.uriRegexRewrite && !rewrite.authority)
    report([], 'a rewrite must set uri, uriRegexRewrite or authority')
  const regex = rewrite.uriRegexRewrite
  if (!regex) return
  for (const field of ['match', 'rewrite'] as const)
    if (!regex[field]) report(['uriRegexRewrite', field], `${field} is required`, { code: 'FIELD_REQUIRED' })
  const problem = regex.match ? regexProblem(regex.match) : undefined
  if (problem) report(['uriRegexRewrite', 'match'], problem)
}

function percentageProblem(value: number): string | undefined {
  return value < 0 || value > 100 || (value > 0 && value < 0.0001)
    ? `percentage ${value} is neither 0 nor in range [0.0001, 100]`
    : undefined
}

/** The reference: "If left unspecified, no request will be delayed", "If not specified, no request will be aborted". */
function never(what: string) {
  return [`without percentage no request is ${what}`, { code: 'FIELD_NO_EFFECT' }] as const
}

export function faultRule({ abort, delay }: HttpFaultInjection, report: Report): void {
  if (!abort && !delay) report([], 'a fault must have an abort or a delay')
  for (const [field, part] of Object.entries({ abort, delay })) {
    const problem = part?.percentage?.value === undefined ? undefined : percentageProblem(part.percentage.value)
    if (problem) report([field, 'percentage', 'value'], problem)
  }
  if (delay?.exponentialDelay !== undefined)
    report(['delay', 'exponentialDelay'], 'exponentialDelay is not supported, use fixedDelay')
  if (delay && delay.fixedDelay === undefined && delay.exponentialDelay === undefined)
    report(['delay'], 'a delay without fixedDelay has no effect', { code: 'FIELD_NO_EFFECT' })
  const old = delay?.percent
  if (old !== undefined && (old < 0 || old > 100))
    report(['delay', 'percent'], `percentage ${old} is not in range 0..100`)
  if (delay && delay.percentage === undefined && old === undefined) report(['delay'], ...never('delayed'))
  if (!abort) return
  if (abort.percentage === undefined) report(['abort'], ...never('aborted'))
  if (abort.http2Error !== undefined) report(['abort', 'http2Error'], 'an HTTP/2 abort is not supported')
  else if (abort.grpcStatus !== undefined) {
    if (!GRPC_STATUS.has(abort.grpcStatus))
      report(['abort', 'grpcStatus'], `${shown(abort.grpcStatus)} is no gRPC status, use a name such as NOT_FOUND`)
  } else if (abort.httpStatus !== undefined) {
    const problem = statusProblem(abort.httpStatus)
    if (problem) report(['abort', 'httpStatus'], problem)
  } else report(['abort'], 'an abort without a status has no effect', { code: 'FIELD_NO_EFFECT' })
}

export function corsRule(cors: CorsPolicy, report: Report): void {
  for (const [index, origin] of (cors.allowOrigins ?? []).entries()) {
    if (!origin.exact && !origin.prefix && !origin.regex)
      report(['allowOrigins', index], 'an origin needs exact, prefix or regex')
    else regexMatchRule(origin, ['allowOrigins', index], report)
  }
  for (const [index, method] of (cors.allowMethods ?? []).entries())
    if (!CORS_METHODS.has(method)) report(['allowMethods', index], `${shown(method)} is no HTTP method`)
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    for (const [index, name] of (cors[field] ?? []).entries()) {
      const problem = corsHeaderProblem(name)
      if (problem) report([field, index], problem)
    }
  }
  const age = cors.maxAge === undefined ? undefined : parseDuration(cors.maxAge)
  if (age !== undefined && age % 1000 !== 0) report(['maxAge'], 'maxAge counts whole seconds only')
}

/** What may stand together in one route; a route that delegates leaves its actions to the delegate. */
export function routeRule(route: HttpRoute, report: Report): void {
  if (route.delegate) {
    for (const field of ['redirect', 'route'] as const)
      if (route[field] && !(Array.isArray(route[field]) && route[field].length === 0))
        report([field], `a route with a delegate must not have ${field}`, CONFLICT)
  } else {
    actionConflicts(route, report)
  }
  if (route.mirror && (route.mirrors ?? []).length > 0)
    report(['mirrors'], 'only one of mirror and mirrors may be set', CONFLICT)
  weightsRule(route.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
  if ((route.mirrorPercent ?? 0) > 100) report(['mirrorPercent'], 'mirrorPercent is 100 at most')
  const percentages = [
    [['mirrorPercentage', 'value'], route.mirrorPercentage?.value],
    ...(route.mirrors ?? []).map(
      ({ percentage }, index) => [['mirrors', index, 'percentage', 'value'], percentage?.value] as const,
    ),
  ] as const
  for (const [path, value] of percentages)
    if (value !== undefined && (value < 0 || value > 100)) report(path, `percentage ${value} is not in range 0..100`)
  if (route.redirect?.prefixRewrite) {
    for (const [index, { uri }] of (route.match ?? []).entries())
      if (uri && uri.prefix === undefined)
        report(
          ['redirect', 'prefixRewrite'],
          `prefixRewrite needs a prefix in every uri match, match[${index}] has none`,
        )
  }
  authorityOnce(route, report)
}

function actionConflicts(route: HttpRoute, report: Report): void {
  const action = route.redirect ? 'redirect' : route.directResponse ? 'directResponse' : undefined
  if (!action) {
    if ((route.route ?? []).length === 0)
      report(['route'], 'a route needs one of route, redirect, directResponse or delegate', { code: 'FIELD_REQUIRED' })
    return
  }
  const others = [
    ...((route.route ?? []).length > 0 ? ['route'] : []),
    ...(route.fault ? ['fault'] : []),
    ...(route.rewrite ? ['rewrite'] : []),
  ]
  if (route.redirect && route.directResponse) others.push('directResponse')
  for (const other of others) report([other], `a route cannot have both ${action} and ${other}`, CONFLICT)
}

function authorityOnce({ rewrite, headers }: HttpRoute, report: Report): void {
  let earlier = rewrite?.authority ? 'rewrite.authority' : undefined
  for (const field of ['set', 'add'] as const) {
    for (const name of Object.keys(headers?.request?.[field] ?? {})) {
      if (!isAuthorityHeader(name)) continue
      const path = ['headers', 'request', field, name]
      if (earlier) report(path, `the authority is already set by ${earlier}`, CONFLICT)
      else earlier = path.join('.')
    }
  }
}
