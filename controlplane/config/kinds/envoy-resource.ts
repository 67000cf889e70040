import * as z from 'zod'
import { checkEnvoyResource } from '../envoy/resource.ts'
import type { KindDefinition } from '../kind.ts'
import { message, optional, required } from '../schema.ts'
import { stringMap, text } from '../syntax/values.ts'

/** One Envoy message in canonical protobuf JSON; both `snake_case` and `camelCase` names are accepted. */
const envoyMessage = z.record(z.string(), z.unknown())
export type EnvoyMessage = z.infer<typeof envoyMessage>

const envoyResourceSelector = message({
  proxyType: optional(z.enum(['sidecar', 'gateway', 'any']), 'Kind of proxy that gets the resources.', {
    default: 'any',
  }),
  namespace: optional(text, 'Namespace of the proxies.', { default: 'all namespaces' }),
  labels: optional(stringMap, 'Labels of the proxies, all of them.'),
})

/** A resource wrapped with its type, and with a version when it must not be the hash of the bytes. */
const envoyTypedResource = message({
  type: optional(
    z.enum(['cds', 'eds', 'lds', 'rds', 'sds']),
    'Type of the resource, where its `@type` does not say it.',
  ),
  version: optional(text, 'Version to announce.', { default: 'hash of the bytes' }),
  resource: required(envoyMessage, 'The message; it may carry its `@type`.'),
})

/**
 * Raw Envoy resources, served as they are to the proxies selected. Lists of an Envoy bootstrap or of a config dump can be pasted
 * under the field of their type.
 */
const envoyResourceSpec = message({
  selector: optional(envoyResourceSelector, 'Proxies that get the resources.', { default: 'all proxies' }),
  clusters: optional(z.array(envoyMessage), 'envoy.config.cluster.v3.Cluster messages.'),
  endpoints: optional(z.array(envoyMessage), 'envoy.config.endpoint.v3.ClusterLoadAssignment messages.'),
  listeners: optional(z.array(envoyMessage), 'envoy.config.listener.v3.Listener messages.'),
  routes: optional(z.array(envoyMessage), 'envoy.config.route.v3.RouteConfiguration messages.'),
  secrets: optional(z.array(envoyMessage), 'envoy.extensions.transport_sockets.tls.v3.Secret messages.'),
  resources: optional(z.array(envoyTypedResource), 'Resources of mixed types, each with its type.'),
  version: optional(text, 'Version to announce for all resources of the document.', { default: 'hash of the bytes' }),
})
export type EnvoyResourceSpec = z.infer<typeof envoyResourceSpec>

export const envoyResource: KindDefinition<EnvoyResourceSpec> = {
  kind: 'EnvoyResource',
  group: 'meshgate.io',
  versions: ['v1'],
  doc:
    "Raw Envoy resources, checked against Envoy's API and served as they are. Files they name are opened by the proxies, on their machines: nothing here sees " +
    'whether they are there, and some extensions end Envoy when they are not (MaxMind databases of geoip).',
  compiled: true,
  schema: envoyResourceSpec,
  check: checkEnvoyResource,
}
