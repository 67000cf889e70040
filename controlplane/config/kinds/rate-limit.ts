import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, required } from '../schema.ts'
import { bool, duration, strings, text, uint32 } from '../syntax/values.ts'
import { fieldMatch, fieldMatchRule } from './field-match.ts'
import { workloadSelector } from './selectors.ts'

/** Headers a limit without a service may be counted apart by: each combination that is there or not is a descriptor. */
const MOST_LOCAL = 3

/** Domain of generated configuration. */
const DOMAIN = 'meshgate'

const tokenBucket = message({
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

/** A limit of a RateLimit document. */
const documentLimit = message({
  match: optional(
    fieldMatch,
    'Requests this limit is for: conditions on headers (`:path` and `:method` too); all requests when absent.',
  ),
  per: optional(
    strings,
    'Headers whose every combination of values has a limit of its own; `sourceIp` is the address of the client.',
  ),
  tokenBucket: required(tokenBucket, 'The limit. Tokens come evenly, not in whole fills.'),
  descriptor: optional(
    z
      .array(
        message({
          key: required(text.min(1), 'Key of the entry.'),
          value: optional(text, 'Its value.', { default: 'any; each value has a limit of its own' }),
        }),
      )
      .min(1),
    'Entries of a descriptor that hand-written proxy configuration sends, in this order. Needs `domain`.',
  ),
  shadow: optional(bool, 'Count, and tell in metrics what would have been refused; refuse nothing.', {
    default: 'false',
  }),
  onFailure: optional(z.enum(['allow', 'deny']), 'What happens while nothing can be counted.', { default: 'allow' }),
})

const rateLimitFields = message({
  selector: optional(workloadSelector, 'Proxies of the namespace that enforce this; all when absent.'),
  hosts: optional(strings, 'Hosts whose requests count; all when absent.'),
  limits: required(z.array(documentLimit).min(1), 'Limits; the first that matches counts, alone.'),
  shared: optional(bool, 'Count for all proxies together instead of each by itself.', { default: 'false' }),
  domain: optional(
    text.min(1),
    'The limits are for descriptors of this domain in hand-written configuration; nothing is generated.',
  ),
})
const rateLimitSpec = checked(rateLimitFields, ({ limits, shared, domain, hosts, selector }, report) => {
  if (domain === DOMAIN) report(['domain'], `the domain ${DOMAIN} is that of generated configuration; take another`)
  for (const [index, { match, descriptor, per }] of limits.entries()) {
    const path = ['limits', index]
    fieldMatchRule(match, [...path, 'match'], report)
    if (domain === undefined) {
      if (descriptor) report([...path, 'descriptor'], 'descriptor needs a domain', { code: 'FIELD_NO_EFFECT' })
      continue
    }
    if (!descriptor)
      report([...path, 'descriptor'], 'a limit of a domain needs a descriptor', { code: 'FIELD_REQUIRED' })
    for (const field of ['match', 'per'] as const)
      if ({ match, per }[field])
        report([...path, field], `${field} has no effect with a domain: the descriptor says what counts`, {
          code: 'FIELD_NO_EFFECT',
        })
  }
  if (domain !== undefined) {
    for (const field of ['hosts', 'selector'] as const)
      if ({ hosts, selector }[field])
        report([field], `${field} has no effect with a domain: nothing is generated`, { code: 'FIELD_NO_EFFECT' })
  } else if (shared !== true)
    for (const [index, { per, onFailure }] of limits.entries()) {
      if (onFailure !== undefined)
        report(['limits', index, 'onFailure'], 'onFailure has no effect without shared: a proxy can always count', {
          code: 'FIELD_NO_EFFECT',
        })
      if (per && per.length > MOST_LOCAL)
        report(
          ['limits', index, 'per'],
          `a limit that each proxy counts by itself has ${MOST_LOCAL} of them at most; ${per.length} are given`,
        )
    }
})
export type RateLimitSpec = z.infer<typeof rateLimitFields>
export type DocumentLimit = z.infer<typeof documentLimit>

export const rateLimit: KindDefinition<RateLimitSpec> = {
  kind: 'RateLimit',
  group: 'meshgate.io',
  versions: ['v1'],
  doc: 'Limits on requests, which each proxy counts by itself, or a service for all proxies together.',
  compiled: true,
  specRequired: true,
  schema: rateLimitSpec,
}
