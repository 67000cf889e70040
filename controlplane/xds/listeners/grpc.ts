import { type Listener, ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { HTTPFaultSchema } from '../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { RouterSchema } from '../../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts'
import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { make, pack } from '../../../proto/make.ts'
import type { Scope } from '../../model/index.ts'
import { isHttp, outboundClusterName, type Service, type ServicePort } from '../../model/service.ts'
import { ADS } from './config-source.ts'
import { listenAddress } from './listener.ts'

/** Prefix of the name a gRPC server asks its listener by; what follows is the address it listens on. */
const SERVER_PREFIX = 'grpc/server?xds.resource.listening_address='

/**
 * Listener of a proxyless gRPC library (https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md).
 * A client asks by the target as typed, `xds:///<host>` or `xds:///<host>:<port>`; a server by `SERVER_PREFIX` and its address.
 */
export function grpcListener(scope: Scope, name: string): Listener | undefined {
  if (name.startsWith(SERVER_PREFIX)) return serverListener(name, name.slice(SERVER_PREFIX.length))
  const target = grpcTarget(scope, name)
  if (!target) return undefined
  return make(ListenerSchema, {
    name,
    apiListener: {
      apiListener: pack(HttpConnectionManagerSchema, {
        routeSpecifier: {
          case: 'rds',
          value: {
            routeConfigName: outboundClusterName(target.port.number, '', target.service.hostname),
            configSource: ADS,
          },
        },
        httpFilters: [
          filter('envoy.filters.http.fault', pack(HTTPFaultSchema, {})),
          filter('envoy.filters.http.router', pack(RouterSchema, {})),
        ],
      }),
    },
  })
}

/** Listener names a gRPC client could ask for, for dumps: every HTTP port of every visible service. */
export function grpcListenerNames(scope: Scope): readonly string[] {
  return scope
    .services()
    .flatMap((service) =>
      service.ports.filter((port) => isHttp(port.protocol)).map((port) => `${service.hostname}:${port.number}`),
    )
}

/** The service and port a target means: a short name is one of the proxy's namespace; without a port, 80 or the first HTTP port. */
function grpcTarget(scope: Scope, name: string): { readonly service: Service; readonly port: ServicePort } | undefined {
  const colon = name.lastIndexOf(':')
  const number = colon > 0 && /^\d+$/.test(name.slice(colon + 1)) ? Number(name.slice(colon + 1)) : undefined
  const host = number === undefined ? name : name.slice(0, colon)
  const service = scope.resolve(host, scope.proxy.namespace) ?? shortened(scope, host)
  const ports = service?.ports.filter((port) => isHttp(port.protocol)) ?? []
  const port =
    ports.find((candidate) => candidate.number === (number ?? 80)) ?? (number === undefined ? ports[0] : undefined)
  return service && port ? { service, port } : undefined
}

/** `reviews.shop` and `reviews.shop.svc` of the cluster domain. */
function shortened(scope: Scope, host: string): Service | undefined {
  const { domain } = scope.settings()
  return scope.service(`${host}.${domain}`) ?? scope.service(`${host}.svc.${domain}`)
}

function serverListener(name: string, address: string): Listener | undefined {
  const colon = address.lastIndexOf(':')
  const port = Number(address.slice(colon + 1))
  if (colon < 0 || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return make(ListenerSchema, {
    name,
    address: listenAddress(host, port),
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            configType: {
              case: 'typedConfig',
              value: pack(HttpConnectionManagerSchema, {
                routeSpecifier: {
                  case: 'routeConfig',
                  value: {
                    name: 'inbound',
                    virtualHosts: [
                      {
                        name: 'inbound',
                        domains: ['*'],
                        routes: [
                          {
                            match: { pathSpecifier: { case: 'prefix', value: '' } },
                            action: { case: 'nonForwardingAction', value: {} },
                          },
                        ],
                      },
                    ],
                  },
                },
                httpFilters: [filter('envoy.filters.http.router', pack(RouterSchema, {}))],
              }),
            },
          },
        ],
      },
    ],
  })
}

function filter(name: string, value: ReturnType<typeof pack>) {
  return { name, configType: { case: 'typedConfig' as const, value } }
}
