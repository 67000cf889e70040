import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FieldMatchSchema } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { type FieldMatch as FieldMatchSpec, type FieldValue, integerOf } from '../../config/kinds/field-match.ts'
import type { StringMatch } from '../../config/kinds/string-match.ts'
import type { IdRange } from '../../config/syntax/message-id.ts'

export type FieldMatch = MessageInitShape<typeof FieldMatchSchema>

/** Conditions of a MsgRouter's match entry, in order of the field names: equal matches give equal bytes. */
export function fieldMatches(match: FieldMatchSpec): readonly FieldMatch[] {
  return Object.entries(match)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([field, value]) => ({ field, ...condition(value) }))
}

function condition(value: FieldValue): Pick<FieldMatch, 'condition' | 'invert'> {
  if (Array.isArray(value)) return { condition: oneOf(value) }
  if (typeof value !== 'object') return { condition: { case: 'exact', value: String(value) } }
  const { exact, prefix, suffix, regex, present, in: values, range, not: invert = false } = value
  if (exact !== undefined) return { condition: { case: 'exact', value: String(exact) }, invert }
  if (prefix !== undefined) return { condition: { case: 'prefix', value: prefix }, invert }
  if (suffix !== undefined) return { condition: { case: 'suffix', value: suffix }, invert }
  if (regex !== undefined) return { condition: { case: 'regex', value: regex }, invert }
  if (values) return { condition: oneOf(values), invert }
  if (range) {
    const { first, last } = range
    const ends = {
      first: (first === undefined ? undefined : integerOf(first)) ?? -(2n ** 63n),
      last: (last === undefined ? undefined : integerOf(last)) ?? 2n ** 64n - 1n,
    }
    return { condition: integerRanges([ends]), invert }
  }
  return { condition: { case: 'present', value: present ?? true }, invert }
}

/** Numbers from here on have 64 bits and no sign. */
const ABOVE = 2n ** 63n

/** Ranges of numbers with and without sign, each as it goes over the wire. */
function integerRanges(all: readonly IdRange[]): NonNullable<FieldMatch['condition']> {
  const ranges = all.flatMap(({ first, last }) =>
    first < ABOVE ? { first, last: last < ABOVE ? last : ABOVE - 1n } : [],
  )
  const above = all.flatMap(({ first, last }) => (last < ABOVE ? [] : { first: first < ABOVE ? ABOVE : first, last }))
  return { case: 'ranges', value: { ranges, above } }
}

function oneOf(values: readonly (string | number | boolean)[]): NonNullable<FieldMatch['condition']> {
  return { case: 'oneOf', value: { values: values.map(String) } }
}

/** Field that message ids stand for. */
export const ID_FIELD = 'msgid'

/** The condition on the message id; undefined when a rule names none. */
export function idMatch(ids: readonly IdRange[]): FieldMatch | undefined {
  const [only] = ids
  if (!only) return undefined
  if (ids.some(({ first, last }) => first !== last)) return { field: ID_FIELD, condition: integerRanges(ids) }
  if (ids.length === 1) return { field: ID_FIELD, condition: { case: 'exact', value: String(only.first) } }
  return { field: ID_FIELD, condition: { case: 'oneOf', value: { values: ids.map(({ first }) => String(first)) } } }
}

/**
 * A condition of a MetaRouter or VirtualService. `exact: ""` is what Aeraki's own tests write for "any value" and its proxy takes
 * it so; an empty condition asks for presence, as Istio's on headers does.
 */
export function stringCondition(field: string, match: StringMatch, invert = false): FieldMatch | undefined {
  if (match.exact === '') return undefined
  if (match.exact !== undefined) return { field, condition: { case: 'exact', value: match.exact }, invert }
  if (match.prefix !== undefined) return { field, condition: { case: 'prefix', value: match.prefix }, invert }
  if (match.regex !== undefined) return { field, condition: { case: 'regex', value: match.regex }, invert }
  return { field, condition: { case: 'present', value: true }, invert }
}
