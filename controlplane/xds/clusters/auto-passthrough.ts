import { hostWithin, parseScopedHost, type ScopedHost } from '../../model/hosts.ts'
import type { Scope } from '../../model/scope.ts'
import { outboundClusterName } from '../../model/service.ts'
import { subsetsOf } from './policy.ts'

/**
 * Gateways with AUTO_PASSTHROUGH route by the SNI that callers in ISTIO_MUTUAL mode send, which names service, port and subset.
 * The clusters behind have the same names, and no TLS of their own: what comes is encrypted already.
 * https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings-TLSmode
 */
export function sniClusterName(port: number, subset: string, hostname: string): string {
  return `outbound_.${port}_.${subset}_.${hostname}`
}

/** The name of the outbound cluster whose endpoints an SNI cluster has; undefined for other names. */
export function outboundOfSniCluster(name: string): string | undefined {
  const match = /^outbound_\.(\d+)_\.([^_]*)_\.(.+)$/.exec(name)
  return match ? outboundClusterName(Number(match[1]), match[2]!, match[3]!) : undefined
}

/** SNI clusters that servers with these hosts lead to: every TCP port of every service the gateway sees, and its subsets. */
export function sniClusterNames(scope: Scope, hosts: readonly ScopedHost[]): readonly string[] {
  return scope
    .services()
    .filter(
      (service) =>
        !service.meshExternal &&
        hosts.some(
          ({ namespace, host }) =>
            (namespace === '*' || namespace === service.namespace) && hostWithin(service.hostname, host),
        ),
    )
    .flatMap((service) => {
      const subsets = ['', ...subsetsOf(scope, service).map(({ name }) => name)]
      return service.ports
        .filter(({ protocol }) => protocol !== 'udp')
        .flatMap(({ number }) => subsets.map((subset) => sniClusterName(number, subset, service.hostname)))
    })
}

/** SNI clusters of all AUTO_PASSTHROUGH servers of a gateway proxy. */
export function gatewaySniClusterNames(scope: Scope): readonly string[] {
  if (scope.proxy.type !== 'router') return []
  const hosts = scope
    .gateways()
    .flatMap(({ namespace, spec }) =>
      (spec.servers ?? [])
        .filter(({ tls }) => tls?.mode === 'AUTO_PASSTHROUGH')
        .flatMap((server) => server.hosts.map((host) => parseScopedHost(host, namespace))),
    )
  return hosts.length > 0 ? sniClusterNames(scope, hosts) : []
}
