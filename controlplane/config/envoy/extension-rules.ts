import { fullRegistry } from '../../../proto/registry.ts'
import type { Code } from '../../diagnostics/codes.ts'
import { isObject } from '../plain-object.ts'
import type { IssuePath } from '../schema.ts'
import { written, writtenMessage } from './written.ts'

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

/** Packages whose messages configure one kind of extension. */
const KINDS: Readonly<Record<string, string>> = {
  'envoy.extensions.filters.http': 'an HTTP filter',
  'envoy.extensions.filters.network': 'a network filter',
  'envoy.extensions.filters.listener': 'a listener filter',
  'envoy.extensions.filters.udp': 'a filter for UDP',
  'envoy.extensions.transport_sockets': 'a transport socket',
  'envoy.extensions.access_loggers': 'an access log',
  'envoy.extensions.load_balancing_policies': 'a load balancing policy',
  'envoy.extensions.clusters': 'a type of cluster',
  'envoy.extensions.upstreams': 'upstream options',
  'envoy.extensions.retry': 'part of a retry policy',
}

/** What stands in a message that names an extension, where its packages are known. */
const WANTED: Readonly<Record<string, readonly string[]>> = {
  'envoy.config.accesslog.v3.AccessLog': ['an access log'],
  'envoy.config.cluster.v3.Filter': ['a network filter'],
  'envoy.config.core.v3.TransportSocket': ['a transport socket'],
  'envoy.config.listener.v3.Filter': ['a network filter'],
  'envoy.config.listener.v3.ListenerFilter': ['a listener filter', 'a filter for UDP'],
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': ['an HTTP filter'],
}

/** Why the configuration of an extension is not one for this place; types of other packages can be anything. */
function wrongKind(message: string, type: string): string | undefined {
  const name = type.slice(type.lastIndexOf('/') + 1)
  const found = Object.entries(KINDS).find(([prefix]) => name.startsWith(`${prefix}.`))?.[1]
  const wanted = WANTED[message]
  return found && wanted && !wanted.includes(found) ? `${name} is ${found}, not ${wanted.join(' or ')}` : undefined
}

/** Free form, for extensions that are built into a proxy and have no schema here. */
const FREE_FORM = /\/(?:udpa\.type\.v1|xds\.type\.v3)\.TypedStruct$/

/** That an extension has a configuration with a type, and one that Envoy knows and takes in this kind of message. */
export function checkExtension(name: string, message: Message, add: Add): void {
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
  if (typeof type !== 'string') return
  const problem = wrongKind(name, type)
  if (problem) add([field, '@type'], problem)
  if (FREE_FORM.test(type)) checkFreeForm(config as Message, field, add)
}

/** That the transport socket of a cluster (Upstream) or of a filter chain (Downstream) is none for the other side. */
export function checkSide(side: 'Upstream' | 'Downstream', message: Message, add: Add): void {
  const [key, socket] = writtenMessage(message, 'transport_socket')
  const [configKey, { '@type': type }] = writtenMessage(socket, 'typed_config')
  if (typeof type !== 'string' || !type.includes('/envoy.extensions.transport_sockets.')) return
  const other = side === 'Upstream' ? 'Downstream' : 'Upstream'
  const name = type.slice(type.lastIndexOf('.') + 1)
  if (!name.includes(other)) return
  const [ours, theirs] = side === 'Upstream' ? ['clusters', 'filter chains'] : ['filter chains', 'clusters']
  add([key, configKey, '@type'], `${name} is for ${theirs}, ${ours} take one for ${side.toLowerCase()} connections`)
}

function checkFreeForm(config: Message, field: string, add: Add): void {
  const [inner, url] = written(config, 'type_url')
  const name = typeof url === 'string' ? url.slice(url.lastIndexOf('/') + 1) : ''
  if (name !== '' && !fullRegistry().getMessage(name))
    add([field, inner], `no Envoy of the official build has ${name}: it refuses the resource`, 'FIELD_QUESTIONABLE')
}
