import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts'
import { TrafficDirection } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { type Listener, ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { TlsInspectorSchema } from '../../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { duration, make, pack } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'

/** A network filter and its settings. */
export interface NetworkFilter {
  readonly name: string
  readonly config: Any
}

/** What happens to connections of one kind on a listener. */
export interface Chain {
  /** SNI names; none: every connection that no other chain takes. */
  readonly serverNames: readonly string[]
  /** `tls`: only connections that start with a TLS handshake; undefined: any. */
  readonly transport: 'tls' | undefined
  readonly filter: NetworkFilter
  /** What looks at the connection before that. */
  readonly first?: NetworkFilter
  /** TLS to terminate before the filter sees bytes. */
  readonly tls?: Any
  readonly origins: readonly Origin[]
}

/** A port to listen on and its chains in order of precedence. */
export interface ListenerPlan {
  readonly name: string
  /** IP address or `unix://<path>`. */
  readonly bind: string
  readonly port: number
  readonly direction: 'inbound' | 'outbound'
  readonly chains: readonly Chain[]
}

export interface CompiledListener {
  readonly message: Listener
  readonly origins: readonly Origin[]
}

/** Istio's name of a listener: `<address>_<port>`; a Unix domain socket is named by its path. */
export function listenerName(bind: string, port: number): string {
  return bind.startsWith('unix://') ? bind : `${bind}_${port}`
}

/** Builds the listener, or nothing when no chain is left: a port without use is not opened. */
export function buildListener(plan: ListenerPlan): CompiledListener | undefined {
  const chains = withoutDuplicateMatches(plan.chains)
  if (chains.length === 0) return undefined
  const inspectTls = chains.some((chain) => chain.transport === 'tls' || chain.serverNames.length > 0)
  const message = make(ListenerSchema, {
    name: plan.name,
    address: listenAddress(plan.bind, plan.port),
    trafficDirection: plan.direction === 'inbound' ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    ...(inspectTls && {
      listenerFilters: [
        {
          name: 'envoy.filters.listener.tls_inspector',
          configType: { case: 'typedConfig' as const, value: pack(TlsInspectorSchema, {}) },
        },
      ],
      listenerFiltersTimeout: duration(5000),
      continueOnListenerFiltersTimeout: true,
    }),
    filterChains: chains.map((chain, index) => ({
      name: chain.serverNames[0] ?? `${plan.name}#${index}`,
      filterChainMatch: {
        serverNames: chain.serverNames.filter((name) => name !== '*'),
        transportProtocol: chain.transport ?? '',
      },
      filters: [...(chain.first ? [chain.first] : []), chain.filter].map(({ name, config }) => ({
        name,
        configType: { case: 'typedConfig' as const, value: config },
      })),
      ...(chain.tls && {
        transportSocket: {
          name: 'envoy.transport_sockets.tls',
          configType: { case: 'typedConfig' as const, value: chain.tls },
        },
      }),
    })),
  })
  return { message, origins: chains.flatMap((chain) => chain.origins) }
}

/**
 * Envoy refuses a whole listener when two chains match the same: the first one keeps a name. A `*` among SNI names means
 * "any TLS", an empty list "anything".
 */
function withoutDuplicateMatches(chains: readonly Chain[]): readonly Chain[] {
  const taken = new Set<string>()
  return chains.flatMap((chain) => {
    const names =
      chain.serverNames.length > 0 && !chain.serverNames.includes('*') ? [...new Set(chain.serverNames)] : ['*']
    const free = names.filter((name) => !taken.has(`${chain.transport ?? ''} ${name}`))
    for (const name of free) taken.add(`${chain.transport ?? ''} ${name}`)
    if (free.length === 0) return []
    return [{ ...chain, serverNames: free[0] === '*' ? [] : free }]
  })
}

/** `127.0.0.1`, `::1` or `unix:///path` (`unix://@name` is an abstract socket). */
export function listenAddress(bind: string, port: number): MessageInitShape<typeof AddressSchema> {
  if (bind.startsWith('unix://')) return { address: { case: 'pipe', value: { path: bind.slice('unix://'.length) } } }
  return {
    address: {
      case: 'socketAddress',
      value: { address: bind, portSpecifier: { case: 'portValue', value: port } },
    },
  }
}
