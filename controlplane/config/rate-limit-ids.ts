import type { RateLimitSpec } from './kinds/rate-limit.ts'
import type { ConfigObject } from './object.ts'

/** Domain of generated configuration; hand-written configuration has domains of its own. */
export const RATE_LIMIT_DOMAIN = 'meshgate'

/** Key of the entry that holds the id of the rule: that of Envoy's `generic_key` action. */
export const RULE_KEY = 'generic_key'

/** Key of entries that only say that a condition held: that of Envoy's `header_value_match` action. */
export const CONDITION_KEY = 'header_match'

/** `<namespace>/<name>/<index>`: what proxies ask for, and what metrics say. */
export function rateLimitRuleId(
  { namespace, name }: Pick<ConfigObject<RateLimitSpec>, 'namespace' | 'name'>,
  index: number,
): string {
  return `${namespace}/${name}/${index}`
}
