import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { RouteConfiguration } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { LuaPerRouteSchema } from '../../../proto/gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts'
import { encode, make, pack } from '../../../proto/make.ts'
import { virtualHostBytes } from './virtual-host.ts'

/** So many virtual hosts that differ in nothing but domains and cluster are sent as one; fewer stay what people expect to see. */
const WORTH_SHARING = 500

/** The HTTP filter that {@link shareVirtualHosts} relies on for authorities in capitals. */
export const LOWER_CASE_FILTER = 'lower-case-authority'

/**
 * The table with virtual hosts that are alike but for domains and cluster put into one, which looks the cluster up by the authority: a
 * virtual host with its route takes Envoy some 4 kB, its entries in a map 1 kB (docs/decisions/on-demand.md).
 * The same object when there are too few of them.
 *
 * A map knows one spelling, and authorities have no case. One with capitals takes a route of its own, where a filter writes it in small
 * letters and has the route chosen again.
 * @param worth how many have to be alike
 */
export function shareVirtualHosts(table: RouteConfiguration, worth = WORTH_SHARING): RouteConfiguration {
  // Where the port does not count the authority is not the domain.
  if (table.ignorePortInHostMatching || table.virtualHosts.length < worth) return table
  const groups = new Map<string, VirtualHost[]>()
  for (const host of table.virtualHosts) {
    const kind = kindOf(host)
    if (kind === undefined) continue
    const group = groups.get(kind)
    if (group) group.push(host)
    else groups.set(kind, [host])
  }
  const shared = [...groups.values()].filter((group) => group.length >= worth)
  if (shared.length === 0) return table
  const gone = new Set(shared.flat())
  return {
    ...table,
    virtualHosts: [
      ...table.virtualHosts.filter((host) => !gone.has(host)),
      ...shared.map((group, index) => sharedHost(`shared-${index + 1}`, group)),
    ],
  }
}

/** Makes beforehand what {@link shareVirtualHosts} and encoding need of one virtual host of a table of this size. */
export function prepareToShare(size: number): (host: VirtualHost) => void {
  return (host) => {
    if (size < WORTH_SHARING || kindOf(host) === undefined) virtualHostBytes(host)
    else entriesOf(host)
  }
}

const kinds = new WeakMap<VirtualHost, string | null>()

/** Equal for virtual hosts that can be one; undefined for one that must stay alone. */
function kindOf(host: VirtualHost): string | undefined {
  let kind = kinds.get(host)
  if (kind === undefined) {
    kind = canShare(host) ? Buffer.from(encode(VirtualHostSchema, withoutNames(host))).toString('latin1') : null
    kinds.set(host, kind)
  }
  return kind ?? undefined
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
    domains.every((domain) => /^[!-)+-~]+$/.test(domain))
  )
}

function withoutNames(host: VirtualHost): VirtualHost {
  return { ...host, name: '', domains: [], routes: [leadingTo(host.routes[0]!, { case: undefined })] }
}

type RouteAction = Extract<Route['action'], { case: 'route' }>['value']

function leadingTo(route: Route, clusterSpecifier: RouteAction['clusterSpecifier']): Route {
  const action = route.action.value as RouteAction
  return { ...route, action: { case: 'route', value: { ...action, clusterSpecifier } } }
}

function sharedHost(name: string, group: readonly VirtualHost[]): VirtualHost {
  const first = group[0]!
  const typedConfig = make(AnySchema, {
    typeUrl: 'type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier',
    value: specifier(group.map(entriesOf)),
  })
  const plugin = make(RouteSchema, {
    action: {
      case: 'route',
      value: {
        clusterSpecifier: {
          case: 'inlineClusterSpecifierPlugin',
          value: { extension: { name: 'envoy.router.cluster_specifier_plugin.matcher', typedConfig } },
        },
      },
    },
  })
  const looksUp = (plugin.action.value as RouteAction).clusterSpecifier
  return {
    ...first,
    name,
    domains: group.flatMap(({ domains }) => domains),
    routes: [CAPITALS, leadingTo(first.routes[0]!, looksUp)],
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

const CLUSTER_ACTION = 'type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction'
const HEADER_INPUT = 'type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput'

const entries = new WeakMap<VirtualHost, Uint8Array>()

/** The domains of a virtual host as entries of a `MatchMap`, each with its cluster; made once. */
function entriesOf(host: VirtualHost): Uint8Array {
  let known = entries.get(host)
  if (!known) {
    const { clusterSpecifier } = host.routes[0]!.action.value as RouteAction
    // ClusterAction: cluster = 1
    const action = bytes((writer) => writer.tag(1, LENGTH).string(clusterSpecifier.value as string))
    // OnMatch: action = 2
    const onMatch = bytes((writer) => writer.tag(2, LENGTH).bytes(extension('cluster', CLUSTER_ACTION, action)))
    const writer = new BinaryWriter()
    // MatchMap: map = 1; an entry: key = 1, value = 2
    for (const domain of host.domains)
      writer.tag(1, LENGTH).fork().tag(1, LENGTH).string(domain.toLowerCase()).tag(2, LENGTH).bytes(onMatch).join()
    known = writer.finish()
    entries.set(host, known)
  }
  return known
}

/**
 * A `MatcherClusterSpecifier` that looks the authority up. Written by hand, so that entries of virtual hosts that did not change are only
 * copied.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/router/cluster_specifiers/matcher/v3/cluster_specifier_matcher.proto
 * https://github.com/cncf/xds/blob/main/xds/type/matcher/v3/matcher.proto
 */
function specifier(maps: readonly Uint8Array[]): Uint8Array {
  // HttpRequestHeaderMatchInput: header_name = 1
  const input = bytes((writer) => writer.tag(1, LENGTH).string(':authority'))
  // MatcherTree: input = 1, exact_match_map = 2
  const tree = bytes((writer) =>
    writer
      .tag(1, LENGTH)
      .bytes(extension('authority', HEADER_INPUT, input))
      .tag(2, LENGTH)
      .bytes(Buffer.concat(maps)),
  )
  // MatcherClusterSpecifier: cluster_matcher = 1; Matcher: matcher_tree = 2
  return bytes((writer) => writer.tag(1, LENGTH).fork().tag(2, LENGTH).bytes(tree).join())
}

const LENGTH = WireType.LengthDelimited

/** TypedExtensionConfig: name = 1, typed_config = 2; Any: type_url = 1, value = 2 */
function extension(name: string, typeUrl: string, value: Uint8Array): Uint8Array {
  return bytes((writer) =>
    writer
      .tag(1, LENGTH)
      .string(name)
      .tag(2, LENGTH)
      .fork()
      .tag(1, LENGTH)
      .string(typeUrl)
      .tag(2, LENGTH)
      .bytes(value)
      .join(),
  )
}

function bytes(write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}
