import * as z from 'zod'
import { message, optional, required } from '../schema.ts'
import { stringMap, text } from '../syntax/values.ts'
import { exportTo, matchLabelsSelector } from './common.ts'
import { trafficPolicy } from './traffic-policy.ts'

/** A named part of a service's endpoints. */
export const subset = message({
  name: required(text, 'Name that routes refer to.'),
  labels: optional(stringMap, 'Labels an endpoint must have; none selects all endpoints.'),
  trafficPolicy: optional(trafficPolicy, 'Overrides, part by part, the policy of the rule.'),
})
export type Subset = z.infer<typeof subset>

export const destinationRuleSpec = message({
  host: required(text, 'Service the rule is for; a wildcard is allowed.'),
  trafficPolicy: optional(trafficPolicy, 'Policy for all subsets.'),
  subsets: optional(z.array(subset), 'Named parts of the service, for routes.'),
  exportTo,
  workloadSelector: optional(matchLabelsSelector, 'Callers (in this namespace) the rule is for; all when absent.'),
})
export type DestinationRuleSpec = z.infer<typeof destinationRuleSpec>
