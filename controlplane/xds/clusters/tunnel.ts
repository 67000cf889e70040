import type { Scope } from '../../model/scope.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { type Decided, effectivePolicy } from './policy.ts'

/** How TCP traffic to a cluster is wrapped: an HTTP request to the cluster whose body is the byte stream. */
export interface Tunnel {
  readonly method: 'CONNECT' | 'POST'
  /** `host:port` the tunnel leads to; IPv6 addresses in brackets. */
  readonly authority: string
}

/** The tunnel of a cluster, for listeners: Envoy sets it where TCP enters (`tcp_proxy.tunneling_config`), not in the cluster. */
export function tunnelOf(scope: Scope, service: Service, port: ServicePort, subset = ''): Decided<Tunnel> | undefined {
  const { tunnel } = effectivePolicy(scope, service, port, subset)
  if (!tunnel) return undefined
  const { protocol, targetHost, targetPort } = tunnel.value
  const host = targetHost.includes(':') && !targetHost.startsWith('[') ? `[${targetHost}]` : targetHost
  return {
    value: { method: protocol?.toUpperCase() === 'POST' ? 'POST' : 'CONNECT', authority: `${host}:${targetPort}` },
    origin: tunnel.origin,
  }
}
