import type { RouteConfiguration } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import { encodeTable } from './encode-table.ts'
import { compileTable } from './route-configuration.ts'
import { shareVirtualHosts } from './shared-virtual-hosts.ts'
import type { CompiledVirtualHost } from './virtual-host.ts'

export { DomainIndex, virtualHostFor, withoutPort } from './authority.ts'
export { isCatchAll } from './catch-all.ts'
export { CORS_FILTER } from './cors.ts'
export { MAX_DIRECT_RESPONSE_BYTES } from './direct-response.ts'
export { FAULT_FILTER } from './fault.ts'
export { type GatewayServer, gatewayServers, type ServerKind } from './gateway-servers.ts'
export type { CompiledRoute } from './http-route.ts'
export { routeClusters } from './route-clusters.ts'
export { routeConfigurationNames } from './route-configuration.ts'
export { LOWER_CASE_FILTER } from './shared-virtual-hosts.ts'
export { makeVirtualHosts, outboundTable } from './sidecar.ts'
export type { CompiledVirtualHost } from './virtual-host.ts'

/**
 * The RouteConfiguration of a name for the proxies of one class, or undefined when it has none. `origins` are all
 * places in documents that decided something in it, each once; `virtualHosts` tell them virtual host by virtual host
 * and route by route.
 */
export function compileRouteConfiguration(
  scope: Scope,
  name: string,
):
  | {
      readonly message: RouteConfiguration
      /**
       * The encoded message, where the class takes it with virtual hosts that are alike in one. Those that did not change since the
       * last time cost a copy only.
       */
      readonly bytes: Uint8Array
      readonly origins: readonly Origin[]
      readonly virtualHosts: readonly CompiledVirtualHost[]
    }
  | undefined {
  const table = compileTable(scope, name)
  if (!table) return undefined
  let origins: readonly Origin[] | undefined
  return {
    ...table,
    bytes: encodeTable(scope.proxy.sharesVirtualHosts ? shareVirtualHosts(table.message) : table.message),
    // Tens of thousands in a large mesh, and rarely asked for.
    get origins() {
      origins ??= [...new Set(table.virtualHosts.flatMap((host) => host.origins))]
      return origins
    },
  }
}
