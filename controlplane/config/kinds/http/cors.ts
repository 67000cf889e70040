import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { parseDuration } from '../../syntax/duration.ts'
import { corsHeaderProblem } from '../../syntax/header.ts'
import { shown } from '../../syntax/host.ts'
import { bool, duration, strings } from '../../syntax/values.ts'
import { regexMatchRule, stringMatch } from '../string-match.ts'

const corsPolicyFields = message({
  allowOrigin: optional(strings, 'Origins allowed, exactly; `*` allows all.', { deprecated: 'use allowOrigins' }),
  allowOrigins: optional(z.array(stringMatch), 'Origins allowed.'),
  allowMethods: optional(strings, 'Methods allowed.'),
  allowHeaders: optional(strings, 'Request headers allowed.'),
  exposeHeaders: optional(strings, 'Response headers scripts may read.'),
  maxAge: optional(duration, 'How long a preflight answer may be kept.'),
  allowCredentials: optional(bool, 'Whether credentials may be sent.', { nullable: true }),
  unmatchedPreflights: optional(
    z.enum(['UNSPECIFIED', 'FORWARD', 'IGNORE']),
    'What happens to a preflight of an unknown origin.',
    {
      default: 'FORWARD',
    },
  ),
})

const CORS_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*'])

function corsRule(cors: CorsPolicy, report: Report): void {
  for (const [index, origin] of (cors.allowOrigins ?? []).entries()) {
    if (!origin.exact && !origin.prefix && !origin.regex)
      report(['allowOrigins', index], 'an origin needs exact, prefix or regex')
    else regexMatchRule(origin, ['allowOrigins', index], report)
  }
  for (const [index, method] of (cors.allowMethods ?? []).entries())
    if (!CORS_METHODS.has(method)) report(['allowMethods', index], `${shown(method)} is no HTTP method`)
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    for (const [index, name] of (cors[field] ?? []).entries()) {
      const problem = corsHeaderProblem(name)
      if (problem) report([field, index], problem)
    }
  }
  const age = cors.maxAge === undefined ? undefined : parseDuration(cors.maxAge)
  if (age !== undefined && age % 1000 !== 0) report(['maxAge'], 'maxAge counts whole seconds only')
}

export const corsPolicy = checked(corsPolicyFields, corsRule)
export type CorsPolicy = z.infer<typeof corsPolicyFields>
