import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { portProblem } from '../../syntax/address.ts'
import { text, uint32 } from '../../syntax/values.ts'

const httpRedirectFields = message(
  {
    uri: optional(text, 'Path to put into the redirect.'),
    prefixRewrite: optional(text, 'What replaces the matched prefix of the path.'),
    authority: optional(text, 'Host to put into the redirect.'),
    port: optional(uint32, 'Port to put into the redirect.'),
    derivePort: optional(
      z.enum(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']),
      'Where the port of the redirect comes from.',
      {
        default: 'FROM_PROTOCOL_DEFAULT',
      },
    ),
    scheme: optional(text, 'Scheme to put into the redirect.'),
    redirectCode: optional(uint32, 'Status code.', { default: '301' }),
  },
  [['port', 'derivePort']],
)

function redirectRule(redirect: HttpRedirect, report: Report): void {
  if (redirect.uri && redirect.prefixRewrite)
    report(['prefixRewrite'], 'only one of uri and prefixRewrite may be set', { code: 'FIELD_CONFLICT' })
  const something = redirect.uri || redirect.prefixRewrite || redirect.authority || redirect.scheme
  if (!something && redirect.port === undefined && redirect.derivePort === undefined)
    report([], 'a redirect must set uri, prefixRewrite, authority, port or scheme')
  const code = redirect.redirectCode ?? 0
  if (code !== 0 && (code < 300 || code > 399)) report(['redirectCode'], `${code} is no redirect code, it must be 3xx`)
  else if (code !== 0 && ![301, 302, 303, 307, 308].includes(code))
    report(['redirectCode'], `Envoy cannot redirect with ${code}; 301 is used`, { code: 'FIELD_QUESTIONABLE' })
  if (redirect.scheme && redirect.scheme !== 'http' && redirect.scheme !== 'https')
    report(['scheme'], 'the scheme of a redirect is http or https')
  const port = redirect.port ? portProblem(redirect.port) : undefined
  if (port) report(['port'], port)
}

export const httpRedirect = checked(httpRedirectFields, redirectRule)
export type HttpRedirect = z.infer<typeof httpRedirectFields>
