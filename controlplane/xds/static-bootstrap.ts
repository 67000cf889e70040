import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { reachable, resourceJson } from './dump.ts'
import type { NodeInfo, View } from './resource.ts'

/**
 * Everything of a view as one static Envoy bootstrap that needs no control plane: routes stand in their listeners, load
 * assignments in their clusters, secrets beside them. Secrets are printed in full: the file is meant to run.
 */
export function staticBootstrap(view: View, node: Pick<NodeInfo, 'id' | 'cluster'>): JsonObject {
  const { cds, eds, lds, rds, sds } = reachable(view)
  const routes = new Map(rds.map((resource) => [resource.name, resourceJson(resource)]))
  const assignments = new Map(eds.map((resource) => [resource.name, resourceJson(resource)]))
  return {
    node: { id: node.id, cluster: node.cluster || node.id },
    staticResources: {
      listeners: lds.map((resource) => inline(resourceJson(resource), routes)),
      clusters: cds.map((resource) => staticCluster(inline(resourceJson(resource), routes) as JsonObject, assignments)),
      secrets: sds.map((resource) => resourceJson(resource, { secrets: true })),
    },
  }
}

/** Replaces every `rds` by the route table itself and lets secrets be found by name alone. */
function inline(json: JsonValue, routes: ReadonlyMap<string, JsonObject>): JsonValue {
  if (Array.isArray(json)) return json.map((item) => inline(item, routes))
  if (typeof json !== 'object' || json === null) return json
  const copy: JsonObject = {}
  for (const [key, value] of Object.entries(json)) {
    if (key === 'rds') {
      const name = String((value as JsonObject)['routeConfigName'])
      copy['routeConfig'] = { ...(routes.get(name) ?? { name, virtualHosts: [] }), validateClusters: false }
    } else if (/SdsSecretConfigs?$/.test(key)) copy[key] = withoutSource(value)
    else copy[key] = inline(value, routes)
  }
  return copy
}

function withoutSource(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(withoutSource)
  const { sdsConfig: _, ...rest } = json as JsonObject
  return rest
}

function staticCluster(cluster: JsonObject, assignments: ReadonlyMap<string, JsonObject>): JsonObject {
  if (cluster['type'] !== 'EDS') return cluster
  const { edsClusterConfig, ...rest } = cluster
  const name = String((edsClusterConfig as JsonObject | undefined)?.['serviceName'] ?? cluster['name'])
  return { ...rest, type: 'STATIC', loadAssignment: assignments.get(name) ?? { clusterName: name } }
}
