/**
 * The xDS resource types served, by their short names: Envoy's, and our own for the private-protocol proxy (`pds` protocols,
 * `mrds` message route tables, `mlds` message listeners). `TYPE_URL` and `SHORT_NAME` are inverse to each other.
 */
export const TYPE_URL = {
  cds: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  eds: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  lds: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  rds: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  vhds: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  sds: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  pds: 'type.googleapis.com/meshgate.v1.Protocol',
  mrds: 'type.googleapis.com/meshgate.v1.MessageRouteTable',
  mlds: 'type.googleapis.com/meshgate.v1.MessageListener',
} as const

/** Short name of a resource type: `cds`, `eds`, `lds`, `rds`, `vhds`, `sds`, `pds`, `mrds`, `mlds`. */
export type ResourceType = keyof typeof TYPE_URL

/** Types that every Envoy asks for, and that documents may hold. Virtual hosts stand in their route tables there. */
export const ENVOY_TYPES = ['cds', 'eds', 'lds', 'rds', 'sds'] as const satisfies readonly ResourceType[]
export type EnvoyType = (typeof ENVOY_TYPES)[number]

export const RESOURCE_TYPES = Object.keys(TYPE_URL) as readonly ResourceType[]

export const SHORT_NAME: ReadonlyMap<string, ResourceType> = new Map(
  RESOURCE_TYPES.map((type) => [TYPE_URL[type], type]),
)
