import { fullRegistry } from '../../../proto/registry.ts'
import type { ObjectMeta } from '../kind.ts'
import type { EnvoyFilterSpec } from '../kinds/envoy-filter.ts'
import type { Report } from '../schema.ts'
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

/** Checks that each patch fits the Envoy message it is merged into. A patch is a part of a message: rules about missing fields do not hold. */
export function checkPatchValues(spec: EnvoyFilterSpec, _meta: ObjectMeta, report: Report): void {
  for (const [index, { applyTo = '', match, patch }] of (spec.configPatches ?? []).entries()) {
    const name = TYPES[applyTo]
    const desc = name === undefined ? undefined : fullRegistry().getMessage(name)
    if (!desc || !patch?.value || match?.context === 'WAYPOINT') continue
    for (const issue of checkEnvoyJson(desc, patch.value)) {
      const code = codeOf(issue)
      if (code)
        report(['spec', 'configPatches', index, 'patch', 'value', ...issue.path], issue.message, {
          code,
          ...(issue.hint === undefined ? {} : { hint: issue.hint }),
        })
    }
  }
}

/** Unknown fields and types of other vendors may exist in the proxy a patch was written for. */
function codeOf({
  code,
  message,
}: EnvoyIssue): 'ENVOY_VALUE' | 'ENVOY_TYPE_UNKNOWN' | 'FIELD_QUESTIONABLE' | undefined {
  if (code === 'ENVOY_RULE') return undefined
  if (code === 'ENVOY_FIELD_UNKNOWN') return 'FIELD_QUESTIONABLE'
  const type = /unknown type "(.*)"/s.exec(message)?.[1]
  if (type !== undefined && !/^(?:[^\s/]+\/)+\w+(?:\.\w+)+$/.test(type)) return 'ENVOY_TYPE_UNKNOWN'
  if (code === 'ENVOY_TYPE_UNKNOWN')
    return /envoy\.(?!tcp\.)[\w.]*\.v[23]\w*\./.test(message) ? 'ENVOY_TYPE_UNKNOWN' : 'FIELD_QUESTIONABLE'
  return 'ENVOY_VALUE'
}
