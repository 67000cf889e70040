import type * as z from 'zod'
import { type IssuePath, message, optional, type Report } from '../schema.ts'
import { regexProblem } from '../syntax/regex.ts'
import { text } from '../syntax/values.ts'

/** A condition on a string. */
export const stringMatch = message(
  {
    exact: optional(text, 'The value, exactly.'),
    prefix: optional(text, 'What the value starts with.'),
    regex: optional(text, 'An RE2 expression the whole value must match.'),
  },
  [['exact', 'prefix', 'regex']],
)
export type StringMatch = z.infer<typeof stringMatch>

/** Checks the expression of a regex condition; an empty one is wrong too. */
export function regexMatchRule(match: StringMatch | undefined, path: IssuePath, report: Report): void {
  if (match?.regex === undefined) return
  const problem = regexProblem(match.regex)
  if (problem) report([...path, 'regex'], problem)
}

/** The same, and the prefix must not be empty: Envoy refuses an empty prefix everywhere but on paths. */
export function stringMatchRule(match: StringMatch | undefined, path: IssuePath, report: Report): void {
  if (match?.prefix === '') report([...path, 'prefix'], 'a prefix must not be empty here')
  regexMatchRule(match, path, report)
}
