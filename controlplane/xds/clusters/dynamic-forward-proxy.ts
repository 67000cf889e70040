import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
  type ClusterSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterConfigSchema } from '../../../proto/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.ts'
import type { DnsCacheConfigSchema } from '../../../proto/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.ts'
import { duration, pack } from '../../../proto/make.ts'

/**
 * The DNS cache that forwarding clusters share with the HTTP filter in front of them. Envoy finds a cache by its name and
 * refuses a second one of the same name with other settings: whoever configures the filter must use exactly this.
 */
export function dnsCacheConfig(): MessageInitShape<typeof DnsCacheConfigSchema> {
  return {
    name: 'meshgate',
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    dnsFailureRefreshRate: { baseInterval: duration(1000), maxInterval: duration(10_000) },
  }
}

/**
 * A cluster that connects to the host and port of the request's authority. Without traffic capture nobody knows an original
 * destination, so this is what resolution NONE means for HTTP. `verifiesName` tells that TLS checks the server's name.
 */
export function forwardToAuthority(
  verifiesName: boolean,
): Pick<MessageInitShape<typeof ClusterSchema>, 'clusterDiscoveryType' | 'lbPolicy'> {
  const typedConfig = pack(ClusterConfigSchema, {
    clusterImplementationSpecifier: { case: 'dnsCacheConfig', value: dnsCacheConfig() },
    // Envoy insists on SNI and name checks taken from the authority, even where there is no TLS.
    allowInsecureClusterOptions: !verifiesName,
  })
  return {
    clusterDiscoveryType: { case: 'clusterType', value: { name: 'envoy.clusters.dynamic_forward_proxy', typedConfig } },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  }
}
