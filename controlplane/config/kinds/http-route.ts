import * as z from 'zod'
import {
  corsRule,
  directResponseRule,
  faultRule,
  headersRule,
  matchRule,
  redirectRule,
  retryRule,
  rewriteRule,
  routeRule,
} from '../rules/http-route.ts'
import { checked, message, optional, required } from '../schema.ts'
import { bool, duration, int32, stringMap, strings, text, uint32 } from '../syntax/values.ts'
import { destination, percent, stringMatch } from './common.ts'

const headerOperations = message({
  set: optional(stringMap, 'Headers to overwrite.'),
  add: optional(stringMap, 'Headers to append.'),
  remove: optional(strings, 'Headers to remove.'),
})
export type HeaderOperations = z.infer<typeof headerOperations>

const headersFields = message({
  request: optional(headerOperations, 'Changes before the request goes on.'),
  response: optional(headerOperations, 'Changes before the response goes back.'),
})
const headers = checked(headersFields, headersRule)
export type Headers = z.infer<typeof headersFields>

const gatewaysOfMatch = optional(
  strings,
  'Gateways the rule applies to, in place of those of the VirtualService; `mesh` is all sidecars.',
)

const httpMatchRequestFields = message({
  name: optional(text, 'Name of the match, for access logs.'),
  uri: optional(stringMatch, 'Path of the request.'),
  scheme: optional(stringMatch, 'Scheme of the request.'),
  method: optional(stringMatch, 'Method of the request.'),
  authority: optional(stringMatch, 'Host (authority) of the request.'),
  headers: optional(
    z.record(z.string(), stringMatch),
    'Headers, names in lower case; an empty condition asks for presence.',
  ),
  port: optional(uint32, 'Port the request came to.'),
  sourceLabels: optional(stringMap, 'Labels of the calling workload; at a gateway its own.'),
  gateways: gatewaysOfMatch,
  queryParams: optional(z.record(z.string(), stringMatch), 'Query parameters.'),
  ignoreUriCase: optional(bool, 'Compare uri exact and prefix without case.', { default: 'false' }),
  withoutHeaders: optional(z.record(z.string(), stringMatch), 'Headers that must not match.'),
  sourceNamespace: optional(text, 'Namespace of the calling workload.'),
  statPrefix: optional(text, 'Prefix of the statistics of this route.'),
})
/** All conditions of one entry must hold; one entry of a list must hold. */
const httpMatchRequest = checked(httpMatchRequestFields, matchRule)
export type HttpMatchRequest = z.infer<typeof httpMatchRequestFields>

const httpRouteDestination = message({
  destination: required(destination, 'Where the request goes.'),
  weight: optional(int32, 'Share of requests; shares are relative to their sum.', {
    default: '0, or all when it is the only one',
  }),
  headers: optional(headers, 'Header changes for this destination.'),
})
export type HttpRouteDestination = z.infer<typeof httpRouteDestination>

