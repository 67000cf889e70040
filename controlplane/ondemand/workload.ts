import { parseNodeId } from '../bootstrap/node-id.ts'
import type { NodeInfo } from '../xds/resource.ts'

/** Labels that name the workload of a replica, as Istio and Kubernetes set them; the first one that is there counts. */
const LABELS = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'] as const

/**
 * Ends of pod names: `-<replica set>-<pod>` of a Deployment, `-<number>` of a StatefulSet. Of letters and digits Kubernetes uses only those that make
 * no words, so that `shop-admin` and `shop-users` are two workloads
 * (https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go).
 */
const REPLICA = /(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$|-\d+$/

/**
 * The workload a node is a replica of, as `<type>/<namespace>/<name>`: metadata `WORKLOAD_NAME`, else a label, else the name in
 * the node id without what tells replicas apart. Replicas of one workload use the same clusters.
 */
export function workloadOf({ id, cluster, metadata }: Pick<NodeInfo, 'id' | 'cluster' | 'metadata'>): string {
  const parts = parseNodeId(id)
  const labels = metadata['LABELS']
  const fromLabels =
    typeof labels === 'object' && labels !== null
      ? LABELS.map((label) => text((labels as Record<string, unknown>)[label])).find((name) => name !== undefined)
      : undefined
  const namespace = text(metadata['NAMESPACE']) ?? parts?.namespace ?? ''
  const name = text(metadata['WORKLOAD_NAME']) ?? fromLabels ?? parts?.name.replace(REPLICA, '') ?? (cluster || id)
  return `${parts?.type ?? ''}/${namespace}/${name}`
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
