import { RE2JS } from 're2js'
import { errorText } from '../../errors/thrown.ts'
import type { NodeMatcher } from '../../proto/gen/envoy/type/matcher/v3/node_pb.ts'
import type { StringMatcher } from '../../proto/gen/envoy/type/matcher/v3/string_pb.ts'
import type { ValueMatcher } from '../../proto/gen/envoy/type/matcher/v3/value_pb.ts'
import type { NodeInfo } from '../xds/resource.ts'

/** A matcher we do not know, or one that cannot be. The message is for the person who asks. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError'
}

type Test<Value> = (value: Value) => boolean

/**
 * Whether a node is meant; no matchers mean every node, several that one of them fits.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/node.proto
 * @throws MatcherError
 */
export function compileNodeMatchers(matchers: readonly NodeMatcher[]): Test<NodeInfo> {
  if (matchers.length === 0) return () => true
  const tests = matchers.map(({ nodeId, nodeMetadatas }): Test<NodeInfo> => {
    const id: Test<string> = nodeId ? stringTest(nodeId) : () => true
    const metadata = nodeMetadatas.map(({ path, value }): Test<NodeInfo> => {
      const keys = path.map(({ segment }) => {
        if (segment.case !== 'key') throw new MatcherError('a path of node_metadatas has a segment without a key')
        return segment.value
      })
      const test: Test<unknown> = value ? valueTest(value) : (found) => found !== undefined
      return (node) => test(keys.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), node.metadata))
    })
    return (node) => id(node.id) && metadata.every((test) => test(node))
  })
  return (node) => tests.some((test) => test(node))
}

function stringTest({ matchPattern, ignoreCase }: StringMatcher): Test<string> {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text)
  switch (matchPattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains': {
      const wanted = fold(matchPattern.value)
      if (matchPattern.case === 'exact') return (text) => fold(text) === wanted
      if (matchPattern.case === 'prefix') return (text) => fold(text).startsWith(wanted)
      if (matchPattern.case === 'suffix') return (text) => fold(text).endsWith(wanted)
      return (text) => fold(text).includes(wanted)
    }
    case 'safeRegex': {
      const pattern = compileRegex(matchPattern.value.regex)
      return (text) => pattern.matches(text)
    }
    default:
      throw new MatcherError(
        `string matchers can be exact, prefix, suffix, contains or safe_regex, not ${matchPattern.case}`,
      )
  }
}

function compileRegex(regex: string): RE2JS {
  if (regex.length > 1024) throw new MatcherError('a regular expression has more than 1024 characters')
  try {
    return RE2JS.compile(regex)
  } catch (error) {
    throw new MatcherError(`${JSON.stringify(regex)} is no regular expression: ${errorText(error)}`)
  }
}

function valueTest({ matchPattern }: ValueMatcher): Test<unknown> {
  switch (matchPattern.case) {
    case 'stringMatch': {
      const test = stringTest(matchPattern.value)
      return (value) => typeof value === 'string' && test(value)
    }
    case 'boolMatch':
      return (value) => value === matchPattern.value
    case 'presentMatch':
      return (value) => (value !== undefined) === matchPattern.value
    case 'nullMatch':
      return (value) => value === null
    default:
      throw new MatcherError(`value matchers can be string, bool, present or null, not ${matchPattern.case}`)
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
