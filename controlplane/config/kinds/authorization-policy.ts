import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { authorizationPolicyRule, dryRunRule } from '../rules/authorization-policy.ts'
import { checked, message, optional, required } from '../schema.ts'
import { strings, text } from '../syntax/values.ts'
import { policyTarget } from './policy-target.ts'

const serviceAccounts = z.array(text.max(320)).max(16)

const source = message({
  principals: optional(strings, 'Identities of the caller from its certificate.'),
  notPrincipals: optional(strings, 'Identities that do not match.'),
  requestPrincipals: optional(strings, 'Identities from a validated token.'),
  notRequestPrincipals: optional(strings, 'Identities from a token that do not match.'),
  namespaces: optional(strings, 'Namespaces of the caller.'),
  notNamespaces: optional(strings, 'Namespaces that do not match.'),
  serviceAccounts: optional(serviceAccounts, 'Service accounts of the caller, `[namespace/]name`.'),
  notServiceAccounts: optional(serviceAccounts, 'Service accounts that do not match.'),
  ipBlocks: optional(strings, 'Addresses of the connection, IP or CIDR.'),
  notIpBlocks: optional(strings, 'Addresses that do not match.'),
  remoteIpBlocks: optional(strings, 'Addresses of the original client.'),
  notRemoteIpBlocks: optional(strings, 'Addresses of the original client that do not match.'),
  trustDomains: optional(strings, 'Trust domains of the caller.'),
  notTrustDomains: optional(strings, 'Trust domains that do not match.'),
})
export type AuthorizationSource = z.infer<typeof source>

const operation = message({
  hosts: optional(strings, 'Hosts of the request.'),
  notHosts: optional(strings, 'Hosts that do not match.'),
  ports: optional(strings, 'Ports of the connection.'),
  notPorts: optional(strings, 'Ports that do not match.'),
  methods: optional(strings, 'Methods of the request.'),
  notMethods: optional(strings, 'Methods that do not match.'),
  paths: optional(strings, 'Paths of the request; `{*}` and `{**}` stand for one or any number of segments.'),
  notPaths: optional(strings, 'Paths that do not match.'),
})

const authorizationRule = message({
  from: optional(
    z.array(message({ source: optional(source, 'The caller.') })).max(512),
    'Callers, one of which must match.',
  ),
  to: optional(
    z.array(message({ operation: optional(operation, 'What is called.') })),
    'Operations, one of which must match.',
  ),
  when: optional(
    z.array(
      message({
        key: required(text, 'Name of the attribute.'),
        values: optional(strings, 'Values, one of which must match.'),
        notValues: optional(strings, 'Values that do not match.'),
      }),
    ),
    'Further conditions, all of which must hold.',
  ),
})
export type AuthorizationRule = z.infer<typeof authorizationRule>

const authorizationPolicyFields = message({
  ...policyTarget,
  rules: optional(z.array(authorizationRule).max(512), 'Rules, one of which must match; none matches nothing.'),
  action: optional(z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']), 'What happens when a rule matches.', {
    default: 'ALLOW',
  }),
  provider: optional(message({ name: optional(text, 'Name of the provider.') }), 'Who decides, for the action CUSTOM.'),
})
const authorizationPolicySpec = checked(authorizationPolicyFields, authorizationPolicyRule)
export type AuthorizationPolicySpec = z.infer<typeof authorizationPolicyFields>

export const authorizationPolicy: KindDefinition<AuthorizationPolicySpec> = {
  kind: 'AuthorizationPolicy',
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  doc: 'Who may call what.',
  compiled: false,
  schema: authorizationPolicySpec,
  check: dryRunRule,
}
