import { commonBootstrap, type EnvoyBootstrap, type NodeOptions } from './envoy.ts'

type Json = null | boolean | number | string | readonly Json[] | JsonObject
type JsonObject = { readonly [key: string]: Json }

/** Everything one proxy gets, each resource in canonical protobuf JSON (camelCase), secrets in plain. */
export interface StaticResources {
  readonly clusters: readonly JsonObject[]
  readonly endpoints: readonly JsonObject[]
  readonly listeners: readonly JsonObject[]
  readonly routes: readonly JsonObject[]
  readonly secrets: readonly JsonObject[]
}

export interface StaticBootstrapOptions {
  readonly node: NodeOptions
  readonly adminPort?: number | undefined
  readonly resources: StaticResources
}

/**
 * One file that runs without a control plane: routes stand in their listeners, load assignments in their clusters, secrets
 * are static. What a route table or assignment over xDS may leave open stays open: unknown clusters in routes are allowed, a
 * cluster without assignment has no endpoints.
 */
export function staticBootstrap({ node, adminPort, resources }: StaticBootstrapOptions): EnvoyBootstrap {
  const assignments = byName(resources.endpoints, 'clusterName')
  const routes = byName(resources.routes, 'name')
  const clusters = resources.clusters.map((cluster) => withoutSds(staticCluster(cluster, assignments)))
  const listeners = resources.listeners.map((listener) => withoutSds(inlineRoutes(listener, routes)))
  return {
    ...commonBootstrap({ node, adminPort }),
    static_resources: {
      ...(listeners.length > 0 ? { listeners } : {}),
      ...(clusters.length > 0 ? { clusters } : {}),
      ...(resources.secrets.length > 0 ? { secrets: resources.secrets } : {}),
    },
  }
}

function byName(list: readonly JsonObject[], key: string): ReadonlyMap<string, JsonObject> {
  return new Map(list.map((resource) => [String(resource[key] ?? ''), resource]))
}

function staticCluster(cluster: JsonObject, assignments: ReadonlyMap<string, JsonObject>): JsonObject {
  if (cluster['type'] !== 'EDS') return cluster
  const { edsClusterConfig, ...rest } = cluster
  const name = String(cluster['name'] ?? '')
  const service = isObject(edsClusterConfig) ? String(edsClusterConfig['serviceName'] || name) : name
  const assignment = assignments.get(service)
  return { ...rest, type: 'STATIC', loadAssignment: { ...assignment, clusterName: service } }
}

/** Replaces `rds` by the table it names, wherever a connection manager stands. */
function inlineRoutes(json: Json, routes: ReadonlyMap<string, JsonObject>): Json {
  return mapObjects(json, (object) => {
    const { rds, ...rest } = object
    if (!isObject(rds)) return object
    const name = String(rds['routeConfigName'] ?? '')
    // Over RDS Envoy does not look whether clusters exist; in a static table it does unless told otherwise.
    return { ...rest, routeConfig: { ...(routes.get(name) ?? { name }), validateClusters: false } }
  })
}

/** A secret's name without a source means the static secret of that name. */
function withoutSds(json: Json): Json {
  return mapObjects(json, ({ sdsConfig: _, ...rest }) => rest)
}

/** Rebuilds every object of a tree, inner ones first. */
function mapObjects(json: Json, change: (object: JsonObject) => JsonObject): Json {
  if (Array.isArray(json)) return json.map((item: Json) => mapObjects(item, change))
  if (!isObject(json)) return json
  return change(Object.fromEntries(Object.entries(json).map(([key, value]) => [key, mapObjects(value, change)])))
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
