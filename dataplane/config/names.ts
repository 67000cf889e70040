import { anyUnpack } from '@bufbuild/protobuf/wkt'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { DnsLookupFamily } from '../../proto/gen/envoy/extensions/clusters/common/dns/v3/dns_pb.ts'
import { DnsClusterSchema } from '../../proto/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts'
import type { ClusterConfig } from '../configuration.ts'
import { MOST_MS, milliseconds } from './values.ts'

/** Envoy's default for names that carry no time of their own, in ms. */
const REFRESH_MS = 5000

/**
 * How names become hosts in a cluster of type STRICT_DNS. With LOGICAL_DNS a name is one host, looked up by each connection. The system's resolver
 * tells no time to live: where Envoy would go by it, names are looked up as often as it does by default.
 */
export function namesOf(cluster: Cluster): Pick<Partial<ClusterConfig>, 'names'> {
  const { clusterDiscoveryType: type } = cluster
  const any = type.case === 'clusterType' ? type.value.typedConfig : undefined
  const dns = any && anyUnpack(any, DnsClusterSchema)
  if (!dns && !(type.case === 'type' && type.value === Cluster_DiscoveryType.STRICT_DNS)) return {}
  if (dns?.allAddressesInSingleEndpoint) return {}
  const { dnsRefreshRate, dnsFailureRefreshRate, respectDnsTtl } = dns ?? cluster
  const written = milliseconds('dns_refresh_rate', dnsRefreshRate) || REFRESH_MS
  const refreshMs = respectDnsTtl ? Math.min(written, REFRESH_MS) : written
  const base = milliseconds('dns_failure_refresh_rate.base_interval', dnsFailureRefreshRate?.baseInterval)
  const max = milliseconds('dns_failure_refresh_rate.max_interval', dnsFailureRefreshRate?.maxInterval)
  const family = dns ? FAMILY[dns.dnsLookupFamily] : OLD_FAMILY[cluster.dnsLookupFamily]
  const retryMs = base ? { base, max: max || Math.min(10 * base, MOST_MS) } : { base: written, max: written }
  return { names: { family, refreshMs, retryMs } }
}

type Family = NonNullable<ClusterConfig['names']>['family']
const FAMILY: Readonly<Record<DnsLookupFamily, Family>> = {
  [DnsLookupFamily.UNSPECIFIED]: 'v6Preferred',
  [DnsLookupFamily.AUTO]: 'v6Preferred',
  [DnsLookupFamily.V4_ONLY]: 'v4',
  [DnsLookupFamily.V6_ONLY]: 'v6',
  [DnsLookupFamily.V4_PREFERRED]: 'v4Preferred',
  [DnsLookupFamily.ALL]: 'all',
}
const OLD_FAMILY: Readonly<Record<Cluster_DnsLookupFamily, Family>> = {
  [Cluster_DnsLookupFamily.AUTO]: 'v6Preferred',
  [Cluster_DnsLookupFamily.V4_ONLY]: 'v4',
  [Cluster_DnsLookupFamily.V6_ONLY]: 'v6',
  [Cluster_DnsLookupFamily.V4_PREFERRED]: 'v4Preferred',
  [Cluster_DnsLookupFamily.ALL]: 'all',
}
