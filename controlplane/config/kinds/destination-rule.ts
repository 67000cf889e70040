import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { checked, message, optional, type Report, required } from '../schema.ts'
import { isDnsLabel, shown, wildcardDomainProblem } from '../syntax/host.ts'
import { labelProblems } from '../syntax/label.ts'
import { stringMap, text } from '../syntax/values.ts'
import { exportTo } from './common.ts'
import { trafficPolicy } from './policy/traffic-policy.ts'
import { matchLabelsSelector } from './selectors.ts'

const subsetFields = message({
  name: required(text, 'Name that routes refer to.'),
  labels: optional(stringMap, 'Labels an endpoint must have; none selects all endpoints.'),
  trafficPolicy: optional(trafficPolicy, 'Overrides, part by part, the policy of the rule.'),
})

function subsetRule(subset: Subset, report: Report): void {
  if (!isDnsLabel(subset.name)) report(['name'], `${shown(subset.name)} is no subset name: it must be a DNS label`)
  for (const { key, message } of labelProblems(subset.labels ?? {})) report(['labels', key], message)
}

/** A named part of a service's endpoints. */
const subset = checked(subsetFields, subsetRule)
export type Subset = z.infer<typeof subsetFields>

const destinationRuleSpecFields = message({
  host: required(text, 'Service the rule is for; a wildcard is allowed.'),
  trafficPolicy: optional(trafficPolicy, 'Policy for all subsets.'),
  subsets: optional(z.array(subset), 'Named parts of the service, for routes.'),
  exportTo,
  workloadSelector: optional(matchLabelsSelector, 'Callers (in this namespace) the rule is for; all when absent.'),
})

function destinationRuleRule(spec: DestinationRuleSpec, report: Report): void {
  const problem = wildcardDomainProblem(spec.host)
  if (problem) report(['host'], problem)
  const names = new Map<string, number>()
  for (const [index, { name }] of (spec.subsets ?? []).entries()) {
    const earlier = names.get(name)
    if (earlier !== undefined)
      report(['subsets', index, 'name'], `duplicate subset name ${shown(name)}, see subsets[${earlier}]`)
    else names.set(name, index)
  }
}

const destinationRuleSpec = checked(destinationRuleSpecFields, destinationRuleRule)
export type DestinationRuleSpec = z.infer<typeof destinationRuleSpecFields>

export const destinationRule: KindDefinition<DestinationRuleSpec> = {
  kind: 'DestinationRule',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'How traffic to a service is treated after routing: load balancing, circuit breaking, outlier detection, TLS, subsets.',
  compiled: true,
  schema: destinationRuleSpec,
  check: ({ exportTo, workloadSelector }, { namespace }, report) =>
    reportExportTo(exportTo, namespace, report, { ownNamespaceOnly: workloadSelector !== undefined }),
}
