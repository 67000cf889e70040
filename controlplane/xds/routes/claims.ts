import type { MessageInitShape } from '@bufbuild/protobuf'
import type { MetadataMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/metadata_pb.ts'
import type { ValueMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/value_pb.ts'
import type { StringMatch } from '../../config/kinds/string-match.ts'
import { stringMatcher } from './string-match.ts'

const PREFIX = '@request.auth.claims'

/**
 * The matcher for a "header" that means a claim of the verified token: `@request.auth.claims.a.b` or
 * `@request.auth.claims[a][b]`; undefined for real headers. A claim that is a list matches by any of its items.
 */
export function claimMatcher(
  name: string,
  condition: StringMatch,
): MessageInitShape<typeof MetadataMatcherSchema> | undefined {
  const claims = claimPath(name)
  if (!claims) return undefined
  const value: MessageInitShape<typeof ValueMatcherSchema> = {
    matchPattern: { case: 'stringMatch', value: stringMatcher(condition) },
  }
  return {
    filter: 'envoy.filters.http.jwt_authn',
    path: ['payload', ...claims].map((key) => ({ segment: { case: 'key', value: key } })),
    value: {
      matchPattern: {
        case: 'orMatch',
        value: {
          valueMatchers: [
            { matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value } } } },
            value,
          ],
        },
      },
    },
  }
}

function claimPath(name: string): readonly string[] | undefined {
  if (!name.toLowerCase().startsWith(PREFIX)) return undefined
  const rest = name.slice(PREFIX.length)
  if (rest.length > 1 && rest.startsWith('.')) return rest.slice(1).split('.')
  if (rest.length > 2 && rest.startsWith('[') && rest.endsWith(']')) return rest.slice(1, -1).split('][')
  return undefined
}
