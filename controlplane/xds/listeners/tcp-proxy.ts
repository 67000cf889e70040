import type { MessageInitShape } from '@bufbuild/protobuf'
import { FilterConfigSchema as SniForwardProxySchema } from '../../../proto/gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.ts'
import { TcpProxySchema } from '../../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { HashPolicySchema } from '../../../proto/gen/envoy/type/v3/hash_policy_pb.ts'
import { duration, make, pack } from '../../../proto/make.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import type { Scope } from '../../model/index.ts'
import { outboundClusterName, parseOutboundClusterName } from '../../model/service.ts'
import { outboundOfSniCluster } from '../clusters/auto-passthrough.ts'
import { dnsCacheConfig } from '../clusters/dynamic-forward-proxy.ts'
import { consistentHashOf, effectivePolicy } from '../clusters/policy.ts'
import { discoveryOf, findTarget, policyOf } from '../clusters/targets.ts'
import { type Tunnel, tunnelOf } from '../clusters/tunnel.ts'
import { BLACK_HOLE_CLUSTER } from '../names.ts'
import { wireName } from '../wire-name.ts'
import { accessLogs } from './access-log.ts'
import type { L4Target } from './l4-routes.ts'
import type { Chain } from './listener.ts'
import { tcpOnDemand } from './on-demand.ts'

/** A chain's filter that passes bytes to one cluster, or to several by the weight of connections; before it what they need. */
export function tcpProxy(
  scope: Scope,
  statPrefix: string,
  targets: readonly L4Target[],
): Pick<Chain, 'filter' | 'first'> {
  const used = targets.filter((target) => target.weight > 0)
  const clusters = used.length > 0 ? used : [{ cluster: BLACK_HOLE_CLUSTER, weight: 1 }]
  const forward = clusters.map(({ cluster }) => forwardedPort(scope, cluster)).find((port) => port !== undefined)
  const filter = {
    name: 'envoy.filters.network.tcp_proxy',
    config: pack(TcpProxySchema, {
      statPrefix,
      clusterSpecifier:
        clusters.length === 1
          ? { case: 'cluster', value: clusters[0]!.cluster }
          : {
              case: 'weightedClusters',
              value: { clusters: clusters.map(({ cluster, weight }) => ({ name: cluster, weight })) },
            },
      accessLog: accessLogs(scope, 'tcp', statPrefix.startsWith('inbound|') ? 'inbound' : 'outbound'),
      onDemand: tcpOnDemand(scope),
      ...filterSettings(clusters.map(({ cluster }) => connectionPolicy(scope, cluster))),
    }),
  }
  return { filter, ...(forward !== undefined && { first: forwardByName(forward) }) }
}

/** The port of the servers of a cluster that connects to the name a TLS handshake asks for; undefined for all others. */
function forwardedPort(scope: Scope, cluster: string): number | undefined {
  const target = findTarget(scope, cluster)
  if (!target || discoveryOf(target, policyOf(scope, target)) !== 'authority') return undefined
  return target.port.targetPort ?? target.port.number
}

/** Looks that name up for the cluster, which connects to no name that nobody looked up. */
function forwardByName(port: number): Chain['filter'] {
  return {
    name: 'envoy.filters.network.sni_dynamic_forward_proxy',
    config: pack(SniForwardProxySchema, {
      dnsCacheConfig: dnsCacheConfig(),
      portSpecifier: { case: 'portValue', value: port },
    }),
  }
}

/** What DestinationRules say about connections themselves. Times in ms; Infinity: no limit. */
interface ConnectionPolicy {
  /** undefined: Envoy's default, one hour. */
  readonly idleTimeout: number | undefined
  readonly longestLife: number
  readonly hashSourceIp: boolean
  readonly tunnel: Tunnel | undefined
}

/** Envoy's `idle_timeout` when a TcpProxy says nothing. */
const DEFAULT_IDLE_MS = 3_600_000

/**
 * A TcpProxy has one idle time, one longest life and one tunnel for all its clusters: no connection ends before its own
 * cluster's rule says so, and a tunnel is set when it is the same for all.
 */
function filterSettings(policies: readonly ConnectionPolicy[]): MessageInitShape<typeof TcpProxySchema> {
  const idle = policies.some(({ idleTimeout }) => idleTimeout !== undefined)
    ? Math.max(...policies.map(({ idleTimeout = DEFAULT_IDLE_MS }) => idleTimeout))
    : undefined
  const life = Math.max(...policies.map(({ longestLife }) => longestLife))
  const { tunnel } = policies[0]!
  const sameTunnel = policies.every(
    (one) => one.tunnel?.authority === tunnel?.authority && one.tunnel?.method === tunnel?.method,
  )
  return {
    ...(idle !== undefined && { idleTimeout: duration(Number.isFinite(idle) ? idle : 0) }),
    ...(Number.isFinite(life) && { maxDownstreamConnectionDuration: duration(life) }),
    ...(policies.some(({ hashSourceIp }) => hashSourceIp) && {
      hashPolicy: [make(HashPolicySchema, { policySpecifier: { case: 'sourceIp', value: {} } })],
    }),
    ...(tunnel && sameTunnel && { tunnelingConfig: { hostname: tunnel.authority, usePost: tunnel.method === 'POST' } }),
  }
}

const NO_POLICY: ConnectionPolicy = {
  idleTimeout: undefined,
  longestLife: Number.POSITIVE_INFINITY,
  hashSourceIp: false,
  tunnel: undefined,
}

function connectionPolicy(scope: Scope, cluster: string): ConnectionPolicy {
  const throughSni = outboundOfSniCluster(cluster)
  const parts = parseOutboundClusterName(throughSni ?? cluster)
  const service = parts && scope.service(parts.hostname)
  const port = service?.ports.find((candidate) => candidate.number === parts!.port)
  if (!service || !port) return NO_POLICY
  const { subset } = parts
  const tcp = effectivePolicy(scope, service, port, subset).connectionPool?.value.tcp
  const idle = tcp?.idleTimeout && parseDuration(tcp.idleTimeout)
  const life = tcp?.maxConnectionDuration && parseDuration(tcp.maxConnectionDuration)
  return {
    // 0s means for ever.
    idleTimeout: idle === 0 ? Number.POSITIVE_INFINITY : idle || undefined,
    longestLife: life || Number.POSITIVE_INFINITY,
    hashSourceIp: consistentHashOf(scope, service, port, subset)?.value.useSourceIp === true,
    tunnel: throughSni === undefined ? tunnelOf(scope, service, port, subset)?.value : undefined,
  }
}

/** Where connections of a service go when no rule says otherwise. */
export function defaultTarget(scope: Scope, hostname: string, port: number): L4Target {
  return { cluster: wireName(scope, outboundClusterName(port, '', hostname)), weight: 1 }
}
