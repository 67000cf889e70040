import type { JsonObject } from '@bufbuild/protobuf'
import { ENVOY_TYPES, type EnvoyType, RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import { DELIMITED_STATS_METADATA, type EnvoyBootstrap } from '../bootstrap/envoy.ts'
import { staticBootstrap } from '../bootstrap/static.ts'
import { reachable, resourceJson } from '../xds/dump.ts'
import type { NodeInfo, View } from '../xds/resource.ts'

/** What resources of each type are called in dumps: the same as in the spec of EnvoyResource. */
export const PLURAL = {
  cds: 'clusters',
  eds: 'endpoints',
  lds: 'listeners',
  rds: 'routes',
  vhds: 'virtualHosts',
  sds: 'secrets',
  pds: 'protocols',
  mrds: 'messageRoutes',
  mlds: 'messageListeners',
} as const satisfies Record<ResourceType, string>

export type ResourceLists = Readonly<Partial<Record<(typeof PLURAL)[ResourceType], readonly JsonObject[]>>>

const OPTIONAL: ReadonlySet<ResourceType> = new Set(
  RESOURCE_TYPES.filter((type) => !(ENVOY_TYPES as readonly ResourceType[]).includes(type)),
)

/**
 * What a proxy gets, as lists of Envoy messages in canonical protobuf JSON: its clusters and listeners and all they refer
 * to. Secrets are redacted. Lists of types that are not Envoy's are left out where they are empty, unless they are asked for alone.
 */
export function translateResources(view: View, types: readonly ResourceType[] = RESOURCE_TYPES): ResourceLists {
  return lists(view, types, { secrets: false })
}

/** The node as the one whose view belongs into such a file: its bootstrap is ours. */
export function staticNode(node: NodeInfo): NodeInfo {
  return { ...node, metadata: { [DELIMITED_STATS_METADATA]: true, ...node.metadata } }
}

/**
 * The same as one file that an Envoy runs without a control plane. With `secrets` private keys stand in it in plain;
 * without, they are redacted, and an Envoy with TLS to serve refuses the file.
 * @param view of `staticNode(node)`
 */
export function translateStatic(
  view: View,
  node: NodeInfo,
  { secrets, onOmitted }: { readonly secrets: boolean; readonly onOmitted?: (what: string) => void },
): EnvoyBootstrap {
  const none: Required<Pick<ResourceLists, (typeof PLURAL)[EnvoyType]>> = {
    clusters: [],
    endpoints: [],
    listeners: [],
    routes: [],
    secrets: [],
  }
  const { id, cluster, metadata, locality } = node
  return staticBootstrap({
    node: { id, cluster, metadata, ...(locality.region ? { locality } : {}) },
    resources: { ...none, ...lists(view, ENVOY_TYPES, { secrets }) },
    onOmitted,
  })
}

function lists(view: View, types: readonly ResourceType[], options: { readonly secrets: boolean }): ResourceLists {
  const found = reachable(view)
  return Object.fromEntries(
    types
      .filter((type) => types.length === 1 || !OPTIONAL.has(type) || found[type].length > 0)
      .map((type) => [PLURAL[type], found[type].map((resource) => resourceJson(resource, options))]),
  )
}
