import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { checked, message, optional, type Report, required } from '../schema.ts'
import { messageIdProblem } from '../syntax/message-id.ts'
import { bool, duration, durationOrZero, int32, port, strings, text, uint32 } from '../syntax/values.ts'
import { exportTo, percent } from './common.ts'
import { destination, weightsRule } from './destination.ts'
import { fieldMatch, fieldMatchRule } from './field-match.ts'
import { gatewayNamesRule } from './gateway-names.ts'
import { limit } from './rate-limit.ts'
import { workloadSelector } from './selectors.ts'

const messageId = z.union([z.number(), text])

const reply = message({
  code: optional(int32, "The protocol's own code.", { default: 'the code the protocol has for the reason' }),
  message: optional(text, 'Text for protocols whose error replies carry one.'),
})

const fault = message({
  delay: optional(
    message({
      percentage: required(percent, 'Part of messages.'),
      fixedDelay: required(duration, 'How long a message is held back.'),
    }),
    'Hold messages back.',
  ),
  abort: optional(
    message({
      percentage: required(percent, 'Part of messages.'),
      code: optional(int32, "The protocol's code of the error reply.", { default: 'its code for faults' }),
      message: optional(text, 'Text of the error reply, where the protocol has one.'),
    }),
    'Answer with an error reply.',
  ),
})
export type MsgFault = z.infer<typeof fault>

const retries = message({
  attempts: required(uint32.max(100), 'Most tries after the first.'),
  perTryTimeout: optional(duration, 'Longest time of one try.'),
  idempotent: optional(
    bool,
    'The service says that a request may arrive twice. Else only requests never sent are retried.',
    {
      default: 'false',
    },
  ),
  retryOn: optional(z.array(z.enum(['connect-failure', 'reset', 'timeout', 'error-reply'])), 'What is retried.', {
    default: 'all of them',
  }),
  statuses: optional(z.array(int32), 'With error-reply: codes of the protocol that are retried.', {
    default: 'all codes',
  }),
  backoff: optional(duration, 'Wait before the first retry; it doubles.', { default: '25ms' }),
})
export type MsgRetries = z.infer<typeof retries>

const mutation = message({
  field: required(text.min(1), 'Field of the protocol; an entry of a map is `map.key`.'),
  value: optional(z.union([text, z.number()]), 'New value.'),
  remove: optional(bool, 'Take the entry out instead.', { default: 'false' }),
})
export type MsgMutation = z.infer<typeof mutation>

const ruleShape = {
  name: optional(text, 'Name of the rule, for logs and metrics.', { default: 'that of the document' }),
  msgid: optional(
    z.union([messageId, z.array(messageId).min(1)]),
    'Value of the field `msgid`: a number, a range `1000-1999`, or a list of both.',
  ),
  match: optional(
    z.array(fieldMatch).min(1),
    'Further conditions: fields of one entry must all hold, one of the entries must.',
  ),
  svrName: optional(text.min(1), 'Service the messages go to; short for a route with one destination.'),
  subset: optional(text, 'Subset of svrName.'),
  port: optional(port, 'Port of svrName; may be left out when it has only one for the protocol.'),
  route: optional(
    z
      .array(
        message({
          destination: required(destination, 'Where the message goes.'),
          weight: optional(uint32, 'Share of messages.'),
        }),
      )
      .min(1),
    'Destinations with their shares.',
  ),
  reply: optional(reply, 'Answer with an error reply and forward nothing.'),
  timeout: optional(durationOrZero, 'Longest time for the reply; 0s is none.', { default: '15s' }),
  idleTimeout: optional(
    durationOrZero,
    'Longest silence of the upstream before its reply, and between two frames of one; 0s is none.',
    { default: '0s' },
  ),
  retries: optional(retries, 'Try again.'),
  fault: optional(fault, 'Faults to inject.'),
  mirror: optional(destination, 'Where a copy of the messages goes.'),
  mirrorPercentage: optional(percent, 'Part of messages that are copied.', { default: '100' }),
  hashKey: optional(
    z.union([text, z.array(text).min(1)]),
    'Field whose value chooses the endpoint, or several, the first that the message has counts; `sourceIp` is the client.',
  ),
  requestMutation: optional(z.array(mutation), 'Fields to change in requests.'),
  responseMutation: optional(z.array(mutation), 'Fields to change in replies.'),
  localRateLimit: optional(
    z.array(limit),
    'Limits that each proxy counts by itself; a message needs a token of all that match.',
  ),
  highPriority: optional(
    bool,
    'Circuit breakers of high priority count for the messages (`Mesh.spec.messages.upstream.highPriority`) instead of those of the DestinationRule.',
    { default: 'false' },
  ),
  connection: optional(z.enum(['shared', 'bound', 'exclusive']), 'How upstream connections are used.', {
    default: "the protocol's preferred way",
  }),
} as const

