import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { checked, message, optional, type Report, required } from '../schema.ts'
import { isIpAddress, subnetProblem } from '../syntax/address.ts'
import { isJwtClaim } from '../syntax/header.ts'
import { gatewayDomainProblem, overlappingHosts, shown, wildcardDomainProblem } from '../syntax/host.ts'
import { int32, stringMap, strings, text, uint32 } from '../syntax/values.ts'
import { exportTo } from './common.ts'
import { destination, weightsRule } from './destination.ts'
import { gatewayNamesRule } from './gateway-names.ts'
import { l4Rule } from './http/match.ts'
import { httpRoute } from './http/route.ts'

const l4Match = {
  destinationSubnets: optional(strings, 'Destination addresses, IP or CIDR.'),
  port: optional(uint32, 'Port the connection came to.'),
  sourceLabels: optional(stringMap, 'Labels of the calling workload; a gateway does not look at them.'),
  gateways: optional(strings, 'Gateways the rule applies to; `mesh` is all sidecars.'),
  sourceNamespace: optional(text, 'Namespace of the calling workload.'),
}

const tlsMatchAttributes = message({
  sniHosts: required(
    strings,
    'SNI names; a wildcard label may start them. Each must be within the hosts. At a gateway those count that its server exposes.',
  ),
  ...l4Match,
})
export type TlsMatchAttributes = z.infer<typeof tlsMatchAttributes>

const l4MatchAttributes = message({
  ...l4Match,
  sourceSubnet: optional(text, 'Source address; without effect.', { deprecated: 'it has no effect' }),
})
export type L4MatchAttributes = z.infer<typeof l4MatchAttributes>

/** A destination with its share, for TCP and TLS. */
const routeDestination = message({
  destination: required(destination, 'Where the connection goes.'),
  weight: optional(int32, 'Share of connections; shares are relative to their sum.', {
    default: '0, or all when it is the only one',
  }),
})
export type RouteDestination = z.infer<typeof routeDestination>

const tlsRouteFields = message({
  match: required(z.array(tlsMatchAttributes), 'Conditions, one of which must hold.'),
  route: optional(z.array(routeDestination), 'Destinations with their shares.'),
})

function subnetsRule(subnets: readonly string[] | undefined, report: Report): void {
  for (const [index, subnet] of (subnets ?? []).entries()) {
    const problem = subnetProblem(subnet)
    if (problem) report(['destinationSubnets', index], problem)
  }
}

