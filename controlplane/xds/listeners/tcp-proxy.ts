import { TcpProxySchema } from '../../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { HashPolicySchema } from '../../../proto/gen/envoy/type/v3/hash_policy_pb.ts'
import { duration, make, pack } from '../../../proto/make.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import type { Scope } from '../../model/index.ts'
import { outboundClusterName, parseOutboundClusterName } from '../../model/service.ts'
import { consistentHashOf, effectivePolicy } from '../clusters/policy.ts'
import { BLACK_HOLE_CLUSTER } from '../names.ts'
import { accessLog } from './access-log.ts'
import type { L4Target } from './l4-routes.ts'
import type { Chain } from './listener.ts'

/** A chain's filter that passes bytes to one cluster, or to several by the weight of connections. */
export function tcpProxy(scope: Scope, statPrefix: string, targets: readonly L4Target[]): Chain['filter'] {
  const used = targets.filter((target) => target.weight > 0)
  const clusters = used.length > 0 ? used : [{ cluster: BLACK_HOLE_CLUSTER, weight: 1 }]
  const settings = clusters.length === 1 ? clusterSettings(scope, clusters[0]!.cluster) : {}
  return {
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
      accessLog: accessLog(scope.settings()),
      ...settings,
    }),
  }
}

/** What a DestinationRule says about connections themselves: idle time, hashing by source address, tunnels. */
function clusterSettings(scope: Scope, cluster: string) {
  const parts = parseOutboundClusterName(cluster)
  const service = parts && scope.service(parts.hostname)
  const port = service?.ports.find((candidate) => candidate.number === parts!.port)
  if (!service || !port) return {}
  const { subset } = parts
  const policy = effectivePolicy(scope, service, port, subset)
  const idle = policy.connectionPool?.value.tcp?.idleTimeout
  const hash = consistentHashOf(scope, service, port, subset)
  const tunnel = policy.tunnel?.value
  return {
    ...(idle !== undefined && { idleTimeout: duration(parseDuration(idle) ?? 0) }),
    ...(hash?.value.useSourceIp && {
      hashPolicy: [make(HashPolicySchema, { policySpecifier: { case: 'sourceIp', value: {} } })],
    }),
    ...(tunnel && {
      tunnelingConfig: {
        hostname: `${tunnel.targetHost}:${tunnel.targetPort}`,
        usePost: tunnel.protocol === 'POST',
      },
    }),
  }
}

/** Where connections of a service go when no rule says otherwise. */
export function defaultTarget(hostname: string, port: number): L4Target {
  return { cluster: outboundClusterName(port, '', hostname), weight: 1 }
}
