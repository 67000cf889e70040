import type { MessageInitShape } from '@bufbuild/protobuf'
import type { StringMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/string_pb.ts'
import type { StringMatch } from '../../config/kinds/string-match.ts'

/**
 * Whether a condition only asks that the header or parameter is there: no condition at all, or the regex `*`, which is
 * no RE2 but has long been written for it (https://github.com/istio/istio/pull/20629).
 */
export function asksForPresence(match: StringMatch): boolean {
  return match.regex === '*' || (match.exact === undefined && match.prefix === undefined && match.regex === undefined)
}

/** A condition on a string; a regex must match the whole of it. */
export function stringMatcher(match: StringMatch): MessageInitShape<typeof StringMatcherSchema> {
  if (match.exact !== undefined) return { matchPattern: { case: 'exact', value: match.exact } }
  // Envoy refuses an empty prefix, which matches everything.
  if (match.prefix !== undefined)
    return match.prefix === ''
      ? { matchPattern: { case: 'safeRegex', value: { regex: '.*' } } }
      : { matchPattern: { case: 'prefix', value: match.prefix } }
  // Envoy refuses an empty regex, too; the only text it matches is the empty one.
  if (!match.regex) return { matchPattern: { case: 'exact', value: '' } }
  return { matchPattern: { case: 'safeRegex', value: { regex: match.regex } } }
}
