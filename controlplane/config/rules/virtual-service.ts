import type { TcpRoute, TlsMatchAttributes, TlsRoute, VirtualServiceSpec } from '../kinds/virtual-service.ts'
import type { Report } from '../schema.ts'
import { isIpAddress, subnetProblem } from '../syntax/address.ts'
import { isJwtClaim } from '../syntax/header.ts'
import { gatewayDomainProblem, overlappingHosts, shown, wildcardDomainProblem } from '../syntax/host.ts'
import { gatewayNamesRule, weightsRule } from './destination.ts'
import { l4Rule } from './http-route.ts'

/** Whether the rules hold at gateways only (then hosts may be a lone `*`). */
function gatewayOnly(spec: VirtualServiceSpec): boolean {
  const gateways = spec.gateways ?? []
  return gateways.length > 0 && !gateways.includes('mesh')
}

function subnetsRule(subnets: readonly string[] | undefined, report: Report): void {
  for (const [index, subnet] of (subnets ?? []).entries()) {
    const problem = subnetProblem(subnet)
    if (problem) report(['destinationSubnets', index], problem)
  }
}

export function tcpRouteRule(route: TcpRoute, report: Report): void {
  for (const [index, match] of (route.match ?? []).entries()) {
    const inMatch: Report = (path, ...rest) => report(['match', index, ...path], ...rest)
    subnetsRule(match.destinationSubnets, inMatch)
    l4Rule(match, inMatch)
  }
  if ((route.route ?? []).length === 0) report(['route'], 'route is required', { code: 'FIELD_REQUIRED' })
  weightsRule(route.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
}

export function tlsRouteRule(route: TlsRoute, report: Report): void {
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

interface HostSet {
  covers(name: string): boolean
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

export function virtualServiceRule(spec: VirtualServiceSpec, report: Report): void {
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
