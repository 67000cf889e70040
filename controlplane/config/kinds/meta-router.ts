import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { checked, message, optional, type Report } from '../schema.ts'
import { wildcardDomainProblem } from '../syntax/host.ts'
import { bool, duration, strings, text, uint32 } from '../syntax/values.ts'
import { exportTo, percent } from './common.ts'
import { destination, weightsRule } from './destination.ts'
import { stringMatch, stringMatchRule } from './string-match.ts'

const metaRouteMatch = message({
  attributes: optional(
    z.record(z.string(), stringMatch),
    'Attributes of the message, all of which must match; values are strings.',
  ),
})
export type MetaRouteMatch = z.infer<typeof metaRouteMatch>

const tokenBucket = message({
  maxTokens: optional(uint32, 'Most messages at once.'),
  tokensPerFill: optional(uint32, 'Messages added at each interval.', { nullable: true, default: '1' }),
  fillInterval: optional(duration, 'Time between two fills.'),
})

const mutation = message({ key: optional(text, 'Name of the attribute.'), value: optional(text, 'New value.') })

const metaRoute = checked(
  message({
    name: optional(text, 'Name of the route, for logs.'),
    match: optional(metaRouteMatch, 'Condition; none matches everything.'),
    route: optional(
      z.array(
        message({
          destination: optional(destination, 'Where the message goes.'),
          weight: optional(uint32, 'Share of messages.'),
        }),
      ),
      'Destinations with their shares.',
    ),
    mirror: optional(destination, 'Where a copy of the messages goes.'),
    mirrorPercentage: optional(percent, 'Part of messages that are copied.', { default: '100' }),
    requestMutation: optional(z.array(mutation), 'Attributes to set in requests.'),
    responseMutation: optional(z.array(mutation), 'Attributes to set in responses.'),
  }),
  (route, report) => {
    if ((route.route ?? []).length === 0) report(['route'], 'route is required', { code: 'FIELD_REQUIRED' })
    weightsRule(route.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
    const copied = route.mirrorPercentage?.value
    if (copied !== undefined && (copied < 0 || copied > 100))
      report(['mirrorPercentage', 'value'], `percentage ${copied} is not in range 0..100`)
    matchRule(route.match, ['match'], report)
  },
)

function matchRule(match: MetaRouteMatch | undefined, path: readonly (string | number)[], report: Report): void {
  for (const [name, value] of Object.entries(match?.attributes ?? {}))
    stringMatchRule(value, [...path, 'attributes', name], report)
}

const metaRouterFields = message({
  hosts: optional(strings, 'Hosts the rules are for.'),
  gateways: optional(strings, 'Gateways the rules apply to.'),
  routes: optional(z.array(metaRoute), 'Rules; the first that matches is taken.'),
  localRateLimit: optional(
    message({
      tokenBucket: optional(tokenBucket, 'Limit of messages that no condition matches.'),
      conditions: optional(
        z.array(
          message({
            tokenBucket: optional(tokenBucket, 'The limit.'),
            match: optional(metaRouteMatch, 'Messages it is for.'),
          }),
        ),
        'Limits of messages that match.',
      ),
    }),
    'Limits that each proxy counts by itself.',
  ),
  globalRateLimit: optional(
    message({
      domain: optional(text, 'Domain the rate limit service knows.'),
      match: optional(metaRouteMatch, 'Messages to ask for.'),
      descriptors: optional(
        z.array(
          message({
            property: optional(text, 'Attribute whose value is sent.'),
            descriptorKey: optional(text, 'Key it is sent under.'),
          }),
        ),
        'What the service is told.',
      ),
      requestTimeout: optional(duration, 'Longest time for an answer.', { default: '20ms' }),
      denyOnFail: optional(bool, 'Whether messages are refused when the service fails.', { default: 'false' }),
      rateLimitService: optional(
        text,
        'Cluster of the service, such as `outbound|8081||limits.shop.svc.cluster.local`.',
        {
          default: "the mesh's own",
        },
      ),
    }),
    'Limits that a service counts for all proxies.',
  ),
  exportTo,
})
const metaRouterSpec = checked(metaRouterFields, (spec, report) => {
  if ((spec.hosts ?? []).length === 0) report(['hosts'], 'hosts is required', { code: 'FIELD_REQUIRED' })
  for (const [index, host] of (spec.hosts ?? []).entries()) {
    const problem = wildcardDomainProblem(host)
    if (problem) report(['hosts', index], problem)
  }
  for (const [index, { match }] of (spec.localRateLimit?.conditions ?? []).entries())
    matchRule(match, ['localRateLimit', 'conditions', index, 'match'], report)
  const { globalRateLimit } = spec
  if (!globalRateLimit) return
  matchRule(globalRateLimit.match, ['globalRateLimit', 'match'], report)
  if (!globalRateLimit.domain)
    report(['globalRateLimit', 'domain'], 'a global limit needs a domain', { code: 'FIELD_REQUIRED' })
  for (const [index, { property }] of (globalRateLimit.descriptors ?? []).entries())
    if (!property)
      report(['globalRateLimit', 'descriptors', index, 'property'], 'a descriptor needs a property', {
        code: 'FIELD_REQUIRED',
      })
})
export type MetaRouterSpec = z.infer<typeof metaRouterFields>

export const metaRouter: KindDefinition<MetaRouterSpec> = {
  kind: 'MetaRouter',
  group: 'metaprotocol.aeraki.io',
  versions: ['v1alpha1'],
  doc: 'Rules that say where messages of a private protocol go.',
  compiled: true,
  schema: metaRouterSpec,
  check: (spec, { namespace }, report) => reportExportTo(spec.exportTo, namespace, report),
}
