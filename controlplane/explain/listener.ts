import { fromBinary } from '@bufbuild/protobuf'
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt'
import type { FilterChain } from '../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts'
import { type Listener, ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import type { Origin } from '../config/object.ts'
import type { ClassView } from '../xds/class-view.ts'
import { HTTP_PROXY_ROUTES } from '../xds/names.ts'
import { compileRouteConfiguration, outboundTable, virtualHostFor } from '../xds/routes/index.ts'
import type { Wording } from './wording.ts'

/** A request as somebody asks for its way. */
export interface ExplainRequest {
  readonly url: URL
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** The listener that takes a request, if any does. */
export function findListener(
  view: ClassView,
  { url, headers }: ExplainRequest,
): { message: Listener; origins: readonly Origin[] } | undefined {
  // A gRPC library asks for a listener by its target, whatever port that is.
  if (view.scope.proxy.type === 'grpc') {
    const resource = view.get('lds', url.host)
    return resource && { message: fromBinary(ListenerSchema, resource.bytes), origins: resource.origins }
  }
  const wanted = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const candidates = view.names('lds').flatMap((name) => {
    const resource = view.get('lds', name)
    return resource ? [{ message: fromBinary(ListenerSchema, resource.bytes), origins: resource.origins }] : []
  })
  const outbound = candidates.filter(({ message }) => message.trafficDirection !== 1)
  const byPort = outbound.find(({ message }) => listenPort(message) === wanted)
  // Only plain HTTP says its authority, so that another port than its own can take it.
  if (byPort || view.scope.proxy.type === 'router' || url.protocol !== 'http:') return byPort
  // Without a port of that number it is one where callers say the authority: the mesh's, or one that a Sidecar document opens, if
  // only that one knows the host.
  const authority = headers['host'] ?? url.host
  const takes = ({ message }: { readonly message: Listener }) => takesAuthority(view, routeTable(message), authority)
  const mesh = outbound.find(({ message }) => routeTable(message) === outboundTable(view.scope, HTTP_PROXY_ROUTES))
  return mesh && takes(mesh) ? mesh : (outbound.find(takes) ?? mesh)
}

function takesAuthority(view: ClassView, table: string | undefined, authority: string): boolean {
  const compiled = table === undefined ? undefined : compileRouteConfiguration(view.scope, table)
  const host = compiled?.hostFor(authority)
  return host !== undefined && !host.message.domains.includes('*')
}

/** The chain of filters that takes a connection, told apart by the name it asks for. */
function findChain(listener: Listener, { url }: ExplainRequest): FilterChain | undefined {
  const encrypted = url.protocol === 'https:' || url.protocol === 'tls:'
  const sni = url.hostname.toLowerCase()
  const named = listener.filterChains.filter(({ filterChainMatch: match }) => match && match.serverNames.length > 0)
  const taken = encrypted
    ? virtualHostFor(
        named.map((chain) => ({ chain, domains: chain.filterChainMatch!.serverNames })),
        sni,
      )?.chain
    : undefined
  return (
    taken ??
    listener.filterChains.find(
      ({ filterChainMatch: match }) => !match?.serverNames.length && (encrypted || match?.transportProtocol !== 'tls'),
    ) ??
    listener.defaultFilterChain
  )
}

function routeTable(listener: Listener): string | undefined {
  const config = listener.filterChains[0]?.filters.at(-1)?.configType
  const manager = config?.case === 'typedConfig' ? anyUnpack(config.value, HttpConnectionManagerSchema) : undefined
  return manager?.routeSpecifier.case === 'rds' ? manager.routeSpecifier.value.routeConfigName : undefined
}

function listenPort(listener: Listener): number | undefined {
  const address = listener.address?.address
  if (address?.case !== 'socketAddress') return undefined
  return address.value.portSpecifier.case === 'portValue' ? address.value.portSpecifier.value : undefined
}

/** The filter a request comes to in the end: of the chain that takes its connection, or what a gRPC library has inside itself. */
export function lastFilter(listener: Listener, request: ExplainRequest): Any | undefined {
  if (listener.apiListener) return listener.apiListener.apiListener
  const config = findChain(listener, request)?.filters.at(-1)?.configType
  return config?.case === 'typedConfig' ? config.value : undefined
}

/** Where a listener takes connections. */
export function listening(listener: Listener): Wording {
  const address = listener.address?.address
  const where =
    address?.case === 'pipe'
      ? address.value.path
      : address?.case === 'socketAddress' && `${address.value.address}:${listenPort(listener)}`
  return where
    ? { en: `takes connections at ${where}`, zh: `在 ${where} 接收连接` }
    : { en: 'is inside the client: no port is opened', zh: '位于客户端内部：不打开端口' }
}
