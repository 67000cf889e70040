import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { DnsLookupFamily } from '../../../proto/gen/envoy/extensions/clusters/common/dns/v3/dns_pb.ts'
import { DnsClusterSchema } from '../../../proto/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts'
import { duration, pack } from '../../../proto/make.ts'

/** How often names are asked again when an answer carries no TTL, as in Istio. */
const REFRESH_MS = 60_000
/** After a failed look-up Envoy would wait as long as after a good one; names of services that just start are asked sooner. */
const RETRY_MS = { base: 1000, max: 10_000 } as const

/**
 * A cluster whose endpoints are DNS names. `oneAnswer` connects each time to one of the answers (logical DNS, for large
 * public hosts); otherwise every answer is an endpoint (strict DNS).
 * IPv4 is preferred: with both families a host that listens on one only would fail half of its requests.
 */
export function dnsDiscovery(oneAnswer: boolean): Pick<MessageInitShape<typeof ClusterSchema>, 'clusterDiscoveryType'> {
  const typedConfig = pack(DnsClusterSchema, {
    dnsRefreshRate: duration(REFRESH_MS),
    dnsFailureRefreshRate: { baseInterval: duration(RETRY_MS.base), maxInterval: duration(RETRY_MS.max) },
    respectDnsTtl: true,
    dnsLookupFamily: DnsLookupFamily.V4_PREFERRED,
    allAddressesInSingleEndpoint: oneAnswer,
  })
  return { clusterDiscoveryType: { case: 'clusterType', value: { name: 'envoy.clusters.dns', typedConfig } } }
}
