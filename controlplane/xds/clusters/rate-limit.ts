import { isIP } from 'node:net'
import { Cluster_DiscoveryType, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { duration, make } from '../../../proto/make.ts'
import type { Scope } from '../../model/scope.ts'
import { RATE_LIMIT_CLUSTER } from '../names.ts'
import type { CompiledCluster } from './cluster.ts'
import { httpProtocolOptions } from './http-protocol-options.ts'

/** Whether the proxies of a class need a cluster of the service: limits apply to them, and the service is not the control plane itself. */
export function needsRateLimitCluster(scope: Scope): boolean {
  return scope.settings().rateLimitService !== undefined && scope.rateLimits().length > 0
}

/** Where the rate limit service of `Mesh.spec.rateLimitService` listens: gRPC without TLS. */
export function rateLimitServiceCluster(scope: Scope): CompiledCluster | undefined {
  const service = scope.settings().rateLimitService
  // Message proxies may also need it for a MetaRouter; they get no cluster that no table names.
  if (!service || (scope.proxy.type !== 'message' && !needsRateLimitCluster(scope))) return undefined
  const { host, port } = service
  const message = make(ClusterSchema, {
    name: RATE_LIMIT_CLUSTER,
    clusterDiscoveryType: {
      case: 'type',
      value: isIP(host) ? Cluster_DiscoveryType.STATIC : Cluster_DiscoveryType.STRICT_DNS,
    },
    connectTimeout: duration(250),
    loadAssignment: {
      clusterName: RATE_LIMIT_CLUSTER,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: {
                  address: {
                    address: {
                      case: 'socketAddress',
                      value: { address: host, portSpecifier: { case: 'portValue', value: port } },
                    },
                  },
                },
              },
            },
          ],
        },
      ],
    },
    typedExtensionProtocolOptions: httpProtocolOptions({
      protocol: 'grpc',
      pool: undefined,
      outlier: undefined,
      autoSni: false,
      autoSanValidation: false,
    }),
  })
  return { message, origins: [], children: [], problems: [] }
}