const httpRedirectFields = message(
  {
    uri: optional(text, 'Path to put into the redirect.'),
    prefixRewrite: optional(text, 'What replaces the matched prefix of the path.'),
    authority: optional(text, 'Host to put into the redirect.'),
    port: optional(uint32, 'Port to put into the redirect.'),
    derivePort: optional(
      z.enum(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']),
      'Where the port of the redirect comes from.',
      {
        default: 'FROM_PROTOCOL_DEFAULT',
      },
    ),
    scheme: optional(text, 'Scheme to put into the redirect.'),
    redirectCode: optional(uint32, 'Status code.', { default: '301' }),
  },
  [['port', 'derivePort']],
)
const httpRedirect = checked(httpRedirectFields, redirectRule)
export type HttpRedirect = z.infer<typeof httpRedirectFields>

const httpDirectResponseFields = message({
  status: required(uint32, 'Status code.'),
  body: optional(
    message(
      {
        string: optional(text, 'Body as text.'),
        bytes: optional(text, 'Body as base64.'),
      },
      [['string', 'bytes']],
    ),
    'Body of the response.',
  ),
})
const httpDirectResponse = checked(httpDirectResponseFields, directResponseRule)
export type HttpDirectResponse = z.infer<typeof httpDirectResponseFields>

const delegate = message({
  name: optional(text, 'Name of the VirtualService that goes on.'),
  namespace: optional(text, 'Its namespace.', { default: 'the namespace of this document' }),
})

const httpRewriteFields = message({
  uri: optional(text, 'What replaces the matched prefix, or the whole path after an exact or regex match.'),
  authority: optional(text, 'What replaces the host.'),
  uriRegexRewrite: optional(
    message({
      match: optional(text, 'RE2 expression on the path.'),
      rewrite: optional(text, 'Replacement; \\1 to \\9 stand for groups.'),
    }),
    'Rewrite of the path by a regular expression.',
  ),
})
const httpRewrite = checked(httpRewriteFields, rewriteRule)
export type HttpRewrite = z.infer<typeof httpRewriteFields>

const httpRetryFields = message({
  attempts: optional(int32, 'Most retries of a request.', { default: '0: retries are off' }),
  perTryTimeout: optional(duration, 'Longest time of one try.', { default: 'the timeout of the route' }),
  retryOn: optional(text, 'Conditions, separated by commas: names Envoy knows, or status codes.', {
    default: 'connect-failure,refused-stream,unavailable,cancelled',
  }),
  retryRemoteLocalities: optional(bool, 'Whether a retry may go to another locality.', {
    nullable: true,
    default: 'false',
  }),
  retryIgnorePreviousHosts: optional(bool, 'Whether a retry avoids endpoints already tried.', {
    nullable: true,
    default: 'true',
  }),
  backoff: optional(duration, 'Shortest wait before a retry.', { default: '25ms' }),
})
export const httpRetry = checked(httpRetryFields, retryRule)
export type HttpRetry = z.infer<typeof httpRetryFields>

const httpFaultInjectionFields = message({
  delay: optional(
    message(
      {
        percent: optional(int32, 'Part of requests, in percent.', { deprecated: 'use percentage' }),
        fixedDelay: optional(duration, 'How long the request is held back.'),
        exponentialDelay: optional(duration, 'Mean of an exponentially distributed delay.', {
          unsupported: "Envoy's fault filter holds back for a fixed time, or one the request names; use fixedDelay",
        }),
        percentage: optional(percent, 'Part of requests.', { default: '0: nothing is injected' }),
      },
      [['fixedDelay', 'exponentialDelay']],
    ),
    'Hold requests back.',
  ),
  abort: optional(
    message(
      {
        httpStatus: optional(int32, 'Status to answer with.'),
        grpcStatus: optional(text, 'gRPC status to answer with, by name.'),
        http2Error: optional(text, 'HTTP/2 error to answer with.', {
          unsupported:
            "Envoy's fault filter answers with a status and cannot reset a stream; use httpStatus or grpcStatus",
        }),
        percentage: optional(percent, 'Part of requests.', { default: '0: nothing is injected' }),
      },
      [['httpStatus', 'grpcStatus', 'http2Error']],
    ),
    'Answer requests with an error.',
  ),
})
const httpFaultInjection = checked(httpFaultInjectionFields, faultRule)
export type HttpFaultInjection = z.infer<typeof httpFaultInjectionFields>

const corsPolicyFields = message({
  allowOrigin: optional(strings, 'Origins allowed, exactly; `*` allows all.', { deprecated: 'use allowOrigins' }),
  allowOrigins: optional(z.array(stringMatch), 'Origins allowed.'),
  allowMethods: optional(strings, 'Methods allowed.'),
  allowHeaders: optional(strings, 'Request headers allowed.'),
  exposeHeaders: optional(strings, 'Response headers scripts may read.'),
  maxAge: optional(duration, 'How long a preflight answer may be kept.'),
  allowCredentials: optional(bool, 'Whether credentials may be sent.', { nullable: true }),
  unmatchedPreflights: optional(
    z.enum(['UNSPECIFIED', 'FORWARD', 'IGNORE']),
    'What happens to a preflight of an unknown origin.',
    {
      default: 'FORWARD',
    },
  ),
})
const corsPolicy = checked(corsPolicyFields, corsRule)
export type CorsPolicy = z.infer<typeof corsPolicyFields>

const httpMirrorPolicy = message({
  destination: required(destination, 'Where the copy goes.'),
  percentage: optional(percent, 'Part of requests that are copied.', { default: '100' }),
})

const httpRouteFields = message({
  name: optional(text, 'Name of the rule, for access logs.'),
  match: optional(z.array(httpMatchRequest), 'Conditions, one of which must hold; none matches everything.'),
  route: optional(z.array(httpRouteDestination), 'Destinations with their shares.'),
  redirect: optional(httpRedirect, 'Answer with a redirect.'),
  directResponse: optional(httpDirectResponse, 'Answer at once with a fixed response.'),
  delegate: optional(delegate, 'Go on with the rules of another VirtualService.'),
  rewrite: optional(httpRewrite, 'Change path or host before the request goes on.'),
  timeout: optional(duration, 'Longest time for the whole request.', { default: 'no limit' }),
  retries: optional(httpRetry, 'When and how often a failed request is tried again.', {
    default: '2 attempts, or what the Mesh document says',
  }),
  fault: optional(httpFaultInjection, 'Faults to inject at the caller.'),
  mirror: optional(destination, 'Where a copy of the requests goes, with the same authority.'),
  mirrors: optional(z.array(httpMirrorPolicy), 'Where copies of the requests go.'),
  mirrorPercent: optional(uint32, 'Part of requests that are copied.', {
    deprecated: 'use mirrorPercentage',
    nullable: true,
  }),
  mirrorPercentage: optional(percent, 'Part of requests that are copied.', { default: '100' }),
  corsPolicy: optional(corsPolicy, 'Cross-origin resource sharing.'),
  headers: optional(headers, 'Header changes.'),
  websocketUpgrade: optional(bool, 'Had to allow WebSocket long ago.', {
    deprecated: 'it has no effect, WebSocket always works; remove it',
  }),
})
/** One rule for HTTP traffic; the first whose match holds is taken. */
export const httpRoute = checked(httpRouteFields, routeRule)
export type HttpRoute = z.infer<typeof httpRouteFields>
