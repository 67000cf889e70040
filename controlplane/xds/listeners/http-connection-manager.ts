import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { CorsSchema } from '../../../proto/gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts'
import { FilterConfigSchema as DynamicForwardProxySchema } from '../../../proto/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.ts'
import { HTTPFaultSchema } from '../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { RouterSchema } from '../../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts'
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ForwardClientCertDetails,
  type HttpConnectionManagerSchema,
  type HttpFilterSchema,
} from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import type { Scope } from '../../model/index.ts'
import { dnsCacheConfig } from '../clusters/dynamic-forward-proxy.ts'
import { GRPC_WEB_FILTER, grpcWebConfig } from '../routes/index.ts'
import { accessLogs } from './access-log.ts'
import { ADS } from './config-source.ts'
import { onDemandFilter } from './on-demand.ts'
import { rateLimitFilters } from './rate-limit.ts'

type HttpFilter = MessageInitShape<typeof HttpFilterSchema>
type HttpConnectionManager = MessageInitShape<typeof HttpConnectionManagerSchema>

/** What differs between the places HTTP is accepted at. */
export interface HttpOptions {
  readonly routeName: string
  readonly statPrefix: string
  /** At the edge: the peer's address is the client's, and its claims about itself are not believed. */
  readonly edge: boolean
  /** The peer may present a certificate: tell the upstream about it. */
  readonly clientCertificate?: boolean
  /** The port is one for gRPC-Web, wherever its routes lead. */
  readonly grpcWeb?: boolean
}

interface Filter {
  readonly name: string
  readonly make: () => Any
}

/**
 * HTTP filters in their order. Each does nothing until a route configures it, so one list serves all listeners:
 * CORS before limits and faults (a preflight is never counted or delayed), gRPC-Web before both (their answers are put into its form, too), limits
 * before faults (what is refused is not delayed), forwarding to unknown hosts last before the router.
 */
const FIRST: readonly Filter[] = [{ name: 'envoy.filters.http.cors', make: () => pack(CorsSchema, {}) }]
const LAST: readonly Filter[] = [
  { name: 'envoy.filters.http.fault', make: () => pack(HTTPFaultSchema, {}) },
  {
    name: 'envoy.filters.http.dynamic_forward_proxy',
    make: () =>
      pack(DynamicForwardProxySchema, { implementationSpecifier: { case: 'dnsCacheConfig', value: dnsCacheConfig() } }),
  },
  { name: 'envoy.filters.http.router', make: () => pack(RouterSchema, {}) },
]

function filterOf({ name, make }: Filter): HttpFilter {
  return { name, configType: { case: 'typedConfig', value: make() } }
}

/** A connection manager that takes its routes over ADS. */
export function httpConnectionManager(scope: Scope, options: HttpOptions): HttpConnectionManager {
  const direction = options.routeName.startsWith('inbound|') ? 'inbound' : 'outbound'
  const log = accessLogs(scope, 'http', direction)
  return {
    codecType: HttpConnectionManager_CodecType.AUTO,
    statPrefix: options.statPrefix,
    routeSpecifier: { case: 'rds', value: { routeConfigName: options.routeName, configSource: ADS } },
    httpFilters: [
      // The workload's own cluster is always there.
      ...(direction === 'outbound' ? onDemandFilter(scope) : []),
      ...FIRST.map(filterOf),
      { ...filterOf({ name: GRPC_WEB_FILTER, make: grpcWebConfig }), disabled: !options.grpcWeb },
      ...(direction === 'outbound' ? rateLimitFilters(scope) : []).map(
        ({ name, config }): HttpFilter => ({ name, configType: { case: 'typedConfig', value: config } }),
      ),
      ...LAST.map(filterOf),
    ],
    accessLog: log,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    normalizePath: true,
    stripTrailingHostDot: true,
    streamIdleTimeout: duration(0),
    commonHttpProtocolOptions: { idleTimeout: duration(3_600_000) },
    http2ProtocolOptions: {},
    httpProtocolOptions: { acceptHttp10: true },
    useRemoteAddress: options.edge,
    ...(options.clientCertificate && toldOfCertificate(options.edge)),
  }
}

/**
 * What the upstream is told of a caller's certificate, in the fields Istio tells. At the edge that is all it is told; further in, proxies
 * that showed a certificate themselves may have told of callers before them. Without a certificate Envoy removes what a caller says.
 */
function toldOfCertificate(edge: boolean) {
  return {
    forwardClientCertDetails: edge
      ? HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET
      : HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD,
    setCurrentClientCertDetails: { subject: true, dns: true, uri: true, ...(edge && { cert: true }) },
  }
}
