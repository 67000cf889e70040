import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { destinationRuleRule, subsetRule } from '../rules/destination-rule.ts'
import { checked, message, optional, required } from '../schema.ts'
import { stringMap, text } from '../syntax/values.ts'
import { exportTo, matchLabelsSelector } from './common.ts'
import { trafficPolicy } from './traffic-policy.ts'

const subsetFields = message({
  name: required(text, 'Name that routes refer to.'),
  labels: optional(stringMap, 'Labels an endpoint must have; none selects all endpoints.'),
  trafficPolicy: optional(trafficPolicy, 'Overrides, part by part, the policy of the rule.'),
})
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
