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
  /** Told what had to be left out because a secret it needs is not there. */
  readonly onOmitted?: ((what: string) => void) | undefined
}

/**
 * One file that runs without a control plane: routes stand in their listeners, load assignments in their clusters, secrets
 * are static. What a route table or assignment over xDS may leave open stays open: unknown clusters in routes are allowed, a
 * cluster without assignment has no endpoints. Where a secret is missing, xDS leaves a listener or cluster waiting for it while
 * the others go on, but Envoy refuses a static file as a whole: such a filter chain is left out, such a cluster has no endpoints.
 */
export function staticBootstrap({ node, adminPort, resources, onOmitted }: StaticBootstrapOptions): EnvoyBootstrap {
  const assignments = byName(resources.endpoints, 'clusterName')
  const routes = byName(resources.routes, 'name')
  const secrets = new Set(resources.secrets.map((secret) => String(secret['name'] ?? '')))
  const omitted = onOmitted ?? (() => {})
  const clusters = resources.clusters.map((cluster) =>
    withoutSds(closedWithoutSecret(staticCluster(cluster, assignments), secrets, omitted)),
  )
  const listeners = resources.listeners.flatMap((listener) => {
    const kept = chainsWithSecrets(listener, secrets, omitted)
    return kept ? [withoutSds(inlineRoutes(kept, routes))] : []
  })
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

/** The listener without the chains that need a missing secret; nothing when no chain is left. */
function chainsWithSecrets(
  listener: JsonObject,
  secrets: ReadonlySet<string>,
  omitted: (what: string) => void,
): JsonObject | undefined {
  const has = (chain: Json, which: string) => {
    const missing = missingSecret(chain, secrets)
    if (missing !== undefined)
      omitted(`listener ${String(listener['name'])}: ${which} needs secret ${missing}, which does not exist`)
    return missing === undefined
  }
  const { filterChains, defaultFilterChain, ...rest } = listener
  const chains = Array.isArray(filterChains)
    ? filterChains.filter((chain: Json, index) => has(chain, `filter chain ${index + 1}`))
    : []
  const fallback = defaultFilterChain !== undefined && has(defaultFilterChain, 'the default filter chain')
  const lost = chains.length === 0 && !fallback && (Array.isArray(filterChains) || defaultFilterChain !== undefined)
  if (lost) return undefined
  return {
    ...rest,
    ...(chains.length > 0 ? { filterChains: chains } : {}),
    ...(fallback ? { defaultFilterChain } : {}),
  }
}

/** A cluster that needs a missing secret can reach nobody: it keeps its name, so that routes to it answer 503. */
function closedWithoutSecret(
  cluster: JsonObject,
  secrets: ReadonlySet<string>,
  omitted: (what: string) => void,
): JsonObject {
  const missing = missingSecret(cluster, secrets)
  if (missing === undefined) return cluster
  const name = String(cluster['name'] ?? '')
  omitted(`cluster ${name} needs secret ${missing}, which does not exist: it has no endpoints`)
  return { name, type: 'STATIC', loadAssignment: { clusterName: name } }
}

/** The first secret a message asks for that is not there. */
function missingSecret(json: Json, secrets: ReadonlySet<string>): string | undefined {
  if (Array.isArray(json)) {
    for (const item of json) {
      const found = missingSecret(item, secrets)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(json)) return undefined
  if (isObject(json['sdsConfig']) && typeof json['name'] === 'string')
    return secrets.has(json['name']) ? undefined : json['name']
  for (const value of Object.values(json)) {
    const found = missingSecret(value, secrets)
    if (found !== undefined) return found
  }
  return undefined
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
