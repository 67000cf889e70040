import type { ObjectMeta } from '../kind.ts'
import type { ServiceEntrySpec } from '../kinds/service-entry.ts'
import type { WorkloadEntrySpec } from '../kinds/workload-entry.ts'
import type { Report } from '../schema.ts'
import { isIpAddress, subnetProblem, UNIX_PREFIX, unixPathProblem } from '../syntax/address.ts'
import {
  fqdnProblem,
  isDnsLabel,
  isWildcard,
  partialWildcardProblem,
  shown,
  wildcardDomainProblem,
} from '../syntax/host.ts'
import { labelProblems } from '../syntax/label.ts'
import { protocolClass, protocolProblem } from '../syntax/protocol.ts'

const PORT_NAME = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/

/** Shape of an endpoint, wherever it stands. */
export function workloadEntryShapeRule(entry: WorkloadEntrySpec, report: Report): void {
  const { address, ports } = entry
  if (address?.startsWith(UNIX_PREFIX)) {
    const problem = unixPathProblem(address.slice(UNIX_PREFIX.length))
    if (problem) report(['address'], problem)
    if (ports) report(['ports'], 'UDS may not include ports')
  }
  for (const name of Object.keys(ports ?? {}))
    if (name.length >= 63 || !PORT_NAME.test(name))
      report(['ports', name], `port name must be valid, ${shown(name)} is not`)
  const labels = Object.keys(entry.labels ?? {})
  if (labels.length > 256) report(['labels'], 'an endpoint has at most 256 labels')
}

/** Labels of a template are checked by Kubernetes when a workload takes them, not by Istio. */
export function templateLabelsRule({ labels = {} }: WorkloadEntrySpec, report: Report): void {
  for (const { key, message } of labelProblems(labels)) report(['labels', key], message, { code: 'FIELD_QUESTIONABLE' })
}

/** An endpoint that needs an address: all but the template of a WorkloadGroup. */
export function workloadEntryRule(entry: WorkloadEntrySpec, report: Report): void {
  const { address, network, labels = {} } = entry
  for (const { key, message } of labelProblems(labels)) report(['labels', key], message)
  if (!address && !network)
    report(['address'], 'Address is required, unless a network is named', { code: 'FIELD_REQUIRED' })
  else if (!address)
    report([], `the address is unset, only network ${network} is known`, { code: 'FIELD_QUESTIONABLE' })
}

/** An address that may be an IP address or a DNS name, or a UNIX domain socket. */
export function anyAddressRule(entry: WorkloadEntrySpec, report: Report): void {
  const { address } = entry
  if (!address || address.startsWith(UNIX_PREFIX) || isIpAddress(address)) return
  if (fqdnProblem(address)) report(['address'], `${shown(address)} is neither an IP address nor a host name`)
}

function portRules({ ports = [], addresses = [] }: ServiceEntrySpec, report: Report): ReadonlySet<string> {
  const names = new Set<string>()
  const numbers = new Set<number>()
  for (const [index, port] of ports.entries()) {
    if (names.has(port.name))
      report(['ports', index, 'name'], `Duplicate value: port name ${shown(port.name)} is already defined`)
    if (numbers.has(port.number))
      report(['ports', index, 'number'], `port number cannot be duplicated: ${port.number} is already defined`)
    names.add(port.name)
    numbers.add(port.number)
    if (!isDnsLabel(port.name))
      report(['ports', index, 'name'], `${shown(port.name)} is no port name: it must be a DNS label`)
    const problem = protocolProblem(port.protocol ?? '')
    if (problem) report(['ports', index, 'protocol'], problem)
    if (protocolClass(port.protocol ?? '') === 'udp')
      report(['ports', index, 'protocol'], 'UDP is declared but proxies do not handle it', { code: 'FIELD_NO_EFFECT' })
  }
  for (const [index, address] of addresses.entries()) {
    const problem = subnetProblem(address)
    if (problem) report(['addresses', index], problem)
  }
  return names
}

function hostRules({ hosts, resolution }: ServiceEntrySpec, report: Report): void {
  for (const [index, host] of hosts.entries()) {
    if (host === '*') {
      report(['hosts', index], 'hostname cannot be wildcard')
      continue
    }
    const problem = wildcardDomainProblem(host)
    if (problem) report(['hosts', index], problem)
    const partial = partialWildcardProblem(host)
    if (partial && resolution !== 'DYNAMIC_DNS') report(['hosts', index], partial, { code: 'FIELD_QUESTIONABLE' })
  }
}

function endpointPorts(spec: ServiceEntrySpec, names: ReadonlySet<string>, report: Report): void {
  for (const [index, { ports = {} }] of (spec.endpoints ?? []).entries())
    for (const name of Object.keys(ports))
      if (!names.has(name)) report(['endpoints', index, 'ports', name], `the service has no port named ${shown(name)}`)
}

