import type { Scope } from '../../model/scope.ts'
import { compileGateway, gatewayRouteNames } from './gateway.ts'
import { compileGrpc, grpcRouteNames } from './grpc.ts'
import { compileInbound, inboundRouteNames } from './inbound.ts'
import type { RouteTable } from './route-table.ts'
import { compileOutbound, outboundHttpListeners } from './sidecar.ts'

/** Names of all route tables of a class, in a stable order. */
export function routeConfigurationNames(scope: Scope): readonly string[] {
  switch (scope.proxy.type) {
    case 'router':
      return gatewayRouteNames(scope)
    case 'grpc':
      return grpcRouteNames(scope)
    case 'sidecar':
      return [...outboundHttpListeners(scope).map((listener) => listener.name), ...inboundRouteNames(scope)]
    case 'message':
      return []
  }
}

/** The route table of a name for the proxies of one class, or undefined when it has none. */
export function compileRouteConfiguration(scope: Scope, name: string): RouteTable | undefined {
  switch (scope.proxy.type) {
    case 'router':
      return compileGateway(scope, name)
    case 'grpc':
      return compileGrpc(scope, name)
    case 'sidecar': {
      if (name.startsWith('inbound|')) return compileInbound(scope, name)
      const listener = outboundHttpListeners(scope).find((candidate) => candidate.name === name)
      return listener && compileOutbound(scope, listener)
    }
    case 'message':
      return undefined
  }
}
