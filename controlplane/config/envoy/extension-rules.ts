import { fullRegistry } from '../../../proto/registry.ts'
import type { Code } from '../../diagnostics/codes.ts'
import type { IssuePath } from '../schema.ts'
import { written } from './written.ts'

type Message = Readonly<Record<string, unknown>>
type Add = (path: IssuePath, message: string, code?: Code) => void

/**
 * Messages that name an extension. Envoy finds it by the type of its configuration, no longer by its name, so each needs one,
 * however empty. https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension
 */
export const NAMING_EXTENSIONS = [
  'envoy.config.accesslog.v3.AccessLog',
  'envoy.config.cluster.v3.Filter',
  'envoy.config.core.v3.HealthCheck.CustomHealthCheck',
  'envoy.config.core.v3.TransportSocket',
  'envoy.config.listener.v3.Filter',
  'envoy.config.listener.v3.ListenerFilter',
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate',
  'envoy.config.route.v3.RetryPolicy.RetryPriority',
  'envoy.config.trace.v3.Tracing.Http',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
] as const

/** Free form, for extensions that are built into a proxy and have no schema here. */
const FREE_FORM = /\/(?:udpa\.type\.v1|xds\.type\.v3)\.TypedStruct$/

/** That an extension has a configuration with a type, and one that Envoy knows. */
export function checkExtension(message: Message, add: Add): void {
  const optional = written(message, 'is_optional')[1] === true
  if (optional || written(message, 'config_discovery')[1] !== undefined) return
  const [field, config] = written(message, 'typed_config')
  const type = isObject(config) ? config['@type'] : undefined
  if (type === undefined) {
    // Anything else without a type is complained about as such.
    if (!isObject(config) || Object.keys(config).length === 0)
      add([field], `${field} is required: Envoy finds an extension by the type of its configuration, not by its name`)
    return
  }
  if (typeof type !== 'string' || !FREE_FORM.test(type)) return
  const [inner, url] = written(config as Message, 'type_url')
  const name = typeof url === 'string' ? url.slice(url.lastIndexOf('/') + 1) : ''
  if (name !== '' && !fullRegistry().getMessage(name))
    add([field, inner], `no Envoy of the official build has ${name}: it refuses the resource`, 'FIELD_QUESTIONABLE')
}

function isObject(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
