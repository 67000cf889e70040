import { fromJson, type JsonValue, type Message, type Registry } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import { encode } from '../../proto/make.ts'
import { fullRegistry } from '../../proto/registry.ts'
import { type ResourceType, SHORT_NAME } from '../../proto/types.ts'
import { canonicalJson } from '../config/envoy/canonical.ts'
import type { EnvoyMessage, EnvoyResourceSpec } from '../config/kinds/envoy-resource.ts'
import type { ConfigObject, Origin } from '../config/object.ts'
import { matchesLabels } from '../model/endpoints.ts'
import type { ProxyClass } from '../model/index.ts'
import type { Resource } from './resource.ts'

/** A resource a person wrote as Envoy's own message. */
export interface RawResource {
  readonly type: ResourceType
  readonly name: string
  readonly bytes: Uint8Array
  /** Set when the document asks for a version of its own. */
  readonly version: string | undefined
  readonly children: Resource['children']
  /** The document, and the place in it. */
  readonly object: ConfigObject<EnvoyResourceSpec>
  readonly path: Origin['path']
}

export const MESSAGE_SCHEMA: Readonly<Record<ResourceType, GenMessage<Message>>> = {
  cds: ClusterSchema,
  eds: ClusterLoadAssignmentSchema,
  lds: ListenerSchema,
  rds: RouteConfigurationSchema,
  vhds: VirtualHostSchema,
  sds: SecretSchema,
  pds: ProtocolSchema,
  mrds: MessageRouteTableSchema,
  mlds: MessageListenerSchema,
}

const LISTS = { clusters: 'cds', endpoints: 'eds', listeners: 'lds', routes: 'rds', secrets: 'sds' } as const

const parsed = new WeakMap<ConfigObject<EnvoyResourceSpec>, readonly RawResource[]>()

/**
 * The resources of one EnvoyResource document. Loading has checked every message, so one that cannot be read here is left
 * out: it has its diagnostic.
 */
export function rawResources(object: ConfigObject<EnvoyResourceSpec>): readonly RawResource[] {
  const known = parsed.get(object)
  if (known) return known
  const { spec } = object
  const list: RawResource[] = []
  for (const [field, type] of Object.entries(LISTS) as [keyof typeof LISTS, ResourceType][])
    for (const [index, message] of (spec[field] ?? []).entries())
      list.push(...read(type, message, spec.version, object, ['spec', field, index]))
  for (const [index, { type, resource, version }] of (spec.resources ?? []).entries()) {
    const { '@type': typeUrl, ...message } = resource
    const short = type ?? (typeof typeUrl === 'string' ? SHORT_NAME.get(typeUrl) : undefined)
    if (short) list.push(...read(short, message, version ?? spec.version, object, ['spec', 'resources', index]))
  }
  parsed.set(object, list)
  return list
}

/** Whether a document's selector chooses a class. */
export function selects(object: ConfigObject<EnvoyResourceSpec>, proxy: ProxyClass): boolean {
  const selector = object.spec.selector ?? {}
  const wanted = selector.proxyType ?? 'any'
  if (wanted === 'sidecar' && proxy.type !== 'sidecar') return false
  if (wanted === 'gateway' && proxy.type !== 'router') return false
  if (selector.namespace && selector.namespace !== proxy.namespace) return false
  return matchesLabels(selector.labels ?? {}, proxy.labels)
}

function read(
  type: ResourceType,
  json: EnvoyMessage,
  version: string | undefined,
  object: ConfigObject<EnvoyResourceSpec>,
  path: Origin['path'],
): readonly RawResource[] {
  const { '@type': _, ...body } = json
  const schema = MESSAGE_SCHEMA[type]
  const registry: Registry = fullRegistry()
  try {
    const message = fromJson(schema, canonicalJson(schema, body) as JsonValue, { registry })
    const named = message as unknown as { readonly name?: string; readonly clusterName?: string }
    const name = named.name ?? named.clusterName ?? ''
    const children = type === 'cds' ? assignmentOf(message as Cluster) : []
    return [{ type, name, bytes: encode(schema, message), version, children, object, path }]
  } catch {
    return []
  }
}

/** The load assignment an EDS cluster takes its endpoints from. */
function assignmentOf(cluster: Cluster): Resource['children'] {
  const { clusterDiscoveryType: discovery, edsClusterConfig } = cluster
  if (discovery.case !== 'type' || discovery.value !== Cluster_DiscoveryType.EDS) return []
  return [{ type: 'eds', name: edsClusterConfig?.serviceName || cluster.name }]
}
