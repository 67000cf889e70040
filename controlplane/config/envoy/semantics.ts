import type { Code } from '../../diagnostics/codes.ts'
import type { IssuePath } from '../schema.ts'
import { isIpAddress } from '../syntax/address.ts'
import { shown } from '../syntax/host.ts'
import { regexProblem } from '../syntax/regex.ts'
import {
  checkMaglev,
  checkPolicyFields,
  checkProvidedBalancing,
  checkRing,
  checkSubsetSelector,
} from './balancing-rules.ts'
import { checkCluster, checkGrpcHealth } from './cluster-rules.ts'
import { checkExtension, checkSide, NAMING_EXTENSIONS } from './extension-rules.ts'
import { checkConnectionManager, checkFilterChain, checkListener } from './listener-rules.ts'
import {
  checkBackOff,
  checkBodies,
  checkChainMatch,
  checkClusterWeight,
  checkHeaderOption,
  checkHeaders,
  checkMirror,
  checkRouteAction,
  checkStringMatcher,
  checkVirtualCluster,
  notNegative,
} from './route-rules.ts'
import { checkCommonTls, checkSdsSecret, checkServerTls, checkTlsParameters } from './tls-rules.ts'
import {
  checkBind,
  checkDrops,
  checkHealthPayload,
  checkHttpHealth,
  checkHttpOptions,
  checkPipe,
  checkUpstreamTimes,
} from './upstream-rules.ts'
import { written } from './written.ts'

type Message = Readonly<Record<string, unknown>>
type Add = (path: IssuePath, message: string, code?: Code) => void

/**
 * Rules that Envoy checks in its code and not in its API: found by giving it what it refuses. The names of fields are read in both spellings.
 */
const RULES: Readonly<Record<string, (message: Message, add: Add) => void>> = {
  ...Object.fromEntries(
    NAMING_EXTENSIONS.map((name) => [name, (message: Message, add: Add) => checkExtension(name, message, add)]),
  ),
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
    checkPolicyFields(message, add)
    checkProvidedBalancing(message, add)
    checkHttpOptions(message, add)
    checkUpstreamTimes(message, add)
    checkSide('Upstream', message, add)
  },
  'envoy.config.cluster.v3.Cluster.TransportSocketMatch': (message, add) => checkSide('Upstream', message, add),
  'envoy.config.cluster.v3.Cluster.MaglevLbConfig': checkMaglev,
  'envoy.extensions.load_balancing_policies.maglev.v3.Maglev': checkMaglev,
  'envoy.config.cluster.v3.Cluster.RingHashLbConfig': checkRing,
  'envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash': checkRing,
  'envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector': checkSubsetSelector,
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck': checkHttpHealth,
  'envoy.config.core.v3.HealthCheck.Payload': checkHealthPayload,
  'envoy.config.core.v3.BindConfig': checkBind,
  'envoy.config.core.v3.Pipe': checkPipe,
  'envoy.config.endpoint.v3.ClusterLoadAssignment.Policy': checkDrops,
  'envoy.config.core.v3.CidrRange': (message, add) => {
    const [field, prefix] = written(message, 'address_prefix')
    if (typeof prefix === 'string' && prefix !== '' && !isIpAddress(prefix))
      add([field], `${shown(prefix)} is no IP address; how many bits count is said by prefix_len`)
  },
  'envoy.config.listener.v3.Listener': checkListener,
  'envoy.config.listener.v3.FilterChain': (message, add) => {
    checkFilterChain(message, add)
    checkSide('Downstream', message, add)
    checkServerTls(message, add)
  },
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': checkConnectionManager,
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters': checkTlsParameters,
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext': checkCommonTls,
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': checkSdsSecret,
  'envoy.config.core.v3.HttpProtocolOptions': (message, add) =>
    notNegative(message, ['idle_timeout', 'max_connection_duration', 'max_stream_duration'], add),
  'envoy.config.core.v3.HeaderValueOption': checkHeaderOption,
  'envoy.config.listener.v3.FilterChainMatch': checkChainMatch,
  'envoy.config.route.v3.WeightedCluster.ClusterWeight': checkClusterWeight,
  'envoy.config.route.v3.RouteAction': checkRouteAction,
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy': checkMirror,
  'envoy.config.route.v3.RetryPolicy.RetryBackOff': checkBackOff,
  'envoy.config.route.v3.Route': checkHeaders,
  'envoy.config.route.v3.VirtualHost': checkHeaders,
  'envoy.config.route.v3.VirtualCluster': checkVirtualCluster,
  'envoy.type.matcher.v3.StringMatcher': checkStringMatcher,
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
    checkHeaders(message, add)
    checkBodies(message, add)
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
