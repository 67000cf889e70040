import { Cluster_DiscoveryType, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { make } from '../../../proto/make.ts'
import type { IstioIngressListener } from '../../config/kinds/sidecar.ts'
import type { Scope } from '../../model/scope.ts'
import { portProtocol } from '../../model/service.ts'
import { inboundName } from '../names.ts'
import type { CompiledCluster } from './cluster.ts'
import { circuitBreakers, connectTimeout, upstreamConnectionOptions } from './connection-pool.ts'
import { httpProtocolOptions } from './http-protocol-options.ts'
import { socketAddress } from './load-assignment.ts'
import { type LocalEndpoint, localEndpoint } from './local-endpoint.ts'

/** Names of the clusters a sidecar hands inbound traffic to: one for each ingress port of its Sidecar. */
export function inboundNames(scope: Scope): readonly string[] {
  const ports = (scope.sidecar()?.spec.ingress ?? []).flatMap(({ port }) => (port.number ? [port.number] : []))
  return [...new Set(ports)].map(inboundName)
}

/** The cluster behind an ingress port: the workload itself, on loopback or a Unix domain socket. */
export function inboundCluster(scope: Scope, name: string): CompiledCluster | undefined {
  const sidecar = scope.sidecar()
  const index = sidecar?.spec.ingress?.findIndex(({ port }) => port.number && inboundName(port.number) === name) ?? -1
  if (!sidecar || index < 0) return undefined
  const listener = sidecar.spec.ingress![index]!
  const pool = listener.connectionPool ?? sidecar.spec.inboundConnectionPool
  const { protocol } = portProtocol(listener.port.protocol, listener.port.name)
  const { host, port } = workloadAddress(listener)
  const endpoint = { address: socketAddress(host, port) }
  const message = make(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: connectTimeout(pool, scope.settings().connectTimeoutMs),
    circuitBreakers: circuitBreakers(pool, undefined),
    upstreamConnectionOptions: upstreamConnectionOptions(pool),
    typedExtensionProtocolOptions: httpProtocolOptions({
      protocol,
      pool,
      outlier: undefined,
      autoSni: false,
      autoSanValidation: false,
    }),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: endpoint } }] }],
    },
  })
  return { message, origins: [{ object: sidecar, path: ['spec', 'ingress', index] }], children: [], problems: [] }
}

/** Where the workload listens; without a default endpoint it is the port itself on loopback. */
function workloadAddress({ defaultEndpoint = '', port }: IstioIngressListener): LocalEndpoint {
  return localEndpoint(defaultEndpoint) ?? { host: '127.0.0.1', port: port.number ?? 0 }
}
