import type { Code } from '../../diagnostics/codes.ts'
import type { IssuePath } from '../schema.ts'
import { isIpAddress } from '../syntax/address.ts'
import { shown } from '../syntax/host.ts'
import { regexProblem } from '../syntax/regex.ts'
import { checkCluster, checkGrpcHealth } from './cluster-rules.ts'
import { checkExtension, NAMING_EXTENSIONS } from './extension-rules.ts'
import {
  checkConnectionManager,
  checkFilterChain,
  checkListener,
  checkSocketAddress,
  checkTlsParameters,
} from './listener-rules.ts'
import { written } from './written.ts'

type Message = Readonly<Record<string, unknown>>
type Add = (path: IssuePath, message: string, code?: Code) => void

/**
 * Rules that Envoy checks in its code and not in its API: found by giving it what it refuses. The names of fields are read in both spellings.
 */
const RULES: Readonly<Record<string, (message: Message, add: Add) => void>> = {
  ...Object.fromEntries(NAMING_EXTENSIONS.map((name) => [name, checkExtension])),
  'envoy.extensions.transport_sockets.tls.v3.Secret': (message, add) => {
    const types = ['tls_certificate', 'session_ticket_keys', 'validation_context', 'generic_secret']
    if (types.every((type) => written(message, type)[1] === undefined))
      add([], `a secret holds one of ${types.join(', ')}`)
  },
  'envoy.type.matcher.v3.RegexMatcher': ({ regex }, add) => {
    const problem = typeof regex === 'string' && regex !== '' && regex.length <= 1024 ? regexProblem(regex) : undefined
    if (problem) add(['regex'], problem)
  },
  'envoy.config.cluster.v3.Cluster': (message, add) => {
    checkCluster(message, add)
    checkGrpcHealth(message, add)
  },
  'envoy.config.core.v3.CidrRange': (message, add) => {
    const [field, prefix] = written(message, 'address_prefix')
    if (typeof prefix === 'string' && prefix !== '' && !isIpAddress(prefix))
      add([field], `${shown(prefix)} is no IP address; how many bits count is said by prefix_len`)
  },
  'envoy.config.listener.v3.Listener': checkListener,
  'envoy.config.listener.v3.FilterChain': checkFilterChain,
  'envoy.config.core.v3.SocketAddress': checkSocketAddress,
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': checkConnectionManager,
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters': checkTlsParameters,
  'envoy.config.cluster.v3.TrackClusterStats': (message, add) => {
    const field = 'per_endpoint_stats' in message ? 'per_endpoint_stats' : 'perEndpointStats'
    if (message[field] === true)
      add(
        [field],
        'Envoy takes no statistics by endpoint from a proxy that reports its load, as bootstraps of meshgate ask for',
        'ENVOY_LOAD_REPORTS',
      )
  },
  'envoy.config.route.v3.RouteConfiguration': (message, add) => {
    const [field, hosts] = list(message, 'virtual_hosts', 'virtualHosts')
    const domains = new Map<string, number>()
    const names = new Map<string, number>()
    for (const [index, host] of hosts.entries()) {
      const { name, domains: own } = host as { name?: unknown; domains?: unknown }
      if (typeof name === 'string' && names.has(name))
        add([field, index, 'name'], `the name is used by ${field}[${names.get(name)}] too`)
      if (typeof name === 'string') names.set(name, index)
      for (const [at, domain] of (Array.isArray(own) ? own : []).entries()) {
        const key = String(domain).toLowerCase()
        const other = domains.get(key)
        if (other !== undefined)
          add([field, index, 'domains', at], `domain ${shown(String(domain))} is already that of ${field}[${other}]`)
        else domains.set(key, index)
      }
    }
  },
}

function list(message: Message, ...names: readonly string[]): readonly [string, readonly unknown[]] {
  const name = names.find((one) => Array.isArray(message[one])) ?? names[0]!
  const items = Array.isArray(message[name]) ? (message[name] as unknown[]) : []
  return [name, items.map((item) => (typeof item === 'object' && item !== null ? item : {}))]
}

/** What Envoy refuses in a message of this type although its schema allows it; types without such rules have none. */
export function checkSemantics(typeName: string, message: Message, add: Add): void {
  RULES[typeName]?.(message, add)
}
