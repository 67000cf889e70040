import * as z from 'zod'
import { checked, message, optional, type Report, required } from '../../schema.ts'
import { isAuthorityHeader } from '../../syntax/header.ts'
import { bool, duration, int32, text, uint32 } from '../../syntax/values.ts'
import { percent } from '../common.ts'
import { destination, weightsRule } from '../destination.ts'
import { corsPolicy } from './cors.ts'
import { httpDirectResponse } from './direct-response.ts'
import { httpFaultInjection } from './fault.ts'
import { headers } from './headers.ts'
import { httpMatchRequest } from './match.ts'
import { httpRedirect } from './redirect.ts'
import { httpRetry } from './retry.ts'
import { httpRewrite } from './rewrite.ts'

const httpRouteDestination = message({
  destination: required(destination, 'Where the request goes.'),
  weight: optional(int32, 'Share of requests; shares are relative to their sum.', {
    default: '0, or all when it is the only one',
  }),
  headers: optional(headers, 'Header changes for this destination.'),
})
export type HttpRouteDestination = z.infer<typeof httpRouteDestination>

const delegate = message({
  name: optional(text, 'Name of the VirtualService that goes on.'),
  namespace: optional(text, 'Its namespace.', { default: 'the namespace of this document' }),
})

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
  for (const other of others)
    report([other], `a route cannot have both ${action} and ${other}`, { code: 'FIELD_CONFLICT' })
}

function authorityOnce({ rewrite, headers }: HttpRoute, report: Report): void {
  let earlier = rewrite?.authority ? 'rewrite.authority' : undefined
  for (const field of ['set', 'add'] as const) {
    for (const name of Object.keys(headers?.request?.[field] ?? {})) {
      if (!isAuthorityHeader(name)) continue
      const path = ['headers', 'request', field, name]
      if (earlier) report(path, `the authority is already set by ${earlier}`, { code: 'FIELD_CONFLICT' })
      else earlier = path.join('.')
    }
  }
}

/** What may stand together in one route; a route that delegates leaves its actions to the delegate. */
function routeRule(route: HttpRoute, report: Report): void {
  if (route.delegate) {
    for (const field of ['redirect', 'route'] as const)
      if (route[field] && !(Array.isArray(route[field]) && route[field].length === 0))
        report([field], `a route with a delegate must not have ${field}`, { code: 'FIELD_CONFLICT' })
  } else {
    actionConflicts(route, report)
  }
  if (route.mirror && (route.mirrors ?? []).length > 0)
    report(['mirrors'], 'only one of mirror and mirrors may be set', { code: 'FIELD_CONFLICT' })
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

/** One rule for HTTP traffic; the first whose match holds is taken. */
export const httpRoute = checked(httpRouteFields, routeRule)
export type HttpRoute = z.infer<typeof httpRouteFields>
