import { isIP } from 'node:net'
import { Cluster_DiscoveryType, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { duration, make } from '../../../proto/make.ts'
import type { Scope } from '../../model/scope.ts'
import { RATE_LIMIT_CLUSTER } from '../names.ts'
import { type CompiledCluster, closedCluster } from './cluster.ts'
import { httpProtocolOptions } from './http-protocol-options.ts'
import { upstreamTls } from './tls.ts'

/** Whether the proxies of a class need a cluster of the service: limits apply to them, and the service is not the control plane itself. */
export function needsRateLimitCluster(scope: Scope): boolean {
  return scope.settings().rateLimitService !== undefined && scope.rateLimits().length > 0
}

/** Where the rate limit service of `Mesh.spec.rateLimitService` listens, with the TLS of `rateLimitServiceTls`. */
export function rateLimitServiceCluster(scope: Scope): CompiledCluster | undefined {
  const service = scope.settings().rateLimitService
  // Message proxies may also need it for a MetaRouter; they get no cluster that no table names.
  if (!service || (scope.proxy.type !== 'message' && !needsRateLimitCluster(scope))) return undefined
  const { host, port } = service
  const { rateLimitTls, workloadCertificates } = scope.settings()
  const tls = upstreamTls({
    // The authority of these calls is the name of the cluster: it says nothing about whom to expect.
    settings: rateLimitTls && {
      ...rateLimitTls,
      value: { ...rateLimitTls.value, sni: rateLimitTls.value.sni || (isIP(host) ? '' : host) },
    },
    ...{ port, subset: '', hostname: host, serverNames: () => [host], http2: true },
    secretsAllowed: scope.proxy.secretsAllowed,
    workload: workloadCertificates,
  })
  const origins = rateLimitTls ? [rateLimitTls.origin] : []
  if (tls.kind === 'refused') return closedCluster(scope, RATE_LIMIT_CLUSTER, origins, [tls.problem])
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
    ...(tls.kind === 'tls' && { transportSocket: tls.transportSocket }),
  })
  return { message, origins, children: [], problems: tls.kind === 'tls' ? tls.warnings : [] }
}
