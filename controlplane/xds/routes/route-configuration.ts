import type { RouteConfiguration } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import type { Scope } from '../../model/scope.ts'
import { compileGateway, gatewayRouteNames } from './gateway.ts'
import { compileGrpc, grpcRouteNames } from './grpc.ts'
import { compileInbound, inboundRouteNames } from './inbound.ts'
import { compileOutbound, outboundListeners } from './sidecar.ts'
import type { CompiledVirtualHost } from './virtual-host.ts'

/** A route table; virtual hosts and routes know the places in documents they came from. */
export interface CompiledRouteConfiguration {
  readonly message: RouteConfiguration
  readonly virtualHosts: readonly CompiledVirtualHost[]
}

/** Names of all route tables of a class, in a stable order. */
export function routeConfigurationNames(scope: Scope): readonly string[] {
  switch (scope.proxy.type) {
    case 'router':
      return gatewayRouteNames(scope)
    case 'grpc':
      return grpcRouteNames(scope)
    case 'sidecar':
      return [...outboundListeners(scope).map((listener) => listener.name), ...inboundRouteNames(scope)]
    case 'message':
      return []
  }
}

/** The route table of a name, or undefined when this class has no such table. */
export function compileTable(scope: Scope, name: string): CompiledRouteConfiguration | undefined {
  switch (scope.proxy.type) {
    case 'router':
      return compileGateway(scope, name)
    case 'grpc':
      return compileGrpc(scope, name)
    case 'sidecar': {
      if (name.startsWith('inbound|')) return compileInbound(scope, name)
      const listener = outboundListeners(scope).find((candidate) => candidate.name === name)
      return listener && compileOutbound(scope, listener)
    }
    case 'message':
      return undefined
  }
}
