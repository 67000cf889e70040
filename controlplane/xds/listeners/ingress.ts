import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { pack } from '../../../proto/make.ts'
import { leadsToItself } from '../../config/syntax/address.ts'
import type { Scope } from '../../model/index.ts'
import { isHttp, portProtocol } from '../../model/service.ts'
import { inboundName } from '../names.ts'
import { httpConnectionManager } from './http-connection-manager.ts'
import { type Chain, type ListenerPlan, listenerName } from './listener.ts'
import { tcpProxy } from './tcp-proxy.ts'
import { ALPN, asksForClientCertificate, downstreamTlsContext, terminatesTls } from './tls-context.ts'

/**
 * Ports a sidecar accepts traffic on for its workload: those its Sidecar document lists, nothing else, and of these none that would lead
 * to itself: a single request would go round until Envoy has no socket left.
 */
export function ingressListeners(scope: Scope): readonly ListenerPlan[] {
  const sidecar = scope.sidecar()
  return (sidecar?.spec.ingress ?? []).flatMap((ingress, index): ListenerPlan[] => {
    const port = ingress.port.number
    if (!port || leadsToItself(ingress.bind ?? '', port, ingress.defaultEndpoint ?? '')) return []
    const bind = ingress.bind ?? '0.0.0.0'
    const name = inboundName(port)
    const { protocol } = portProtocol(ingress.port.protocol, ingress.port.name)
    const tls = ingress.tls && terminatesTls(ingress.tls) ? ingress.tls : undefined
    const passing: Pick<Chain, 'filter' | 'first'> =
      isHttp(protocol) || (protocol === 'https' && tls)
        ? {
            filter: {
              name: 'envoy.filters.network.http_connection_manager',
              config: pack(
                HttpConnectionManagerSchema,
                httpConnectionManager(scope, {
                  routeName: name,
                  statPrefix: `inbound_${listenerName(bind, port)}`,
                  edge: false,
                  grpcWeb: protocol === 'grpc-web',
                  clientCertificate: tls !== undefined && asksForClientCertificate(tls),
                }),
              ),
            },
          }
        : tcpProxy(scope, name, [{ cluster: name, weight: 1 }])
    return [
      {
        name: listenerName(bind, port),
        bind,
        port,
        direction: 'inbound',
        chains: [
          {
            serverNames: [],
            transport: tls && 'tls',
            ...passing,
            ...(tls && {
              tls: downstreamTlsContext(tls, ALPN),
            }),
            origins: [{ object: sidecar!, path: ['spec', 'ingress', index] }],
          },
        ],
      },
    ]
  })
}
