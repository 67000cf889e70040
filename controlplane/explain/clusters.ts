import { fromBinary } from '@bufbuild/protobuf'
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import type { ClassView } from '../xds/class-view.ts'
import { durationText, endpointText } from './describe.ts'
import { type Explanation, percent, places, type Step, said } from './step.ts'
import { joined, same } from './wording.ts'

/** Through clusters, in shares by weight, to their endpoints; adds to `steps`. */
export function throughClusters(
  view: ClassView,
  steps: Step[],
  targets: readonly { readonly cluster: string; readonly weight: number }[],
): Explanation {
  const sum = targets.reduce((total, { weight }) => total + weight, 0)
  let reached = false
  for (const { cluster: name, weight } of targets) {
    const share = sum > 0 ? weight / sum : 0
    const resource = view.get('cds', name)
    if (!resource) {
      const missing = { en: 'does not exist: 503 NC', zh: '不存在：503 NC' }
      steps.push({ step: 'cluster', name, share, ...said(missing), places: [] })
      continue
    }
    const cluster = fromBinary(ClusterSchema, resource.bytes)
    const timeout = cluster.connectTimeout && durationText(cluster.connectTimeout)
    const policy = cluster.loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.name.split('.').at(-1)
    steps.push({
      step: 'cluster',
      name,
      share,
      ...said({
        en: `${percent(share)} of requests, ${policy ?? 'default'} load balancing${timeout ? `, connect timeout ${timeout}` : ''}`,
        zh: `${percent(share)} 的请求，${policy ?? '默认'} 负载均衡${timeout ? `，连接超时 ${timeout}` : ''}`,
      }),
      places: places(resource.origins),
    })
    const assignment = resource.children.flatMap((child) => view.get(child.type, child.name) ?? [])[0]
    const localities = assignment
      ? fromBinary(ClusterLoadAssignmentSchema, assignment.bytes).endpoints
      : (cluster.loadAssignment?.endpoints ?? [])
    const endpoints = localities.flatMap((locality) => locality.lbEndpoints).map((one) => same(endpointText(one)))
    if (goesWhereAsked(cluster))
      endpoints.push({ en: 'the host and port that the request names', zh: '请求中写明的主机和端口' })
    reached ||= endpoints.length > 0
    steps.push({
      step: 'endpoints',
      name,
      ...said(
        endpoints.length > 0
          ? joined(endpoints)
          : { en: 'none: 503 UH (no healthy upstream)', zh: '没有端点：503 UH（没有健康的上游）' },
      ),
      places: places((assignment ?? resource).origins),
    })
  }
  return { steps, outcome: reached ? 'endpoints' : 'none', found: reached }
}

/** Clusters without endpoints of their own: the caller tells where a request goes. */
function goesWhereAsked({ clusterDiscoveryType: discovery }: Cluster): boolean {
  if (discovery.case === 'type') return discovery.value === Cluster_DiscoveryType.ORIGINAL_DST
  return discovery.case === 'clusterType' && discovery.value.name === 'envoy.clusters.dynamic_forward_proxy'
}
