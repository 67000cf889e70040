import { fromBinary, type JsonObject, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf'
import { fullRegistry, registry } from '../../proto/registry.ts'
import type { ResourceType } from '../../proto/types.ts'
import { MESSAGE_SCHEMA } from './envoy-resources.ts'
import { redact } from './redact.ts'
import type { Resource, View } from './resource.ts'

/**
 * A resource as canonical protobuf JSON. What Envoy's API marks as sensitive is replaced by `[redacted]` unless `secrets`
 * asks for it: dumps, logs and pages never show it.
 * @throws Error when the message holds an extension that no Envoy of our version has.
 */
export function resourceJson(
  { type, bytes }: Pick<Resource, 'type' | 'bytes'>,
  options: { readonly secrets?: boolean } = {},
): JsonObject {
  const schema = MESSAGE_SCHEMA[type]
  const message = fromBinary(schema, bytes)
  let json: JsonObject
  let types: Registry = registry
  try {
    json = toJson(schema, message, { registry }) as JsonObject
  } catch {
    types = fullRegistry()
    json = toJson(schema, message, { registry: types }) as JsonObject
  }
  return options.secrets ? json : (redact(json, schema, types) as JsonObject)
}

/** Everything a proxy of the class would end up with: its clusters and listeners, all they refer to, and what has a wildcard of its own. */
export function reachable(view: View): Readonly<Record<ResourceType, readonly Resource[]>> {
  const all = (type: ResourceType, names: Iterable<string>) =>
    [...new Set(names)].flatMap((name) => view.get(type, name) ?? [])
  const cds = all('cds', view.names('cds'))
  const eds = all(
    'eds',
    cds.flatMap((cluster) => cluster.children.map(({ name }) => name)),
  )
  const lds = all('lds', view.names('lds'))
  const used = { routes: new Set<string>(), secrets: new Set<string>() }
  for (const resource of [...cds, ...lds]) collectReferences(resourceJson(resource), used)
  const [pds, mrds, mlds] = [
    all('pds', view.names('pds')),
    all('mrds', view.names('mrds')),
    all('mlds', view.names('mlds')),
  ]
  for (const resource of mlds) collectReferences(resourceJson(resource), used)
  const vhds = all('vhds', view.names('vhds'))
  return { cds, eds, lds, rds: all('rds', used.routes), vhds, sds: all('sds', used.secrets), pds, mrds, mlds }
}

/** Names of route configurations and secrets a message asks for over xDS. */
function collectReferences(
  json: JsonValue,
  used: { readonly routes: Set<string>; readonly secrets: Set<string> },
): void {
  if (Array.isArray(json)) for (const item of json) collectReferences(item, used)
  else if (typeof json === 'object' && json !== null)
    for (const [key, value] of Object.entries(json)) {
      const items = (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'object' && item !== null)
      if (key === 'rds') for (const item of items) used.routes.add(String((item as JsonObject)['routeConfigName']))
      else if (/SdsSecretConfigs?$/.test(key))
        for (const item of items) used.secrets.add(String((item as JsonObject)['name']))
      else collectReferences(value, used)
    }
}
