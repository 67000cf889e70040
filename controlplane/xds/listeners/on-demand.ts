import type { MessageInitShape } from '@bufbuild/protobuf'
import { LuaSchema } from '../../../proto/gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts'
import { OnDemandSchema } from '../../../proto/gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts'
import type { HttpFilterSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import {
  type TcpProxy_OnDemand,
  TcpProxy_OnDemandSchema,
} from '../../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { duration, make, pack } from '../../../proto/make.ts'
import type { Scope } from '../../model/index.ts'
import { LOWER_CASE_FILTER } from '../routes/index.ts'
import { ADS } from './config-source.ts'

/**
 * How long a request waits for its cluster: Envoy's default, long enough for a control plane that restarts. Longer than
 * clusters wait for their endpoints (4 s), so that one that waits in vain does not fail the requests for others.
 */
const TIMEOUT_MS = 5000

/**
 * Asks for the cluster of a request when it is not there yet
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter). It stands before all
 * others but one: older Envoys run those before it twice, and those after it find the cluster.
 */
export function onDemandFilter({ proxy }: Pick<Scope, 'proxy'>): MessageInitShape<typeof HttpFilterSchema>[] {
  if (!proxy.lazy) return []
  const config = pack(OnDemandSchema, { odcds: { source: ADS, timeout: duration(TIMEOUT_MS) } })
  return [
    ...(proxy.sharesVirtualHosts ? [lowerCase] : []),
    { name: 'envoy.filters.http.on_demand', configType: { case: 'typedConfig', value: config } },
  ]
}

/**
 * Does nothing but where virtual hosts are shared, for authorities in capitals. Always there, since a listener that changes closes
 * connections; optional, since without it small letters still work.
 */
const lowerCase: MessageInitShape<typeof HttpFilterSchema> = {
  name: LOWER_CASE_FILTER,
  configType: { case: 'typedConfig', value: pack(LuaSchema, {}) },
  isOptional: true,
  disabled: true,
}

/** The same for connections: the first one is held until the cluster is there. */
export function tcpOnDemand({ proxy }: Pick<Scope, 'proxy'>): TcpProxy_OnDemand | undefined {
  return proxy.lazy && make(TcpProxy_OnDemandSchema, { odcdsConfig: ADS, timeout: duration(TIMEOUT_MS) })
}
