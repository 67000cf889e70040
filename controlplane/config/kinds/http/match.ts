import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { portProblem } from '../../syntax/address.ts'
import { matchHeaderProblem } from '../../syntax/header.ts'
import { isDnsLabel, shown } from '../../syntax/host.ts'
import { labelProblems } from '../../syntax/label.ts'
import { bool, stringMap, strings, text, uint32 } from '../../syntax/values.ts'
import { gatewayNamesRule } from '../gateway-names.ts'
import { regexMatchRule, stringMatch, stringMatchRule } from '../string-match.ts'

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

/** Parts that matches of HTTP, TLS and TCP have in common. */
export function l4Rule(match: Pick<HttpMatchRequest, 'port' | 'sourceLabels' | 'gateways'>, report: Report): void {
  const port = match.port ? portProblem(match.port) : undefined
  if (port) report(['port'], port)
  for (const { key, message } of labelProblems(match.sourceLabels ?? {})) report(['sourceLabels', key], message)
  gatewayNamesRule(match.gateways ?? [], (path, ...rest) => report(['gateways', ...path], ...rest))
}

function matchRule(match: HttpMatchRequest, report: Report): void {
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

/** All conditions of one entry must hold; one entry of a list must hold. */
export const httpMatchRequest = checked(httpMatchRequestFields, matchRule)
export type HttpMatchRequest = z.infer<typeof httpMatchRequestFields>
