import { Cluster_DiscoveryType, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Server } from '../../config/kinds/gateway.ts'
import { leadsToItself, localEndpointProblem, splitHostPort, UNIX_PREFIX } from '../../config/syntax/address.ts'
import type { Scope } from '../../model/scope.ts'
import { portProtocol } from '../../model/service.ts'
import { gatewayServers } from '../routes/gateway-servers.ts'
import type { CompiledCluster } from './cluster.ts'
import { connectTimeout } from './connection-pool.ts'
import { httpProtocolOptions } from './http-protocol-options.ts'
import { socketAddress } from './load-assignment.ts'

/** Where a program beside the proxy listens. `host` is an IP address, or `unix://<path>` (then `port` is 0). */
export interface LocalEndpoint {
  readonly host: string
  readonly port: number
}

/**
 * `127.0.0.1:PORT`, `[::1]:PORT`, `:PORT` or `unix:///path`. The wildcard addresses mean the workload's own IP in Istio; nothing
 * captures traffic here, so loopback reaches the same socket. undefined when it is none of these.
 */
export function localEndpoint(text: string): LocalEndpoint | undefined {
  if (localEndpointProblem(text) !== undefined) return undefined
  if (text.startsWith(UNIX_PREFIX)) return { host: text, port: 0 }
  const parts = splitHostPort(text)!
  const port = Number(parts.port)
  if (text.startsWith('[')) return { host: parts.host === '::' ? '::1' : parts.host, port }
  return { host: parts.host === '0.0.0.0' || parts.host === '' ? '127.0.0.1' : parts.host, port }
}

const PREFIX = 'default|'

/**
 * The cluster of a gateway server's `defaultEndpoint`, if it has a usable one: an address of this machine that is not the server's own.
 * Servers that name the same endpoint share it.
 */
export function fallbackCluster({ defaultEndpoint = '', bind = '', port }: Server): string | undefined {
  if (!localEndpoint(defaultEndpoint) || leadsToItself(bind, port.number, defaultEndpoint)) return undefined
  return `${PREFIX}${defaultEndpoint}`
}

/** Clusters of all `defaultEndpoint`s of a gateway proxy. */
export function defaultEndpointClusters(scope: Scope): readonly string[] {
  if (scope.proxy.type !== 'router') return []
  return [...new Set(gatewayServers(scope).flatMap(({ server }) => fallbackCluster(server) ?? []))]
}

/** The cluster behind a `defaultEndpoint`, or undefined when no server of the gateway has it. */
export function compileDefaultEndpoint(scope: Scope, name: string): CompiledCluster | undefined {
  if (scope.proxy.type !== 'router' || !name.startsWith(PREFIX)) return undefined
  const servers = gatewayServers(scope).filter(({ server }) => fallbackCluster(server) === name)
  const endpoint = servers[0] && localEndpoint(name.slice(PREFIX.length))
  if (!endpoint) return undefined
  const address = socketAddress(endpoint.host, endpoint.port)
  const { port } = servers[0]!.server
  const { protocol } = portProtocol(port.protocol, port.name)
  const message = make(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: connectTimeout(undefined, scope.settings().connectTimeoutMs),
    typedExtensionProtocolOptions: httpProtocolOptions({
      protocol,
      pool: undefined,
      outlier: undefined,
      autoSni: false,
      autoSanValidation: false,
    }),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
    },
  })
  const origins = servers.map(({ origin }) => ({ ...origin, path: [...origin.path, 'defaultEndpoint'] }))
  return { message, origins, children: [], problems: [] }
}
