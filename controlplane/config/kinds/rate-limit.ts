import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, required } from '../schema.ts'
import { bool, duration, strings, uint32 } from '../syntax/values.ts'
import { workloadSelector } from './common.ts'
import { fieldMatch, fieldMatchRule } from './field-match.ts'

export const tokenBucket = message({
  maxTokens: required(uint32.min(1), 'Most requests at once.'),
  tokensPerFill: optional(uint32.min(1), 'Requests added at each interval.', { default: '1' }),
  fillInterval: required(duration, 'Time between two fills.'),
})

/** A limit on requests or messages that each proxy counts by itself. */
export const limit = message({
  match: optional(fieldMatch, 'Requests or messages this limit is for; all when absent.'),
  per: optional(strings, 'Fields or headers whose every value has a limit of its own.'),
  tokenBucket: required(tokenBucket, 'The limit.'),
})
export type Limit = z.infer<typeof limit>

const rateLimitFields = message({
  selector: optional(workloadSelector, 'Workloads of the namespace this is for; all when absent.'),
  hosts: optional(strings, 'Hosts whose requests count; all when absent.'),
  limits: required(z.array(limit).min(1), 'Limits; the first that matches counts.'),
  shared: optional(bool, 'Count for all proxies together instead of each by itself.', { default: 'false' }),
})
export const rateLimitSpec = checked(rateLimitFields, ({ limits }, report) => {
  for (const [index, { match }] of limits.entries()) fieldMatchRule(match, ['limits', index, 'match'], report)
})
export type RateLimitSpec = z.infer<typeof rateLimitFields>

export const rateLimit: KindDefinition<RateLimitSpec> = {
  kind: 'RateLimit',
  group: 'meshgate.io',
  versions: ['v1'],
  doc: 'Limits on requests and messages.',
  compiled: false,
  specRequired: true,
  schema: rateLimitSpec,
}
