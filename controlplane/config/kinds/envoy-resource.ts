import { isDeepStrictEqual } from 'node:util'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import * as z from 'zod'
import { errorText } from '../../../errors/thrown.ts'
import { fullRegistry } from '../../../proto/registry.ts'
import { type ResourceType, SHORT_NAME, TYPE_URL } from '../../../proto/types.ts'
import { canonicalJson } from '../envoy/canonical.ts'
import { checkAddresses } from '../envoy/cluster-rules.ts'
import { checkEnvoyJson } from '../envoy/json.ts'
import type { KindDefinition, ObjectMeta } from '../kind.ts'
import { type IssuePath, message, optional, type Report, required } from '../schema.ts'
import { labelProblems } from '../syntax/label.ts'
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

/** The list field of each resource type. */
const FIELDS = {
  clusters: 'cds',
  endpoints: 'eds',
  listeners: 'lds',
  routes: 'rds',
  secrets: 'sds',
} as const satisfies Readonly<Record<string, ResourceType>>

/** One raw resource of an EnvoyResource document. */
interface RawResource {
  readonly type: ResourceType
  /** The message in JSON form, without its `@type`. */
  readonly json: EnvoyMessage
  /** Version to announce; absent: the hash of the bytes. */
  readonly version?: string
  /** Where the message stands, from the document's root. */
  readonly path: IssuePath
}

function raw(type: ResourceType, message: EnvoyMessage, version: string | undefined, path: IssuePath): RawResource {
  const { '@type': _, ...json } = message
  return version === undefined ? { type, json, path } : { type, json, version, path }
}

function typeOf(message: EnvoyMessage): ResourceType | undefined {
  const url = message['@type']
  return typeof url === 'string' ? SHORT_NAME.get(url as (typeof TYPE_URL)[ResourceType]) : undefined
}

/** All resources of a document in the order they are written; wrapped ones without a known type are left out. */
function rawResources(spec: EnvoyResourceSpec): readonly RawResource[] {
  const found: RawResource[] = []
  for (const [field, type] of Object.entries(FIELDS)) {
    for (const [index, message] of (spec[field as keyof typeof FIELDS] ?? []).entries())
      found.push(raw(type, message, spec.version, ['spec', field, index]))
  }
  for (const [index, { type, version, resource }] of (spec.resources ?? []).entries()) {
    const known = type ?? typeOf(resource)
    if (known) found.push(raw(known, resource, version ?? spec.version, ['spec', 'resources', index, 'resource']))
  }
  return found
}

/** Name of a resource: every type has `name` but ClusterLoadAssignment. */
function nameOf({ type, json }: RawResource): unknown {
  return type === 'eds' ? (json['cluster_name'] ?? json['clusterName']) : json['name']
}

/** Proxies ask for these by name and get one; of the others they get the whole list, and refuse it when a name stands twice. */
const ASKED_BY_NAME: readonly ResourceType[] = ['eds', 'rds', 'sds']

/** A name may be written again with the same content, as generators do that collect what each of their inputs needs. */
function checkNames(resources: readonly RawResource[], report: Report): void {
  const names = new Map<string, RawResource>()
  for (const resource of resources) {
    const name = nameOf(resource)
    if (typeof name !== 'string') continue
    const key = `${resource.type} ${name}`
    const earlier = names.get(key)
    if (!earlier) names.set(key, resource)
    else if (!isDeepStrictEqual(earlier.json, resource.json)) {
      const message = `another ${resource.type} resource of the document has the name ${JSON.stringify(name)}`
      if (ASKED_BY_NAME.includes(resource.type))
        report(resource.path, `${message}; only that one is served`, { code: 'FIELD_NO_EFFECT' })
      else report(resource.path, message)
    }
  }
}

function checkMessage({ type, json, path }: RawResource, spec: EnvoyResourceSpec, report: Report): void {
  const desc = fullRegistry().getMessage(TYPE_URL[type].slice('type.googleapis.com/'.length))
  if (!desc) throw new Error(`the descriptors lack ${TYPE_URL[type]}: run "npm run proto"`)
  const [, field, index] = path as readonly [string, keyof EnvoyResourceSpec, number]
  const written =
    field === 'resources' ? spec.resources?.[index]?.resource : (spec[field] as readonly EnvoyMessage[])[index]
  const url = written?.['@type']
  if (url !== undefined && url !== TYPE_URL[type])
    report([...path, '@type'], `the resource is a ${TYPE_URL[type]}, not a ${String(url).slice(0, 200)}`, {
      code: 'ENVOY_TYPE_UNKNOWN',
    })
  const issues = checkEnvoyJson(desc, json)
  for (const issue of issues)
    report([...path, ...issue.path], issue.message, {
      code: issue.code,
      ...(issue.hint === undefined ? {} : { hint: issue.hint }),
    })
  if (type === 'eds')
    checkAddresses(canonicalJson(desc, json) as EnvoyMessage, (at, text) =>
      report([...path, ...at], text, { code: 'ENVOY_RULE' }),
    )
  if (issues.length > 0) return
  try {
    fromJson(desc, canonicalJson(desc, json) as JsonValue, { registry: fullRegistry() })
  } catch (error) {
    report(path, errorText(error), { code: 'ENVOY_VALUE' })
  }
}

/** Checks every message of the document against Envoy's API; paths count from the document's root. */
function checkEnvoyResource(spec: EnvoyResourceSpec, _meta: ObjectMeta, report: Report): void {
  for (const { key, message } of labelProblems(spec.selector?.labels ?? {}))
    report(['spec', 'selector', 'labels', key], message)
  for (const [index, { type, resource }] of (spec.resources ?? []).entries()) {
    if (type || typeOf(resource)) continue
    report(['spec', 'resources', index, 'resource', '@type'], 'the type of the resource is not known', {
      code: 'ENVOY_TYPE_UNKNOWN',
      hint: `set type to one of ${Object.keys(TYPE_URL).join(', ')}, or "@type" to one of ${Object.values(TYPE_URL).join(', ')}`,
    })
  }
  const resources = rawResources(spec)
  for (const resource of resources) checkMessage(resource, spec, report)
  checkNames(resources, report)
}

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
