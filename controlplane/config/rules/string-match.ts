import type { StringMatch } from '../kinds/common.ts'
import type { IssuePath, Report } from '../schema.ts'
import { regexProblem } from '../syntax/regex.ts'

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
