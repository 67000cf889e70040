import type { JsonObject } from '@bufbuild/protobuf'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { EnvoyBootstrap } from '../bootstrap/envoy.ts'
import { staticBootstrap } from '../bootstrap/static.ts'
import { reachable, resourceJson } from '../xds/dump.ts'
import type { NodeInfo, View } from '../xds/resource.ts'

/** What resources of each type are called in dumps: the same as in the spec of EnvoyResource. */
export const PLURAL = {
  cds: 'clusters',
  eds: 'endpoints',
  lds: 'listeners',
  rds: 'routes',
  sds: 'secrets',
} as const satisfies Record<ResourceType, string>

export type ResourceLists = Readonly<Partial<Record<(typeof PLURAL)[ResourceType], readonly JsonObject[]>>>

/**
 * What a proxy gets, as lists of Envoy messages in canonical protobuf JSON: its clusters and listeners and all they refer
 * to. Secrets are redacted.
 */
export function translateResources(view: View, types: readonly ResourceType[] = RESOURCE_TYPES): ResourceLists {
  return lists(view, types, false)
}

/**
 * The same as one file that an Envoy runs without a control plane. With `secrets` private keys stand in it in plain;
 * without, they are redacted, and an Envoy with TLS to serve refuses the file.
 */
export function translateStatic(
  view: View,
  node: NodeInfo,
  { secrets }: { readonly secrets: boolean },
): EnvoyBootstrap {
  const none: Required<ResourceLists> = { clusters: [], endpoints: [], listeners: [], routes: [], secrets: [] }
  const { id, cluster, metadata, locality } = node
  return staticBootstrap({
    node: { id, cluster, metadata, ...(locality.region ? { locality } : {}) },
    resources: { ...none, ...lists(view, RESOURCE_TYPES, secrets) },
  })
}

function lists(view: View, types: readonly ResourceType[], secrets: boolean): ResourceLists {
  const found = reachable(view)
  return Object.fromEntries(
    types.map((type) => [PLURAL[type], found[type].map((resource) => resourceJson(resource, { secrets }))]),
  )
}