function tlsRouteRule(route: TlsRoute, report: Report): void {
  if (route.match.length === 0) report(['match'], 'a TLS route must have at least one match')
  for (const [index, match] of route.match.entries()) {
    const inMatch: Report = (path, ...rest) => report(['match', index, ...path], ...rest)
    if (match.sniHosts.length === 0) inMatch(['sniHosts'], 'a TLS match must have at least one SNI host')
    subnetsRule(match.destinationSubnets, inMatch)
    l4Rule(match, inMatch)
  }
  if ((route.route ?? []).length === 0) report(['route'], 'route is required', { code: 'FIELD_REQUIRED' })
  weightsRule(route.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
}

const tlsRoute = checked(tlsRouteFields, tlsRouteRule)
type TlsRoute = z.infer<typeof tlsRouteFields>

const tcpRouteFields = message({
  match: optional(z.array(l4MatchAttributes), 'Conditions, one of which must hold; none matches everything.'),
  route: optional(z.array(routeDestination), 'Destinations with their shares.'),
})

function tcpRouteRule(route: TcpRoute, report: Report): void {
  for (const [index, match] of (route.match ?? []).entries()) {
    const inMatch: Report = (path, ...rest) => report(['match', index, ...path], ...rest)
    subnetsRule(match.destinationSubnets, inMatch)
    l4Rule(match, inMatch)
  }
  if ((route.route ?? []).length === 0) report(['route'], 'route is required', { code: 'FIELD_REQUIRED' })
  weightsRule(route.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
}

const tcpRoute = checked(tcpRouteFields, tcpRouteRule)
type TcpRoute = z.infer<typeof tcpRouteFields>

const virtualServiceSpecFields = message({
  hosts: optional(strings, 'Hosts the rules are for; left out in a delegate.'),
  gateways: optional(strings, 'Gateways the rules apply to, `[namespace/]name`; `mesh` is all sidecars.', {
    default: '["mesh"]',
  }),
  http: optional(z.array(httpRoute), 'Rules for HTTP; the first that matches is taken.'),
  tls: optional(z.array(tlsRoute), 'Rules for TLS that is passed through, by SNI.'),
  tcp: optional(z.array(tcpRoute), 'Rules for other TCP traffic.'),
  exportTo,
})

/** Whether the rules hold at gateways only (then hosts may be a lone `*`). */
function gatewayOnly(spec: VirtualServiceSpec): boolean {
  const gateways = spec.gateways ?? []
  return gateways.length > 0 && !gateways.includes('mesh')
}

interface HostSet {
  covers(name: string): boolean
}

/** SNI names must be within the hosts of the VirtualService. */
function sniRule(match: TlsMatchAttributes, spec: VirtualServiceSpec, within: HostSet, report: Report): void {
  for (const [index, sni] of match.sniHosts.entries()) {
    const problem = gatewayOnly(spec) ? gatewayDomainProblem(sni, true) : wildcardDomainProblem(sni)
    if (problem && isIpAddress(sni)) {
      report(['sniHosts', index], 'an IP address is no SNI name, most clients do not send it', {
        code: 'FIELD_QUESTIONABLE',
      })
    } else if (problem) {
      report(['sniHosts', index], problem)
    } else if (!within.covers(sni)) {
      report(['sniHosts', index], `SNI host ${shown(sni)} is not within the hosts of the VirtualService`)
    }
  }
}

/** Looks a name up by every suffix that a wildcard has, so that long lists cost no more than short ones. */
function hostSet(hosts: readonly string[]): HostSet {
  const names = hosts.map((host) => host.toLowerCase())
  const exact = new Set(names)
  const suffixes = new Set(names.filter((name) => name.startsWith('*')).map((name) => name.slice(1)))
  const lengths = [...new Set([...suffixes].map((suffix) => suffix.length))]
  return {
    covers: (host) => {
      const name = host.toLowerCase()
      const body = name.startsWith('*') ? name.slice(1) : name
      return (
        exact.has(name) ||
        lengths.some((length) => length <= body.length && suffixes.has(body.slice(body.length - length)))
      )
    },
  }
}

function hostsRule(spec: VirtualServiceSpec, report: Report): void {
  const hosts = spec.hosts ?? []
  const atGateway = gatewayOnly(spec)
  const sni = (spec.tls ?? []).some(({ match }) => match.some(({ sniHosts }) => sniHosts.length > 0))
  let valid = true
  for (const [index, host] of hosts.entries()) {
    const problem = atGateway ? gatewayDomainProblem(host, sni) : wildcardDomainProblem(host)
    if (problem && !isIpAddress(host)) {
      report(['hosts', index], problem)
      valid = false
    } else if (!problem && host === '*' && !atGateway) {
      report(['hosts', index], 'wildcard host * is not allowed for rules that apply to sidecars (gateway mesh)')
      valid = false
    }
  }
  if (!valid) return
  for (const [index, other] of overlappingHosts(hosts))
    report(
      ['hosts', index],
      `duplicate hosts in virtual service: ${shown(hosts[index]!)} and ${shown(hosts[other]!)} overlap`,
    )
}

function delegateRule(spec: VirtualServiceSpec, report: Report): void {
  if ((spec.hosts ?? []).length > 0) return
  for (const field of ['gateways', 'tls', 'tcp'] as const)
    if ((spec[field] ?? []).length > 0)
      report([field], `a VirtualService without hosts is a delegate and must have no ${field}`)
  for (const [index, { delegate }] of (spec.http ?? []).entries())
    if (delegate) report(['http', index, 'delegate'], 'a delegate cannot delegate again')
}

function virtualServiceRule(spec: VirtualServiceSpec, report: Report): void {
  delegateRule(spec, report)
  gatewayNamesRule(spec.gateways ?? [], (path, ...rest) => report(['gateways', ...path], ...rest))
  hostsRule(spec, report)
  if (!spec.http?.length && !spec.tls?.length && !spec.tcp?.length)
    report([], 'http, tcp or tls must be provided', { code: 'FIELD_REQUIRED' })
  const within = hostSet(spec.hosts ?? [])
  for (const [index, { match }] of (spec.tls ?? []).entries())
    for (const [at, one] of match.entries())
      sniRule(one, spec, within, (path, ...rest) => report(['tls', index, 'match', at, ...path], ...rest))
  if (gatewayOnly(spec)) return
  for (const [index, { match = [] }] of (spec.http ?? []).entries())
    for (const [at, one] of match.entries())
      for (const field of ['headers', 'withoutHeaders'] as const)
        for (const name of Object.keys(one[field] ?? {}))
          if (isJwtClaim(name))
            report(['http', index, 'match', at, field, name], 'routing by JWT claims works at gateways only')
}

const virtualServiceSpec = checked(virtualServiceSpecFields, virtualServiceRule)
export type VirtualServiceSpec = z.infer<typeof virtualServiceSpecFields>

export const virtualService: KindDefinition<VirtualServiceSpec> = {
  kind: 'VirtualService',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'Rules that say where requests and connections for hosts go.',
  compiled: true,
  schema: virtualServiceSpec,
  check: ({ exportTo }, { namespace }, report) => reportExportTo(exportTo, namespace, report),
}
