import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type ClusterSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'

/**
 * A cluster that connects to the address the caller had dialled. It works only where something captures traffic (iptables,
 * TPROXY) and the listener restores that address; elsewhere its requests fail.
 * @param port that is taken in place of the one dialled
 */
export function originalDestination(
  port?: number,
): Pick<MessageInitShape<typeof ClusterSchema>, 'clusterDiscoveryType' | 'lbPolicy' | 'lbConfig'> {
  return {
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    ...(port !== undefined && { lbConfig: { case: 'originalDstLbConfig', value: { upstreamPortOverride: port } } }),
  }
}
