import * as z from 'zod'
import { checked, message, optional, type Report } from '../schema.ts'
import { parseMessageId } from '../syntax/message-id.ts'
import { regexProblem } from '../syntax/regex.ts'
import { bool, text } from '../syntax/values.ts'

/** Those above 2^53 are texts: numbers of documents are not exact there. */
const integer = z.union([z.number(), text])
const plain = z.union([text, z.number(), bool])

const fieldConditionFields = message(
  {
    exact: optional(plain, 'The value, exactly.'),
    prefix: optional(text, 'What the value starts with.'),
    suffix: optional(text, 'What the value ends with.'),
    regex: optional(text, 'An RE2 expression the whole value must match.'),
    present: optional(bool, 'Whether the message has the field.'),
    in: optional(z.array(plain).min(1), 'Values, one of which it must be.'),
    range: optional(
      message({ first: optional(integer, 'Least value.'), last: optional(integer, 'Greatest value.') }),
      'Integers from first to last, both included.',
    ),
    not: optional(bool, 'Turns the condition round.', { default: 'false' }),
  },
  [['exact', 'prefix', 'suffix', 'regex', 'present', 'in', 'range']],
)

/** A condition on the value of a field as text; numbers are compared in decimal. */
const fieldCondition = checked(fieldConditionFields, ({ not: _, ...condition }, report) => {
  if (Object.values(condition).every((value) => value === undefined))
    report([], 'a condition needs one of exact, prefix, suffix, regex, present, in, range', { code: 'FIELD_REQUIRED' })
  const problem = condition.regex === undefined ? undefined : regexProblem(condition.regex)
  if (problem) report(['regex'], problem)
  if (condition.prefix === '') report(['prefix'], 'a prefix must not be empty here')
  if (condition.suffix === '') report(['suffix'], 'a suffix must not be empty here')
  if (condition.range) {
    const { first, last } = condition.range
    if (first === undefined && last === undefined) report(['range'], 'a range needs first or last, or both')
    const [from, to] = [first ?? last, last ?? first].map((end) => (end === undefined ? undefined : integerOf(end)))
    for (const [key, end] of Object.entries({ first, last }))
      if (end !== undefined && integerOf(end) === undefined)
        report(['range', key], `${JSON.stringify(end)} is no integer of up to 64 bits`)
    if (from !== undefined && to !== undefined && from > to)
      report(['range'], `the range is empty: first (${first}) is above last (${last})`)
  }
})

/** The end of a range, as the schema lets it through; undefined for what is none. */
export function integerOf(end: number | string): bigint | undefined {
  const id = parseMessageId(end)
  return id && id.first === id.last ? id.first : undefined
}

/** A plain value stands for equality, a list for one of its values. */
const fieldValue = z.union([plain, z.array(plain).min(1), fieldCondition])
export type FieldValue = z.infer<typeof fieldValue>

/** Conditions on fields of a message by name, all of which must hold. An entry of a map is `map.key`. */
export const fieldMatch = z.record(z.string(), fieldValue)
export type FieldMatch = z.infer<typeof fieldMatch>

/** Rules of conditions that the union hides: it would only say that nothing fits. */
export function fieldMatchRule(
  match: FieldMatch | undefined,
  path: readonly (string | number)[],
  report: Report,
): void {
  for (const [field, value] of Object.entries(match ?? {}))
    if (field === '') report([...path, field], 'a condition needs the name of a field')
    else if (typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value))
      report([...path, field], `${value} is above 2^53 and not exact as a number`, { hint: 'write it in quotes' })
}
