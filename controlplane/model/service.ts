import { isIP } from 'node:net'
import type { Origin } from '../config/object.ts'

/** How a port's bytes are treated. Chosen by Istio's rule: `protocol` field, else the name's prefix before `-`. */
export type PortProtocol =
  | 'http'
  | 'http2'
  | 'grpc'
  | 'grpc-web'
  | 'https'
  | 'tls'
  | 'tcp'
  | 'mongo'
  | 'mysql'
  | 'redis'
  | 'thrift'
  | 'udp'

export interface ServicePort {
  readonly number: number
  readonly name: string
  readonly protocol: PortProtocol
  /** The protocol as the user named it, in lower case (`tcp`, `game`): private protocols are TCP for Envoy. */
  readonly protocolName: string
  /** Port on the endpoints when it is not `number`. */
  readonly targetPort: number | undefined
}

/**
 * STATIC: endpoints are addresses. DNS: all answers. DNS_ROUND_ROBIN: one answer a connection. NONE: the address the caller asked for.
 * DYNAMIC_DNS: the name it asked for.
 */
export type Resolution = 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS' | 'NONE'

/**
 * One host of the registry, without its endpoints: those change more often, and a change of endpoints must not touch what
 * only depends on the service. Immutable; equal content keeps the same object.
 */
export interface Service {
  readonly hostname: string
  readonly namespace: string
  readonly ports: readonly ServicePort[]
  /** Virtual addresses (IP or CIDR). */
  readonly addresses: readonly string[]
  readonly resolution: Resolution
  readonly meshExternal: boolean
  readonly exportTo: readonly string[]
  readonly subjectAltNames: readonly string[]
  /** What messages for it call it, where several services share a port: the annotation `interface`, as Aeraki has it. */
  readonly interfaceName?: string | undefined
  /** The object that declares it and the path of the host. */
  readonly origin: Origin
}

export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subZone: string
}

/**
 * unhealthy: gets requests only while too few are healthy (Envoy's panic threshold). draining: it leaves, what it has under way
 * may end, nothing new is given to it.
 */
export type EndpointHealth = 'healthy' | 'unhealthy' | 'draining'

/** A place a request may go to. `address` is an IP, a DNS name or `unix://<path>`. */
export interface Endpoint {
  readonly address: string
  /** Port on that address; 0 for Unix domain sockets. */
  readonly port: number
  readonly labels: Readonly<Record<string, string>>
  readonly locality: Locality
  /** Relative weight, at least 1. */
  readonly weight: number
  /** Healthy when absent. */
  readonly health?: EndpointHealth
  readonly origin: Origin
}

/**
 * Where a service is that lists no endpoints: at its own name. With NONE it is where its callers dial, which are the addresses it says it has, or
 * that name; nobody knows it of one that is all names of a domain.
 */
export function placesOfItself({ resolution, hostname, addresses }: Service): readonly string[] {
  if (resolution === 'STATIC') return []
  const dialled = resolution === 'NONE' ? addresses.filter((address) => isIP(address) !== 0) : []
  if (dialled.length > 0) return dialled
  return resolution.startsWith('DNS') || !hostname.startsWith('*') ? [hostname] : []
}

/** Whether requests of a port are routed one by one. */
export function isHttp(protocol: PortProtocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc' || protocol === 'grpc-web'
}

/** Whether clients of a port bring TLS of their own. */
export function isTls(protocol: PortProtocol): boolean {
  return protocol === 'https' || protocol === 'tls'
}

/** HTTP/2 to the upstream without asking: gRPC and http2 ports. What comes as gRPC-Web goes on as gRPC. */
export function isHttp2(protocol: PortProtocol): boolean {
  return protocol === 'http2' || protocol === 'grpc' || protocol === 'grpc-web'
}

/** Istio's cluster name: `outbound|<port>|<subset>|<host>` (https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/). */
export function outboundClusterName(port: number, subset: string, hostname: string): string {
  return `outbound|${port}|${subset}|${hostname}`
}

/** What an outbound cluster's name says. */
export interface OutboundCluster {
  readonly port: number
  /** Empty for all endpoints of the host. */
  readonly subset: string
  readonly hostname: string
}

/** The parts of an outbound cluster name, its generation left out, or undefined when it is no such name. */
export function parseOutboundClusterName(name: string): OutboundCluster | undefined {
  const match = /^outbound\|(\d+)\|([^|]*)\|([^~]+)(?:~\d+)?$/.exec(name)
  return match ? { port: Number(match[1]), subset: match[2]!, hostname: match[3]! } : undefined
}

const PROTOCOLS: ReadonlySet<string> = new Set<PortProtocol>([
  'http',
  'http2',
  'grpc',
  'grpc-web',
  'https',
  'tls',
  'tcp',
  'mongo',
  'mysql',
  'redis',
  'thrift',
  'udp',
])

/**
 * The protocol of a port: its `protocol` field, else the name up to a dash (`http-metrics` is http), else TCP
 * (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/).
 */
export function portProtocol(
  field: string | undefined,
  name: string | undefined,
): Pick<ServicePort, 'protocol' | 'protocolName'> {
  const wanted = (field ?? '').toLowerCase() || protocolPrefix((name ?? '').toLowerCase()) || 'tcp'
  return { protocol: PROTOCOLS.has(wanted) ? (wanted as PortProtocol) : 'tcp', protocolName: wanted }
}

function protocolPrefix(name: string): string {
  if (name === 'grpc-web' || name.startsWith('grpc-web-')) return 'grpc-web'
  return name.split('-', 1)[0]!
}
