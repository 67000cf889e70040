import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type ClusterSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'

/**
 * A cluster that connects to the address the caller had dialled. It works only where something captures traffic (iptables,
 * TPROXY) and the listener restores that address; elsewhere its requests fail.
 */
export function originalDestination(): Pick<
  MessageInitShape<typeof ClusterSchema>,
  'clusterDiscoveryType' | 'lbPolicy'
> {
  return {
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  }
}
