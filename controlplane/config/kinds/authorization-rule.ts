import * as z from 'zod'
import { type IssuePath, message, optional, type Report, required } from '../schema.ts'
import { cidrProblem, ipProblem } from '../syntax/address.ts'
import { shown } from '../syntax/host.ts'
import { strings, text } from '../syntax/values.ts'

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
type AuthorizationSource = z.infer<typeof source>

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

export const authorizationRule = message({
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
type AuthorizationRule = z.infer<typeof authorizationRule>

/** Where the values of a list are, and how to complain about one of them (or about the list: index undefined). */
type ListReport = (index: number | undefined, message: string) => void
type ListRule = (values: readonly string[], report: ListReport) => void

function eachValue(test: (value: string) => string | undefined): ListRule {
  return (values, report) => {
    for (const [index, value] of values.entries()) {
      const problem = value === '' ? 'an empty value is not allowed' : test(value)
      if (problem) report(index, problem)
    }
  }
}

const notEmpty = eachValue(() => undefined)
const addresses = eachValue((value) => (value.includes('/') ? cidrProblem(value) : ipProblem(value)))
const ports = eachValue((value) =>
  /^\d{1,9}$/.test(value) && Number(value) <= 65_535 ? undefined : `${shown(value)} is no port, 0 to 65535`,
)

function wildcardProblem(value: string): string | undefined {
  const stars = value.split('*').length - 1
  if (stars > 1) return `at most one wildcard is allowed, found ${shown(value)}`
  return stars === 1 && !value.startsWith('*') && !value.endsWith('*')
    ? `a wildcard is allowed at the start or the end only, found ${shown(value)}`
    : undefined
}

const wildcards = eachValue(wildcardProblem)
const trustDomains = eachValue((value) =>
  value.includes('/') ? `a trust domain must not contain "/", found ${shown(value)}` : wildcardProblem(value),
)

function serviceAccountProblem(value: string): string | undefined {
  if (value.includes('*')) return `a wildcard is not allowed, found ${shown(value)}`
  if (value.length > 320) return 'a value has at most 320 characters'
  const parts = value.split('/')
  return parts.length > 2 || parts.includes('')
    ? `the form is serviceAccount or namespace/serviceAccount, found ${shown(value)}`
    : undefined
}

const accountNames: ListRule = (values, report) => {
  if (values.length > 16) report(undefined, 'at most 16 values are allowed')
  eachValue(serviceAccountProblem)(values, report)
}

/** `{*}` stands for one segment, `{**}` for the rest and must be the last template; other braces are not allowed. */
function pathTemplateProblem(path: string): string | undefined {
  const template = path.includes('{*}') || path.includes('{**}')
  let rest = false
  for (const segment of path.replace(/^\/+|\/+$/g, '').split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (rest) return `path ${shown(path)}: {**} must be the last template`
      rest = segment === '{**}'
    } else if (/[{}]/.test(segment)) return `path ${shown(path)}: braces are allowed in {*} and {**} only`
    else if (template && !/^[a-zA-Z0-9-._~%!$&'()+,;:@=]+$/.test(segment))
      return `path ${shown(path)}: segment ${shown(segment)} has characters that are not allowed beside templates`
  }
  return undefined
}

const paths = eachValue(pathTemplateProblem)

const SOURCE: Readonly<Record<keyof AuthorizationSource, ListRule>> = {
  principals: notEmpty,
  notPrincipals: notEmpty,
  requestPrincipals: notEmpty,
  notRequestPrincipals: notEmpty,
  namespaces: notEmpty,
  notNamespaces: notEmpty,
  serviceAccounts: accountNames,
  notServiceAccounts: accountNames,
  trustDomains,
  notTrustDomains: trustDomains,
  ipBlocks: addresses,
  notIpBlocks: addresses,
  remoteIpBlocks: addresses,
  notRemoteIpBlocks: addresses,
}

const OPERATION = {
  ports,
  notPorts: ports,
  methods: notEmpty,
  notMethods: notEmpty,
  hosts: notEmpty,
  notHosts: notEmpty,
  paths,
  notPaths: paths,
} as const

/** Attributes of `when`; those with a key in brackets end in `[`. */
const ATTRIBUTES: readonly (readonly [string, ListRule])[] = [
  ['request.headers[', notEmpty],
  ['request.auth.claims[', notEmpty],
  ['experimental.envoy.filters.', notEmpty],
  ['source.ip', addresses],
  ['remote.ip', addresses],
  ['destination.ip', addresses],
  ['destination.port', ports],
  ['source.namespace', notEmpty],
  ['source.serviceAccount', accountNames],
  ['source.principal', notEmpty],
  ['source.trustDomain', wildcards],
  ['request.auth.principal', notEmpty],
  ['request.auth.audiences', notEmpty],
  ['request.auth.presenter', notEmpty],
  ['connection.sni', notEmpty],
]

function attributeRule(key: string): ListRule | string {
  if (key === 'destination.namespace') return 'destination.namespace is replaced by metadata.namespace'
  if (key.startsWith('destination.labels')) return 'destination.labels is replaced by the selector'
  for (const [name, rule] of ATTRIBUTES) {
    const open = name.endsWith('[') || name.endsWith('.')
    if (!open && key === name) return rule
    if (open && key.startsWith(name.slice(0, -1)))
      return /^[^[]+\[.+\]$/.test(key)
        ? rule
        : `bad key ${shown(key)}, the form is ${name.endsWith('[') ? name : `${name}NAME[`}KEY]`
  }
  return `unknown attribute ${shown(key)}`
}

function lists(
  value: Readonly<Record<string, unknown>>,
  rules: Readonly<Record<string, ListRule>>,
  path: IssuePath,
  report: Report,
): void {
  for (const [field, rule] of Object.entries(rules)) {
    const list = value[field] as readonly string[] | undefined
    rule(list ?? [], (index, message) => report([...path, field, ...(index === undefined ? [] : [index])], message))
  }
}

function emptyLists(value: Readonly<Record<string, unknown>>): boolean {
  return Object.values(value).every((list) => !Array.isArray(list) || list.length === 0)
}

const CUSTOM_FORBIDDEN = [
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'trustDomains',
  'notTrustDomains',
  'principals',
  'notPrincipals',
  'requestPrincipals',
  'notRequestPrincipals',
] as const
const CUSTOM_WHEN = ['source.namespace', 'source.serviceAccount', 'source.trustDomain', 'source.principal']
const TCP_SOURCE = ['principals', 'notPrincipals', 'ipBlocks', 'notIpBlocks', 'namespaces', 'notNamespaces'] as const
const TCP_SOURCE_MORE = ['remoteIpBlocks', 'notRemoteIpBlocks', 'serviceAccounts', 'notServiceAccounts'] as const

function sourceRule(source: AuthorizationSource, custom: boolean, path: IssuePath, report: Report): void {
  const others = ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const
  const accounts = source.serviceAccounts ?? source.notServiceAccounts
  const clash = others.find((field) => source[field] !== undefined)
  if (accounts && clash)
    report([...path, clash], 'Cannot set serviceAccounts with namespaces or principals', { code: 'FIELD_CONFLICT' })
  if (emptyLists(source)) report(path, 'source must not be empty')
  lists(source, SOURCE, path, report)
  if (!custom) return
  for (const field of CUSTOM_FORBIDDEN)
    if (source[field]?.length) report([...path, field], `${field} is not supported with the action CUSTOM`)
}

function whenRule(
  { key, values = [], notValues = [] }: NonNullable<AuthorizationRule['when']>[number],
  custom: boolean,
  path: IssuePath,
  report: Report,
): void {
  if (key === '') {
    report([...path, 'key'], 'key must not be empty')
    return
  }
  if (values.length === 0 && notValues.length === 0) report(path, 'at least one of values and notValues must be set')
  const rule = attributeRule(key)
  if (typeof rule === 'string') report([...path, 'key'], rule)
  else lists({ values, notValues }, { values: rule, notValues: rule }, path, report)
  if (custom && (CUSTOM_WHEN.includes(key) || key.startsWith('request.auth.')))
    report([...path, 'key'], `${key} is not supported with the action CUSTOM`)
}

/** What is wrong with one rule of an AuthorizationPolicy of this action; paths begin at the rule. */
export function oneRule(rule: AuthorizationRule, action: string, report: Report): void {
  const custom = action === 'CUSTOM'
  let tcpFrom = false
  let tcpTo = false
  for (const field of ['from', 'to'] as const)
    if (rule[field]?.length === 0)
      report([field], `an empty ${field} limits nothing, as if it were left out`, { code: 'FIELD_QUESTIONABLE' })
  for (const [index, { source }] of (rule.from ?? []).entries()) {
    const path = ['from', index, 'source']
    if (!source) {
      report(path, 'source is required', { code: 'FIELD_REQUIRED' })
      continue
    }
    sourceRule(source, custom, path, report)
    tcpFrom ||= [...TCP_SOURCE, ...TCP_SOURCE_MORE].some((field) => source[field] !== undefined)
  }
  for (const [index, { operation }] of (rule.to ?? []).entries()) {
    const path = ['to', index, 'operation']
    if (!operation) {
      report(path, 'operation is required', { code: 'FIELD_REQUIRED' })
      continue
    }
    if (emptyLists(operation)) report(path, 'operation must not be empty')
    lists(operation, OPERATION, path, report)
    tcpTo ||= operation.ports !== undefined || operation.notPorts !== undefined
  }
  for (const [index, condition] of (rule.when ?? []).entries()) whenRule(condition, custom, ['when', index], report)
  const hasFrom = (rule.from ?? []).some(({ source }) => source)
  const hasTo = (rule.to ?? []).some(({ operation }) => operation)
  if (action === 'DENY' && ((hasFrom && !hasTo && !tcpFrom) || (hasTo && !tcpTo)))
    report([], 'a DENY rule with HTTP attributes only denies all traffic to TCP ports; name the ports', {
      code: 'FIELD_QUESTIONABLE',
    })
}
