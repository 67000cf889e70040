import type { SidecarSpec } from '../config/kinds/sidecar.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../config/object.ts'
import { matchesLabels } from './endpoints.ts'
import { expandShortName, inScopedHosts, overlapsScopedHosts, parseScopedHost, type ScopedHost } from './hosts.ts'
import type { ProxyClass } from './proxy-class.ts'
import type { World } from './world.ts'

export type Sidecar = ConfigObject<SidecarSpec>

/** What of a Sidecar decides which proxies it is for. */
export interface SidecarChoice {
  readonly spec: Pick<SidecarSpec, 'workloadSelector'>
}

/**
 * The Sidecar of a proxy: one of its namespace whose selector fits, else the namespace's without selector, else that of the
 * root namespace (https://istio.io/latest/docs/reference/config/networking/sidecar/).
 * @param of all of a namespace, in order of precedence
 */
export function chooseSidecar<One extends SidecarChoice>(
  of: (namespace: string) => readonly One[],
  proxy: ProxyClass,
  rootNamespace: string,
): One | undefined {
  if (proxy.type === 'router') return undefined
  const own = of(proxy.namespace)
  const selector = (sidecar: One) => sidecar.spec.workloadSelector?.labels
  return (
    own.find((sidecar) => selector(sidecar) && matchesLabels(selector(sidecar)!, proxy.labels)) ??
    own.find((sidecar) => !selector(sidecar)) ??
    of(rootNamespace).find((sidecar) => !selector(sidecar))
  )
}

/** The same among the present ones (tracked). */
export function sidecarFor(world: World, proxy: ProxyClass, rootNamespace: string): Sidecar | undefined {
  return chooseSidecar((namespace) => world.inNamespace<SidecarSpec>('Sidecar', namespace), proxy, rootNamespace)
}

/**
 * The egress hosts of one listener of a Sidecar, or of all of them together; undefined when the Sidecar does not limit egress.
 * @param namespace the proxy's: `./` is its own, also in the Sidecar that the root namespace has for all
 */
export function egressHosts(
  sidecar: Sidecar | undefined,
  namespace: string,
  listener?: number,
): readonly ScopedHost[] | undefined {
  const egress = sidecar?.spec.egress
  if (!sidecar || !egress?.length) return undefined
  const listeners = listener === undefined ? egress : egress.slice(listener, listener + 1)
  return listeners.flatMap(({ hosts = [] }) => {
    const except = hosts.filter(isException).map((host) => parseScopedHost(host.slice(1), namespace))
    const imported = hosts.filter((host) => !isException(host)).map((host) => parseScopedHost(host, namespace))
    return except.length > 0 ? imported.map((host) => ({ ...host, except })) : imported
  })
}

/** `~ns/host` takes out of its listener what another entry lets in; without a namespace that of all. */
function isException(host: string): boolean {
  return host.startsWith('~')
}

/** Whether a VirtualService may be seen through egress hosts: one of its hosts overlaps one of them. */
export function virtualServiceInScope(
  hosts: readonly ScopedHost[] | undefined,
  virtualService: ConfigObject<VirtualServiceSpec>,
  domain: string,
): boolean {
  if (!hosts) return true
  const { namespace } = virtualService
  return (virtualService.spec.hosts ?? []).some((host) =>
    overlapsScopedHosts(hosts, namespace, expandShortName(host, namespace, domain)),
  )
}

/** Whether a service may be seen through egress hosts. */
export function serviceInScope(hosts: readonly ScopedHost[] | undefined, namespace: string, hostname: string): boolean {
  return !hosts || inScopedHosts(hosts, namespace, hostname)
}

/** Hosts (with the namespace they are relative to) that a VirtualService sends requests to: routes, mirrors, TCP and TLS. */
export function destinationHosts(virtualService: ConfigObject<VirtualServiceSpec>): readonly string[] {
  const { http = [], tcp = [], tls = [] } = virtualService.spec
  const hosts = new Set<string>()
  for (const route of http) {
    for (const target of route.route ?? []) hosts.add(target.destination.host)
    if (route.mirror) hosts.add(route.mirror.host)
    for (const mirror of route.mirrors ?? []) hosts.add(mirror.destination.host)
  }
  for (const route of [...tcp, ...tls]) for (const target of route.route ?? []) hosts.add(target.destination.host)
  return [...hosts]
}
