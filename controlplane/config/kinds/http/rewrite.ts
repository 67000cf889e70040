import type * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { regexProblem } from '../../syntax/regex.ts'
import { text } from '../../syntax/values.ts'

const httpRewriteFields = message({
  uri: optional(text, 'What replaces the matched prefix, or the whole path after an exact or regex match.'),
  authority: optional(text, 'What replaces the host.'),
  uriRegexRewrite: optional(
    message({
      match: optional(text, 'RE2 expression on the path.'),
      rewrite: optional(text, 'Replacement; \\1 to \\9 stand for groups.'),
    }),
    'Rewrite of the path by a regular expression.',
  ),
})

function rewriteRule(rewrite: HttpRewrite, report: Report): void {
  if (rewrite.uri && rewrite.uriRegexRewrite)
    report(['uriRegexRewrite'], 'only one of uri and uriRegexRewrite may be set', { code: 'FIELD_CONFLICT' })
  if (!rewrite.uri && !rewrite.uriRegexRewrite && !rewrite.authority)
    report([], 'a rewrite must set uri, uriRegexRewrite or authority')
  const regex = rewrite.uriRegexRewrite
  if (!regex) return
  for (const field of ['match', 'rewrite'] as const)
    if (!regex[field]) report(['uriRegexRewrite', field], `${field} is required`, { code: 'FIELD_REQUIRED' })
  const problem = regex.match ? regexProblem(regex.match) : undefined
  if (problem) report(['uriRegexRewrite', 'match'], problem)
}

export const httpRewrite = checked(httpRewriteFields, rewriteRule)
export type HttpRewrite = z.infer<typeof httpRewriteFields>
