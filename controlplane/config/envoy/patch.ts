import { fullRegistry } from '../../../proto/registry.ts'
import type { ObjectMeta } from '../kind.ts'
import type { IssuePath, Report } from '../schema.ts'
import { parseDuration } from '../syntax/duration.ts'
import { checkEnvoyJson, type EnvoyIssue } from './json.ts'

/** The message a patch is a part of, by what it applies to. */
const TYPES: Readonly<Record<string, string>> = {
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  LISTENER: 'envoy.config.listener.v3.Listener',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
  BOOTSTRAP: 'envoy.config.bootstrap.v3.Bootstrap',
}

/**
 * Messages of filters that Envoy's official build has not, but its contrib build or Istio's proxy has: right in a patch for
 * those, and unknown to us. https://github.com/envoyproxy/envoy/tree/main/api/contrib
 */
const OTHER_BUILDS = [
  'compression.qatzip.',
  'compression.qatzstd.',
  'config.v3alpha.',
  'filters.http.checksum.',
  'filters.http.dynamo.',
  'filters.http.golang.',
  'filters.http.language.',
  'filters.http.peak_ewma.',
  'filters.http.sxg.',
  'filters.listener.postgres_inspector.',
  'filters.network.client_ssl_auth.',
  'filters.network.generic_proxy.codecs.kafka.',
  'filters.network.golang.',
  'filters.network.kafka_broker.',
  'filters.network.kafka_mesh.',
  'filters.network.mysql_proxy.',
  'filters.network.postgres_proxy.',
  'filters.network.rocketmq_proxy.',
  'filters.network.sip_proxy.',
  'load_balancing_policies.peak_ewma.',
  'matching.input_matchers.hyperscan.',
  'network.connection_balance.dlb.',
  'private_key_providers.',
  'regex_engines.hyperscan.',
  'router.cluster_specifier.golang.',
  'stat_sinks.kafka.',
  'stat_sinks.wasm_filter.',
  'tap_sinks.udp_sink.',
  'upstreams.http.tcp.golang.',
  'vcl.',
].map((name) => `envoy.extensions.${name}`)

/** As much of a patch as says whether its value can be checked, and against what. */
interface Patch {
  readonly applyTo?: string | undefined
  readonly match?: { readonly context?: string | undefined } | undefined
  readonly patch?: { readonly value?: Readonly<Record<string, unknown>> | undefined } | undefined
}

/** Checks that each patch fits the Envoy message it is merged into. A patch is a part of a message: rules about missing fields do not hold. */
export function checkPatchValues(
  { configPatches = [] }: { readonly configPatches?: readonly Patch[] | undefined },
  _meta: ObjectMeta,
  report: Report,
): void {
  for (const [index, { applyTo = '', match, patch }] of configPatches.entries()) {
    const name = TYPES[applyTo]
    const desc = name === undefined ? undefined : fullRegistry().getMessage(name)
    if (!desc || !patch?.value || match?.context === 'WAYPOINT') continue
    for (const issue of checkEnvoyJson(desc, patch.value)) {
      const code = codeOf(issue, patch.value)
      if (code)
        report(['spec', 'configPatches', index, 'patch', 'value', ...issue.path], issue.message, {
          code,
          ...(issue.hint === undefined ? {} : { hint: issue.hint }),
        })
    }
  }
}

type PatchCode = 'ENVOY_VALUE' | 'ENVOY_TYPE_UNKNOWN' | 'FIELD_QUESTIONABLE'

/**
 * How Istio sees an issue, if it sees it at all: unknown fields and types of other vendors may exist in the proxy a patch was
 * written for.
 */
function codeOf(issue: EnvoyIssue, value: unknown): PatchCode | undefined {
  if (issue.code === 'ENVOY_RULE') return undefined
  if (issue.code === 'ENVOY_FIELD_UNKNOWN') return 'FIELD_QUESTIONABLE'
  // A type without a schema is of the proxy a patch was written for.
  if (issue.code === 'FIELD_QUESTIONABLE') return undefined
  return issue.code === 'ENVOY_TYPE_UNKNOWN' ? typeCode(issue.message) : valueCode(issue, value)
}

function typeCode(message: string): PatchCode {
  const type = /unknown type "(.*)"/s.exec(message)?.[1]
  if (type === undefined || !/^(?:[^\s/]+\/)+\w+(?:\.\w+)+$/.test(type)) return 'ENVOY_TYPE_UNKNOWN'
  const name = type.slice(type.lastIndexOf('/') + 1)
  if (!name.startsWith('envoy.') || OTHER_BUILDS.some((start) => name.startsWith(start))) return 'FIELD_QUESTIONABLE'
  return /^envoy\.(?!tcp\.)[\w.]*\.v[23]\w*\./.test(name) ? 'ENVOY_TYPE_UNKNOWN' : 'FIELD_QUESTIONABLE'
}

/** Istio reads durations as Go does, `500ms` for one, and of two fields of a oneof takes the last. */
function valueCode({ path, message }: EnvoyIssue, value: unknown): PatchCode | undefined {
  if (message.startsWith('only one of ')) return 'FIELD_QUESTIONABLE'
  if (!message.startsWith('a duration ')) return 'ENVOY_VALUE'
  const written = valueAt(value, path)
  return typeof written === 'string' && parseDuration(written) !== undefined ? undefined : 'ENVOY_VALUE'
}

function valueAt(value: unknown, path: IssuePath): unknown {
  let at = value
  for (const key of path) at = (at as Readonly<Record<string | number, unknown>> | undefined)?.[key]
  return at
}
