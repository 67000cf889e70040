import * as z from 'zod'
import { errorText } from '../../../errors/thrown.ts'
import type { KindDefinition } from '../kind.ts'
import { isObject } from '../plain-object.ts'
import { checked, message, optional, type Report, required, valid } from '../schema.ts'
import { shown } from '../syntax/host.ts'
import { bool, duration, text } from '../syntax/values.ts'
import { policyTarget, policyTargetRule } from './policy-target.ts'

const nonEmpty = text.min(1)

const httpUrl = valid(
  text.min(1).max(2048),
  (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    return url && ['http:', 'https:'].includes(url.protocol)
      ? undefined
      : `url must have scheme http:// or https://, found ${shown(value)}`
  },
  'uri',
)

const jwtRuleFields = message({
  issuer: optional(nonEmpty, 'Who issued the token.'),
  audiences: optional(z.array(nonEmpty), 'Audiences, one of which the token must name.'),
  jwksUri: optional(httpUrl, 'Where the keys are.'),
  jwks: optional(text, 'The keys, as a JSON Web Key Set.'),
  fromHeaders: optional(
    z.array(
      message({ name: required(nonEmpty, 'Name of the header.'), prefix: optional(text, 'What precedes the token.') }),
    ),
    'Headers that hold the token.',
  ),
  fromParams: optional(z.array(nonEmpty), 'Query parameters that hold the token.'),
  fromCookies: optional(z.array(nonEmpty), 'Cookies that hold the token.'),
  outputPayloadToHeader: optional(text, 'Header that gets the payload.'),
  outputClaimToHeaders: optional(
    z.array(
      message({
        header: required(nonEmpty.regex(/^[-_A-Za-z0-9]+$/), 'Header to set.'),
        claim: required(nonEmpty, 'Claim to copy.'),
      }),
    ),
    'Claims that are copied to headers.',
  ),
  forwardOriginalToken: optional(bool, 'Whether the token goes on to the workload.', { default: 'false' }),
  timeout: optional(duration, 'Longest time to fetch the keys.', { default: '5s' }),
  presence: optional(z.enum(['OPTIONAL', 'REQUIRED']), 'Whether a request must carry the token.', {
    default: 'OPTIONAL',
  }),
  spaceDelimitedClaims: optional(z.array(nonEmpty).max(64), 'Claims whose value is a list separated by spaces.'),
})

/** The private members of a JSON Web Key (RFC 7517, RFC 7518). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']

function jwksRule(jwks: string, report: Report): void {
  let set: unknown
  try {
    set = JSON.parse(jwks)
  } catch (error) {
    report(['jwks'], `jwks is no JSON: ${errorText(error)}`)
    return
  }
  const keys =
    isObject(set) && Array.isArray(set['keys'])
      ? (set['keys'] as unknown[])
      : isObject(set) && 'kty' in set
        ? [set]
        : undefined
  if (!keys) {
    report(['jwks'], 'jwks must be an object with a list of keys')
    return
  }
  for (const [index, key] of keys.entries()) {
    if (!isObject(key) || typeof key['kty'] !== 'string') report(['jwks'], `keys[${index}] of jwks is no JSON Web Key`)
    else if (PRIVATE_MEMBERS.some((member) => member in key))
      report(['jwks'], `keys[${index}] of jwks holds a private key; only public keys are needed`, {
        code: 'FIELD_QUESTIONABLE',
      })
  }
}

const jwtRule = checked(jwtRuleFields, (rule, report) => {
  if (rule.jwksUri !== undefined && rule.jwks !== undefined)
    report(['jwks'], 'only one of jwks or jwksUri can be set', { code: 'FIELD_CONFLICT' })
  if (!rule.issuer && !rule.jwksUri) report(['issuer'], 'issuer or jwksUri must be set', { code: 'FIELD_REQUIRED' })
  if (rule.jwks) jwksRule(rule.jwks, report)
})

const requestAuthenticationFields = message({
  ...policyTarget,
  jwtRules: optional(z.array(jwtRule).max(4096), 'Tokens that are accepted.'),
})
const requestAuthenticationSpec = checked(requestAuthenticationFields, policyTargetRule)
export type RequestAuthenticationSpec = z.infer<typeof requestAuthenticationFields>

export const requestAuthentication: KindDefinition<RequestAuthenticationSpec> = {
  kind: 'RequestAuthentication',
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  doc: 'Which tokens a workload accepts.',
  compiled: false,
  instead: 'no token is checked: check them in the workload, or in an EnvoyResource with a listener of your own',
  schema: requestAuthenticationSpec,
}
