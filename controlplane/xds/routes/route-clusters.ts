import type { Route } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'

const NONE: readonly string[] = []

/** Clusters a route sends requests to: those of its split with a weight. Mirrors are not among them. */
export function routeClusters({ action }: Pick<Route, 'action'>): readonly string[] {
  if (action.case !== 'route') return NONE
  const { clusterSpecifier } = action.value
  if (clusterSpecifier.case === 'cluster') return [clusterSpecifier.value]
  if (clusterSpecifier.case !== 'weightedClusters') return NONE
  return clusterSpecifier.value.clusters.filter((one) => (one.weight ?? 0) > 0).map((one) => one.name)
}
