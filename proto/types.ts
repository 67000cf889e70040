/** The xDS resource types served, by their short names. `TYPE_URL` and `SHORT_NAME` are inverse to each other. */
export const TYPE_URL = {
  cds: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  eds: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  lds: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  rds: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  sds: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const

/** Short name of a resource type: `cds`, `eds`, `lds`, `rds`, `sds`. */
export type ResourceType = keyof typeof TYPE_URL

export const RESOURCE_TYPES = Object.keys(TYPE_URL) as readonly ResourceType[]

export const SHORT_NAME: ReadonlyMap<string, ResourceType> = new Map(
  RESOURCE_TYPES.map((type) => [TYPE_URL[type], type]),
)
