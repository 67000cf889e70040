import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { LuaPerRouteSchema } from '../../../proto/gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts'
import { encode, make, pack } from '../../../proto/make.ts'
import { push } from '../../config/push.ts'
import { clusterMap, fewestPrefixes, type Lead } from './cluster-map.ts'
import { leadingTo, type RouteAction } from './default-route.ts'
import { expand, isExact, type PlainHost } from './plain-host.ts'
import { type CompiledVirtualHost, virtualHostBytes } from './virtual-host.ts'

/** So many virtual hosts that differ in nothing but domains and cluster are sent as one; fewer stay what people expect to see. */
export const WORTH_SHARING = 500

/** The HTTP filter that {@link sharedBytes} relies on for authorities in capitals. */
export const LOWER_CASE_FILTER = 'lower-case-authority'

/** A virtual host of a table: one with messages of its own, or one that may be told by a line in a map. */
export type TableHost = PlainHost | CompiledVirtualHost

/** Whether no rule speaks of the host: its message is made when somebody asks. */
export function isPlain(host: TableHost): host is PlainHost {
  return 'cluster' in host
}

/** The domains of a virtual host, whether its message is made yet or not. */
export function domainsOf(host: TableHost): readonly string[] {
  return isPlain(host) ? host.domains : host.message.domains
}

/** The virtual host as a message with its origins. */
export function compiledHost(host: TableHost): CompiledVirtualHost {
  return isPlain(host) ? expand(host) : host
}

/**
 * The virtual hosts of a table as they are sent, encoded: those that are alike but for domains and cluster are put into one, which looks the
 * cluster up by the authority. A virtual host with its route takes Envoy some 4 kB, its domains and its line in a map a fifth of that
 * (docs/decisions/on-demand.md).
 *
 * A map knows one spelling, and authorities have no case. One with capitals takes a route of its own, where a filter writes it in small
 * letters and has the route chosen again.
 * @param worth how many have to be alike
 */
export function sharedBytes(hosts: readonly TableHost[], worth: number): readonly Uint8Array[] {
  const groups = new Map<Kind, TableHost[]>()
  if (hosts.length >= worth)
    for (const host of hosts) {
      const kind = kindOf(host)
      if (kind === undefined) continue
      push(groups, kind, host)
    }
  const shared = [...groups.values()].filter((group) => group.length >= worth)
  const gone = new Set(shared.flat())
  return [
    ...hosts.filter((host) => !gone.has(host)).map((host) => virtualHostBytes(compiledHost(host).message)),
    ...shared.map((group, index) => encode(VirtualHostSchema, sharedHost(`shared-${index + 1}`, group))),
  ]
}

/**
 * Makes beforehand what {@link sharedBytes} needs of the virtual hosts of a table of this size, one after the other.
 * @returns whether a message was encoded
 */
export function prepareToShare(size: number, worth = Number.POSITIVE_INFINITY): (host: TableHost) => boolean {
  const met = new Set<Kind>()
  return (host) => {
    const kind = size >= worth ? kindOf(host) : undefined
    if (kind !== undefined && (isPlain(host) || met.has(kind))) return false
    if (kind !== undefined) met.add(kind)
    virtualHostBytes(compiledHost(host).message)
    return true
  }
}

/** Equal for virtual hosts that can be one: the route they have in common, or what they say as text. */
type Kind = Route | string

const plainKinds = new WeakMap<Route, string>()
const limitedKinds = new WeakMap<VirtualHost, string>()

/**
 * Undefined for a virtual host that must stay alone. A route of a rule names its rule, so that hosts of two rules are never alike, and those of one
 * have the same object.
 */
function kindOf(host: TableHost): Kind | undefined {
  if (isPlain(host)) return host.exact ? textOnce(plainKinds, host.route, host) : undefined
  const { message } = host
  if (!canShare(message)) return undefined
  return message.rateLimits.length > 0 ? textOnce(limitedKinds, message, host) : message.routes[0]
}

function textOnce<Key extends object>(known: WeakMap<Key, string>, key: Key, host: TableHost): string {
  let text = known.get(key)
  if (text === undefined) {
    text = textOf(compiledHost(host).message)
    known.set(key, text)
  }
  return text
}

/** Settings of filters stay with their virtual host: a bucket of a rate limit, say, belongs to one. */
function canShare({ domains, routes, typedPerFilterConfig }: VirtualHost): boolean {
  const [route, ...more] = routes
  return (
    route?.action.case === 'route' &&
    more.length === 0 &&
    route.action.value.clusterSpecifier.case === 'cluster' &&
    Object.keys(typedPerFilterConfig).length === 0 &&
    Object.keys(route.typedPerFilterConfig).length === 0 &&
    domains.every(isExact)
  )
}

/** What a virtual host says but for names and cluster. */
function textOf(host: VirtualHost): string {
  const rest = { ...host, name: '', domains: [], routes: [leadingTo(host.routes[0]!, { case: undefined })] }
  return Buffer.from(encode(VirtualHostSchema, rest)).toString('latin1')
}

function leadsOf(group: readonly TableHost[]): readonly Lead[] {
  const leads: Lead[] = []
  for (const host of group) {
    const cluster = isPlain(host) ? host.cluster : clusterOf(host.message)
    for (const domain of domainsOf(host)) leads.push({ authority: domain.toLowerCase(), cluster })
  }
  return leads
}

function clusterOf({ routes }: VirtualHost): string {
  const { action } = routes[0]!
  if (action.case !== 'route' || action.value.clusterSpecifier.case !== 'cluster')
    throw new Error('only routes to one cluster can be shared')
  return action.value.clusterSpecifier.value
}

function sharedHost(name: string, group: readonly TableHost[]): VirtualHost {
  const first = compiledHost(group[0]!).message
  const typedConfig = clusterMap(fewestPrefixes(leadsOf(group)))
  const looksUp = make(RouteSchema, {
    action: {
      case: 'route',
      value: {
        clusterSpecifier: {
          case: 'inlineClusterSpecifierPlugin',
          value: { extension: { name: 'envoy.router.cluster_specifier_plugin.matcher', typedConfig } },
        },
      },
    },
  }).action
  return {
    ...first,
    name,
    domains: group.flatMap(domainsOf),
    routes: [CAPITALS, leadingTo(first.routes[0]!, (looksUp.value as RouteAction).clusterSpecifier)],
  }
}

const CAPITALS: Route = make(RouteSchema, {
  name: 'capitals',
  match: {
    pathSpecifier: { case: 'prefix', value: '/' },
    headers: [
      {
        name: ':authority',
        headerMatchSpecifier: {
          case: 'stringMatch',
          value: { matchPattern: { case: 'safeRegex', value: { regex: '.*[A-Z].*' } } },
        },
      },
    ],
  },
  action: {
    case: 'directResponse',
    value: {
      status: 500,
      body: {
        specifier: {
          case: 'inlineString',
          value: 'this Envoy was built without Lua and cannot take a host in capital letters',
        },
      },
    },
  },
  typedPerFilterConfig: {
    [LOWER_CASE_FILTER]: pack(LuaPerRouteSchema, {
      override: {
        case: 'sourceCode',
        value: {
          specifier: {
            case: 'inlineString',
            value: `function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace(":authority", string.lower(headers:get(":authority")))
  handle:clearRouteCache()
end`,
          },
        },
      },
    }),
  },
})
