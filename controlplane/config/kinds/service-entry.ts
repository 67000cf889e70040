import * as z from 'zod'
import { type KindDefinition, type ObjectMeta, reportExportTo } from '../kind.ts'
import { checked, message, optional, type Report, required } from '../schema.ts'
import { isIpAddress, subnetProblem, UNIX_PREFIX } from '../syntax/address.ts'
import {
  fqdnProblem,
  isDnsLabel,
  isWildcard,
  partialWildcardProblem,
  shown,
  wildcardDomainProblem,
} from '../syntax/host.ts'
import { portClass, protocolClass, protocolProblem } from '../syntax/protocol.ts'
import { port, strings, text } from '../syntax/values.ts'
import { exportTo } from './common.ts'
import { workloadSelector } from './selectors.ts'
import { endpoint } from './workload-entry.ts'

const servicePort = message({
  number: required(port, 'Port callers use.'),
  protocol: optional(text.max(256), 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS and so on; upper or lower case.', {
    default: 'from the name prefix, else TCP',
  }),
  name: required(text.max(256), 'Name of the port, unique in the entry.'),
  targetPort: optional(port, 'Port on the endpoint.', { default: 'number' }),
})

const serviceEntrySpecFields = message({
  hosts: required(z.array(text).min(1).max(256), 'Hosts of the service.'),
  addresses: optional(
    z.array(text.max(64)).max(256),
    'Virtual IP addresses or CIDR blocks of the service. At one of loopback (127.0.1.1) sidecars and message proxies listen for its TCP and message ports, instead of 127.0.0.1.',
  ),
  ports: optional(z.array(servicePort).max(256), 'Ports of the service.'),
  location: optional(z.enum(['MESH_EXTERNAL', 'MESH_INTERNAL']), 'Whether the service is part of the mesh.', {
    default: 'MESH_EXTERNAL',
  }),
  resolution: optional(
    z.enum(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']),
    'How the addresses of endpoints are found.',
    { default: 'NONE' },
  ),
  endpoints: optional(z.array(endpoint).max(4096), 'Endpoints of the service.'),
  workloadSelector: optional(
    workloadSelector,
    'WorkloadEntries of the namespace that are the endpoints; for MESH_INTERNAL.',
  ),
  exportTo,
  subjectAltNames: optional(strings, "Names one of which the server's certificate must carry."),
})

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

/** What only a caller's connection could tell, if it were captured. */
function dialledRules({ resolution = 'NONE', hosts, addresses = [], ports = [] }: ServiceEntrySpec, report: Report) {
  if (resolution !== 'NONE' && resolution !== 'DYNAMIC_DNS') return
  if (!hosts.some(isWildcard) || addresses.some(isIpAddress)) return
  for (const [index, { number, name, protocol, targetPort }] of ports.entries()) {
    const kind = portClass(protocol, name)
    if (kind === 'tcp')
      report(
        ['ports', index],
        'connections for all names of a domain lead nowhere: nothing captures traffic, so nobody knows what the caller dialled',
        {
          code: 'FIELD_UNSUPPORTED',
          hint: 'name the hosts, give addresses, or let the port be TLS, which says the name',
        },
      )
    if (kind === 'http' && targetPort !== undefined && targetPort !== number)
      report(
        ['ports', index, 'targetPort'],
        'requests for all names of a domain go to the port that their authority says: nothing captures traffic',
        { code: 'FIELD_NO_EFFECT', hint: 'name the hosts' },
      )
  }
}

function serviceEntryRule(spec: ServiceEntrySpec, report: Report): void {
  const { resolution = 'NONE', hosts, ports = [] } = spec
  if (spec.workloadSelector && spec.endpoints)
    report(['endpoints'], 'only one of WorkloadSelector or Endpoints can be set', { code: 'FIELD_CONFLICT' })
  hostRules(spec, report)
  const names = portRules(spec, report)
  const cidr = (spec.addresses ?? []).findIndex((address) => address.includes('/'))
  if (cidr >= 0 && resolution !== 'NONE' && resolution !== 'STATIC')
    report(['addresses', cidr], 'CIDR addresses are allowed only for NONE/STATIC resolution types')
  resolutionRules(spec, names, report)
  dialledRules(spec, report)
  if (resolution !== 'NONE' && hosts.length > 1) {
    const index = ports.findIndex(({ protocol = '' }) => !['http', 'tls'].includes(protocolClass(protocol) ?? ''))
    if (index >= 0)
      report(['ports', index], 'several hosts cannot be told apart on a port that is neither HTTP nor TLS', {
        hint: 'write one ServiceEntry per host, or use resolution: NONE',
      })
  }
}

const serviceEntrySpec = checked(serviceEntrySpecFields, serviceEntryRule)
export type ServiceEntrySpec = z.infer<typeof serviceEntrySpecFields>

const USE_WAYPOINT = 'istio.io/use-waypoint'

/** A waypoint cannot serve hosts inside the mesh whose names are looked up per request. */
function waypointRule(
  { resolution, location = 'MESH_EXTERNAL' }: ServiceEntrySpec,
  { labels }: ObjectMeta,
  report: Report,
): void {
  const waypoint = labels[USE_WAYPOINT] ?? ''
  if (resolution === 'DYNAMIC_DNS' && location === 'MESH_INTERNAL' && !/^(none)?$/i.test(waypoint))
    report(['spec', 'location'], `DYNAMIC_DNS with MESH_INTERNAL cannot be combined with the label ${USE_WAYPOINT}`)
}

export const serviceEntry: KindDefinition<ServiceEntrySpec> = {
  kind: 'ServiceEntry',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'A service: its hosts, ports and where its endpoints come from.',
  compiled: true,
  specRequired: true,
  schema: serviceEntrySpec,
  check: (spec, meta, report) => {
    reportExportTo(spec.exportTo, meta.namespace, report, { service: true })
    waypointRule(spec, meta, report)
  },
}
