import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, required } from '../schema.ts'
import { bool, double, duration, text } from '../syntax/values.ts'
import { policyTarget, policyTargetRule } from './policy-target.ts'

const nonEmpty = text.min(1)
const mode = optional(z.enum(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER']), 'Side of the traffic.', {
  default: 'CLIENT_AND_SERVER',
})
const providers = optional(
  z.array(message({ name: required(nonEmpty, 'Name of the provider.') })),
  'Where the data goes.',
)
const match = optional(message({ mode }), 'Traffic this is for.')

const customTag = message(
  {
    literal: optional(message({ value: required(nonEmpty, 'The value.') }), 'A fixed value.'),
    environment: optional(
      message({
        name: required(nonEmpty, 'Name of the variable.'),
        defaultValue: optional(text, 'Value when it is not set.'),
      }),
      'Value of an environment variable.',
    ),
    header: optional(
      message({
        name: required(nonEmpty, 'Name of the header.'),
        defaultValue: optional(text, 'Value when it is absent.'),
      }),
      'Value of a request header.',
    ),
    formatter: optional(message({ value: required(nonEmpty, 'Envoy format string.') }), 'A formatted value.'),
  },
  [['literal', 'environment', 'header', 'formatter']],
)

const tracing = message({
  match,
  providers,
  randomSamplingPercentage: optional(double.min(0).max(100), 'Part of requests to trace, in percent.', {
    nullable: true,
  }),
  disableSpanReporting: optional(bool, 'Whether no spans are reported.', { nullable: true, default: 'false' }),
  customTags: optional(z.record(z.string(), customTag), 'Tags to add to spans.'),
  useRequestIdForTraceSampling: optional(bool, 'Whether the request id decides on sampling.', {
    nullable: true,
    default: 'true',
  }),
  enableIstioTags: optional(bool, "Whether Istio's own tags are added.", { nullable: true, default: 'true' }),
  disableContextPropagation: optional(bool, 'Whether trace headers are not sent on.', {
    nullable: true,
    default: 'false',
  }),
})

const METRICS = [
  'ALL_METRICS',
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
] as const

const tagOverride = checked(
  message({
    operation: optional(z.enum(['UPSERT', 'REMOVE']), 'Set or remove the tag.', { default: 'UPSERT' }),
    value: optional(text, 'CEL expression whose result is the value.'),
  }),
  ({ operation = 'UPSERT', value }, report) => {
    if (operation === 'UPSERT' && !value)
      report(['value'], 'value must be set when operation is UPSERT', { code: 'FIELD_REQUIRED' })
    if (operation === 'REMOVE' && value !== undefined)
      report(['value'], 'value must not be set when operation is REMOVE', { code: 'FIELD_CONFLICT' })
  },
)

const metrics = message({
  providers,
  overrides: optional(
    z.array(
      message({
        match: optional(
          message(
            {
              metric: optional(z.enum(METRICS), 'A metric of Istio.'),
              customMetric: optional(nonEmpty, 'Another metric, by name.'),
              mode,
            },
            [['metric', 'customMetric']],
          ),
          'Metrics this is for.',
        ),
        disabled: optional(bool, 'Whether the metric is off.', { nullable: true, default: 'false' }),
        tagOverrides: optional(z.record(z.string(), tagOverride), 'Changes to tags.'),
      }),
    ),
    'Changes to single metrics.',
  ),
  reportingInterval: optional(duration, 'Time between reports.'),
})

const accessLogging = message({
  match,
  providers,
  disabled: optional(bool, 'Whether logging is off.', { nullable: true, default: 'false' }),
  filter: optional(message({ expression: optional(text, 'CEL expression that must be true.') }), 'Requests to log.'),
})

const telemetryFields = message({
  ...policyTarget,
  tracing: optional(z.array(tracing), 'Tracing.'),
  metrics: optional(z.array(metrics), 'Metrics.'),
  accessLogging: optional(z.array(accessLogging), 'Access logs.'),
})
const telemetrySpec = checked(telemetryFields, (spec, report) => {
  policyTargetRule(spec, report)
  if ((spec.tracing ?? []).length > 1)
    report(['tracing', 1], 'only the first entry counts', { code: 'FIELD_NO_EFFECT' })
  for (const [index, entry] of (spec.tracing ?? []).entries()) {
    if ((entry.providers ?? []).length > 1)
      report(['tracing', index, 'providers', 1], 'only the first provider counts', { code: 'FIELD_NO_EFFECT' })
    if (entry.customTags && '' in entry.customTags)
      report(['tracing', index, 'customTags', ''], 'the name of a tag must not be empty')
  }
  for (const [index, { overrides = [] }] of (spec.metrics ?? []).entries())
    for (const [at, { tagOverrides }] of overrides.entries())
      if (tagOverrides && '' in tagOverrides)
        report(['metrics', index, 'overrides', at, 'tagOverrides', ''], 'the name of a tag is empty', {
          code: 'FIELD_QUESTIONABLE',
        })
  for (const [index, { filter }] of (spec.accessLogging ?? []).entries()) {
    const problem = filter ? expressionProblem(filter.expression ?? '') : undefined
    if (problem) report(['accessLogging', index, 'filter', 'expression'], problem)
  }
})
export type TelemetrySpec = z.infer<typeof telemetryFields>

const PAIRS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/**
 * What is surely wrong with a CEL expression: it is empty, a string or bracket is not closed, or it starts or ends with an operator.
 * Full parsing is left to who evaluates it.
 */
function expressionProblem(text: string): string | undefined {
  const bare = text.replace(/r?"(?:[^"\\\n]|\\.)*"|r?'(?:[^'\\\n]|\\.)*'/g, '0')
  if (bare.trim() === '') return 'must be a valid CEL expression, it is empty'
  if (/["']/.test(bare)) return 'must be a valid CEL expression: a string is not closed'
  const open: string[] = []
  for (const character of bare) {
    if ('([{'.includes(character)) open.push(character)
    else if (character in PAIRS && open.pop() !== PAIRS[character])
      return `must be a valid CEL expression: unexpected ${character}`
  }
  if (open.length > 0) return `must be a valid CEL expression: ${open.at(-1)} is not closed`
  if (/^\s*(?:[*/%<>=&|?:,]|in\b)|(?:[-+*/%<>=&|?:,.!]|\bin)\s*$/.test(bare))
    return 'must be a valid CEL expression: an operator lacks an operand'
  if (/[\w)\]]\s+(?!in\b)[A-Za-z_0-9]/.test(bare.replace(/\bin\b\s*/g, '+')))
    return 'must be a valid CEL expression: an operator is missing'
  return /[=!<>]==|&&&|\|\|\||(?<![&])&(?!&)|(?<![|])\|(?!\|)|(?<![=!<>])=(?!=)|[#$@;`~^]/.test(bare)
    ? 'must be a valid CEL expression: it has an operator that CEL does not know'
    : undefined
}

export const telemetry: KindDefinition<TelemetrySpec> = {
  kind: 'Telemetry',
  group: 'telemetry.istio.io',
  versions: ['v1', 'v1alpha1'],
  doc: 'Access logs, metrics and tracing of workloads.',
  compiled: false,
  instead: 'use accessLog, trafficReports and messages of the Mesh document',
  schema: telemetrySpec,
}