const ruleFields = message(ruleShape, [['svrName', 'route', 'reply']])
export type MsgRule = z.infer<typeof ruleFields>

const msgRouterFields = message(
  {
    ...ruleShape,
    routes: optional(
      z.array(checked(ruleFields, targetedRule)).min(1),
      'Several rules in one document; the first that matches is taken.',
    ),
    protocol: optional(text, 'Name of the protocol.', { default: 'every protocol that has the fields' }),
    gateways: optional(strings, 'Gateways the rules apply to; `mesh` is all proxies beside workloads.', {
      default: 'everywhere',
    }),
    selector: optional(workloadSelector, 'Proxies of the namespace the rules are for; all when absent.'),
    priority: optional(int32, 'Of rules that match the same message the one with the greater priority is taken.', {
      default: '0',
    }),
    exportTo,
  },
  [
    ['svrName', 'route', 'reply', 'routes'],
    ['routes', 'msgid'],
    ['routes', 'match'],
  ],
)

/** The form with one rule, and the one with a list of rules. */
const msgRouterSpec = checked(msgRouterFields, (spec, report) => {
  if (spec.routes === undefined) targetedRule(spec, report)
  else commonRule(spec, report)
  gatewayNamesRule(spec.gateways ?? [], (path, ...rest) => report(['gateways', ...path], ...rest))
})
export type MsgRouterSpec = z.infer<typeof msgRouterFields>

/** A rule that has to say what becomes of its messages. */
function targetedRule(rule: MsgRule, report: Report): void {
  if (rule.svrName === undefined && !rule.route && !rule.reply)
    report(['svrName'], 'svrName, route or reply is required', { code: 'FIELD_REQUIRED' })
  commonRule(rule, report)
}

/** What holds for any rule, and for a document with a list of rules, which leaves it to them what becomes of messages. */
function commonRule(rule: MsgRule, report: Report): void {
  const ids = rule.msgid === undefined ? [] : Array.isArray(rule.msgid) ? rule.msgid : [rule.msgid]
  for (const [index, id] of ids.entries()) {
    const problem = messageIdProblem(id)
    if (problem) report(Array.isArray(rule.msgid) ? ['msgid', index] : ['msgid'], problem)
  }
  for (const [index, match] of (rule.match ?? []).entries()) fieldMatchRule(match, ['match', index], report)
  for (const [index, { match }] of (rule.localRateLimit ?? []).entries())
    fieldMatchRule(match, ['localRateLimit', index, 'match'], report)
  weightsRule(rule.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
  for (const field of ['subset', 'port'] as const)
    if (rule[field] !== undefined && rule.svrName === undefined)
      report([field], `${field} belongs to svrName, which is not set`, { code: 'FIELD_NO_EFFECT' })
  if (rule.mirrorPercentage && !rule.mirror)
    report(['mirrorPercentage'], 'mirrorPercentage without mirror has no effect', { code: 'FIELD_NO_EFFECT' })
  for (const [path, value] of [
    [['mirrorPercentage', 'value'], rule.mirrorPercentage?.value],
    [['fault', 'delay', 'percentage', 'value'], rule.fault?.delay?.percentage.value],
    [['fault', 'abort', 'percentage', 'value'], rule.fault?.abort?.percentage.value],
  ] as const)
    if (value !== undefined && (value < 0 || value > 100)) report(path, `percentage ${value} is not in range 0..100`)
  for (const list of ['requestMutation', 'responseMutation'] as const)
    for (const [index, { value, remove }] of (rule[list] ?? []).entries())
      if ((value === undefined) === (remove !== true))
        report([list, index], 'a mutation has either a value or remove: true', { code: 'FIELD_CONFLICT' })
}

export const msgRouter: KindDefinition<MsgRouterSpec> = {
  kind: 'MsgRouter',
  group: 'meshgate.io',
  versions: ['v1'],
  doc: 'Where messages of a private protocol go, by their id or by any field.',
  compiled: true,
  specRequired: true,
  schema: msgRouterSpec,
  nameOf: messageIdName,
  check: (spec, { namespace }, report) => reportExportTo(spec.exportTo, namespace, report),
}

/** `msgid-100000`; lists and rules without an id need a name of their own. */
function messageIdName(spec: unknown): string | undefined {
  const id = (spec as { readonly msgid?: unknown } | null | undefined)?.msgid
  return (typeof id === 'number' || typeof id === 'string') && messageIdProblem(id) === undefined
    ? `msgid-${String(id).replaceAll(/\s/g, '')}`
    : undefined
}