function resolutionRules(spec: ServiceEntrySpec, names: ReadonlySet<string>, report: Report): void {
  const { resolution = 'NONE', endpoints = [], hosts, ports = [] } = spec
  switch (resolution) {
    case 'NONE':
      if (spec.endpoints)
        report(['endpoints'], 'NONE mode cannot set endpoints', { hint: 'set resolution: STATIC or DNS' })
      if (spec.workloadSelector)
        report(['workloadSelector'], 'workloadSelector has no effect with resolution NONE', { code: 'FIELD_NO_EFFECT' })
      return
    case 'STATIC':
      endpointPorts(spec, names, report)
      for (const [index, { address = '' }] of endpoints.entries()) {
        if (address.startsWith(UNIX_PREFIX)) {
          if (ports.length !== 1)
            report(['endpoints', index, 'address'], 'a UNIX endpoint needs a service with exactly one port')
        } else if (address !== '' && !isIpAddress(address))
          report(['endpoints', index, 'address'], `endpoint address ${shown(address)} is no IP address`, {
            hint: 'STATIC takes addresses as they are; use resolution: DNS for names',
          })
      }
      return
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      endpointPorts(spec, names, report)
      if (endpoints.length === 0) {
        const index = hosts.findIndex((host) => fqdnProblem(host) !== undefined)
        if (index >= 0 && hosts[index] !== '*')
          report(['hosts', index], `without endpoints the host is looked up by DNS, ${shown(hosts[index]!)} cannot be`)
      }
      if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
        report(['endpoints'], 'DNS_ROUND_ROBIN mode cannot have multiple endpoints')
      for (const [index, { address = '' }] of endpoints.entries())
        if (!isIpAddress(address) && fqdnProblem(address) && address !== '')
          report(['endpoints', index, 'address'], `${shown(address)} is neither an IP address nor a host name`)
        else if (address === '')
          report(['endpoints', index, 'address'], 'Address is required with DNS resolution', { code: 'FIELD_REQUIRED' })
      if ((spec.addresses ?? []).length > 0 && hosts.length > 1) {
        const tcp = ports.some(({ protocol = '' }) => ['tcp', 'tls'].includes(protocolClass(protocol) ?? ''))
        if (tcp)
          report(['hosts'], 'several hosts cannot be told apart on a TCP port with an address', {
            code: 'FIELD_QUESTIONABLE',
          })
      }
      return
    case 'DYNAMIC_DNS':
      for (const [index, host] of hosts.entries())
        if (!isWildcard(host)) report(['hosts', index], 'DYNAMIC_DNS is for wildcard hosts only')
      if ((spec.addresses ?? []).length > 0) report(['addresses'], 'addresses cannot be set for DYNAMIC_DNS')
      if (endpoints.length > 0) report(['endpoints'], 'endpoints cannot be set for DYNAMIC_DNS')
      for (const [index, { protocol = '' }] of ports.entries())
        if (!['http', 'tls', 'grpc', 'http2'].includes(protocol.toLowerCase()))
          report(['ports', index, 'protocol'], 'DYNAMIC_DNS supports HTTP, HTTP2, GRPC and TLS only')
  }
}

const USE_WAYPOINT = 'istio.io/use-waypoint'

/** A waypoint cannot serve hosts inside the mesh whose names are looked up per request. */
export function waypointRule(
  { resolution, location = 'MESH_EXTERNAL' }: ServiceEntrySpec,
  { labels }: ObjectMeta,
  report: Report,
): void {
  const waypoint = labels[USE_WAYPOINT] ?? ''
  if (resolution === 'DYNAMIC_DNS' && location === 'MESH_INTERNAL' && !/^(none)?$/i.test(waypoint))
    report(['spec', 'location'], `DYNAMIC_DNS with MESH_INTERNAL cannot be combined with the label ${USE_WAYPOINT}`)
}

export function serviceEntryRule(spec: ServiceEntrySpec, report: Report): void {
  const { resolution = 'NONE', hosts, ports = [] } = spec
  if (spec.workloadSelector && spec.endpoints)
    report(['endpoints'], 'only one of WorkloadSelector or Endpoints can be set', { code: 'FIELD_CONFLICT' })
  hostRules(spec, report)
  const names = portRules(spec, report)
  const cidr = (spec.addresses ?? []).findIndex((address) => address.includes('/'))
  if (cidr >= 0 && resolution !== 'NONE' && resolution !== 'STATIC')
    report(['addresses', cidr], 'CIDR addresses are allowed only for NONE/STATIC resolution types')
  resolutionRules(spec, names, report)
  if (resolution !== 'NONE' && hosts.length > 1) {
    const index = ports.findIndex(({ protocol = '' }) => !['http', 'tls'].includes(protocolClass(protocol) ?? ''))
    if (index >= 0)
      report(['ports', index], 'several hosts cannot be told apart on a port that is neither HTTP nor TLS', {
        hint: 'write one ServiceEntry per host, or use resolution: NONE',
      })
  }
}
