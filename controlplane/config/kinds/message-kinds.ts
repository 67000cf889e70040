import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { weightsRule } from '../rules/destination.ts'
import { stringMatchRule } from '../rules/string-match.ts'
import { checked, message, optional, required } from '../schema.ts'
import { wildcardDomainProblem } from '../syntax/host.ts'
import { bool, duration, strings, text, uint32 } from '../syntax/values.ts'
import { destination, exportTo, percent, stringMatch, workloadSelector } from './common.ts'

const GROUP = 'meshgate.io'

/** A part of a wire layout; the codec compiler checks it in full, so any layout word is accepted here. */
const layout = z.record(z.string(), z.unknown())

export const protocolSpec = message({
  frame: required(layout, 'How frames are cut: the length field, a check value and the largest frame.'),
  message: optional(layout, 'Where kind and id of a message are.'),
  fields: optional(z.record(z.string(), layout), 'Named fields that routes can read.'),
  reply: optional(z.record(z.string(), layout), 'How replies of the proxy itself are made: error, heartbeat, goaway.'),
  connections: optional(
    z.array(z.enum(['shared', 'bound', 'exclusive'])).min(1),
    'Ways upstream connections may be used.',
    {
      default: '["exclusive"]',
    },
  ),
})
export type ProtocolSpec = z.infer<typeof protocolSpec>

export const protocol: KindDefinition<ProtocolSpec> = {
  kind: 'Protocol',
  group: GROUP,
  versions: ['v1'],
  doc: 'A private binary protocol as data: frames, fields and replies.',
  compiled: false,
  specRequired: true,
  schema: protocolSpec,
}

/** A condition on fields of a message; a plain value means equality. */
export const fieldMatch = z.record(z.string(), z.union([text, z.number(), bool, stringMatch]))
export type FieldMatch = z.infer<typeof fieldMatch>

export const msgRoute = checked(
  message({
    name: optional(text, 'Name of the route, for logs.'),
    match: optional(z.array(fieldMatch), 'Conditions, one of which must hold; none matches everything.'),
    route: required(
      z.array(
        message({
          destination: required(destination, 'Where the message goes.'),
          weight: optional(uint32, 'Share of messages.'),
        }),
      ),
      'Destinations with their shares.',
    ),
    timeout: optional(duration, 'Longest time for the reply.'),
    mirror: optional(destination, 'Where a copy of the messages goes.'),
    mirrorPercentage: optional(percent, 'Part of messages that are copied.', { default: '100' }),
    hashOn: optional(text, 'Field whose value chooses the endpoint.'),
  }),
  (route, report) => {
    if (route.route.length === 0) report(['route'], 'route is required', { code: 'FIELD_REQUIRED' })
    weightsRule(route.route, (path, ...rest) => report(['route', ...path], ...rest))
    for (const [index, match] of (route.match ?? []).entries())
      for (const [field, value] of Object.entries(match))
        if (typeof value === 'object') stringMatchRule(value, ['match', index, field], report)
  },
)
export type MsgRoute = z.infer<typeof msgRoute>

const msgRouterFields = message({
  hosts: required(strings.min(1), 'Hosts the rules are for.'),
  protocol: optional(text, 'Name of the Protocol.', { default: 'that of the port' }),
  gateways: optional(strings, 'Gateways the rules apply to; `mesh` is all sidecars.', { default: '["mesh"]' }),
  routes: required(z.array(msgRoute).min(1), 'Rules; the first that matches is taken.'),
  exportTo,
})
export const msgRouterSpec = checked(msgRouterFields, ({ hosts }, report) => {
  for (const [index, host] of hosts.entries()) {
    const problem = wildcardDomainProblem(host)
    if (problem) report(['hosts', index], problem)
  }
})
export type MsgRouterSpec = z.infer<typeof msgRouterFields>

export const msgRouter: KindDefinition<MsgRouterSpec> = {
  kind: 'MsgRouter',
  group: GROUP,
  versions: ['v1'],
  doc: 'Rules that say where messages of a private protocol go, by their fields.',
  compiled: false,
  specRequired: true,
  schema: msgRouterSpec,
  check: (spec, { namespace }, report) => reportExportTo(spec.exportTo, namespace, report),
}

const tokenBucket = message({
  maxTokens: required(uint32.min(1), 'Most requests at once.'),
  tokensPerFill: optional(uint32.min(1), 'Requests added at each interval.', { default: '1' }),
  fillInterval: required(duration, 'Time between two fills.'),
})

const rateLimitFields = message({
  selector: optional(workloadSelector, 'Workloads of the namespace this is for; all when absent.'),
  hosts: optional(strings, 'Hosts whose requests count; all when absent.'),
  limits: required(
    z
      .array(
        message({
          match: optional(fieldMatch, 'Requests or messages this limit is for; all when absent.'),
          per: optional(strings, 'Fields or headers whose every value has a limit of its own.'),
          tokenBucket: required(tokenBucket, 'The limit.'),
        }),
      )
      .min(1),
    'Limits; the first that matches counts.',
  ),
  shared: optional(bool, 'Count for all proxies together instead of each by itself.', { default: 'false' }),
})
export const rateLimitSpec = checked(rateLimitFields, ({ limits }, report) => {
  for (const [index, { match = {} }] of limits.entries())
    for (const [field, value] of Object.entries(match))
      if (typeof value === 'object') stringMatchRule(value, ['limits', index, 'match', field], report)
})
export type RateLimitSpec = z.infer<typeof rateLimitFields>

export const rateLimit: KindDefinition<RateLimitSpec> = {
  kind: 'RateLimit',
  group: GROUP,
  versions: ['v1'],
  doc: 'Limits on requests and messages.',
  compiled: false,
  specRequired: true,
  schema: rateLimitSpec,
}
