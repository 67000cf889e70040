import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../config/object.ts'
import { type Cell, cell, cells, sameItems } from './cells.ts'
import { exportedTo } from './hosts.ts'
import { whilePresent } from './lasting.ts'
import type { Model } from './model.ts'
import type { ProxyClass } from './proxy-class.ts'
import { MESH_GATEWAY, type Scope } from './scope.ts'
import { egressHosts, type Sidecar, virtualServiceInScope } from './sidecar-scope.ts'

type VirtualService = ConfigObject<VirtualServiceSpec>

/** The VirtualServices that hold for proxies of a class, and those they may delegate to. */
export function visibleVirtualServices(
  { world, settings }: Model,
  proxy: ProxyClass,
  sidecar: Cell<Sidecar | undefined>,
): Pick<Scope, 'virtualServices' | 'boundGateways' | 'delegate'> {
  const exportOf = ({ spec }: VirtualService) =>
    spec.exportTo?.length ? spec.exportTo : settings().exportTo.virtualService
  const exported = (virtualService: VirtualService, viewer: string) =>
    exportedTo(exportOf(virtualService), virtualService.namespace, viewer)

  const visible = cell(() => {
    const all = world
      .all<VirtualServiceSpec>('VirtualService')
      .filter((virtualService) => exported(virtualService, proxy.namespace))
    return nearestFirst(all, exportOf, proxy.namespace)
  }, sameItems)

  const boundGateways = whilePresent({
    present: () => world.all('Gateway'),
    has: (all, key) => key === MESH_GATEWAY || all.some(({ namespace, name }) => key === `${namespace}/${name}`),
  })
  const virtualServices = cells<readonly VirtualService[]>(
    (gateway) => {
      const bound = visible().filter(
        (virtualService) => virtualService.spec.hosts?.length && boundTo(virtualService, gateway),
      )
      if (gateway !== MESH_GATEWAY) return bound
      const hosts = egressHosts(sidecar(), proxy.namespace)
      return bound.filter((virtualService) => virtualServiceInScope(hosts, virtualService, settings().domain))
    },
    sameItems,
    { lasting: boundGateways },
  )

  return {
    virtualServices,
    boundGateways,
    delegate: (namespace, name, viewer) =>
      world
        .inNamespace<VirtualServiceSpec>('VirtualService', namespace)
        .find((candidate) => candidate.name === name && !candidate.spec.hosts?.length && exported(candidate, viewer)),
  }
}

/**
 * What is for fewer comes first, as in Istio, however old it is: what a namespace keeps to itself, then what others export to some namespaces,
 * then what is for all. So a team puts rules of its own before those that somebody made for everybody.
 */
function nearestFirst(
  all: readonly VirtualService[],
  exportOf: (virtualService: VirtualService) => readonly string[],
  viewer: string,
): readonly VirtualService[] {
  const reach = (virtualService: VirtualService) =>
    exportOf(virtualService).includes('*') ? EVERYBODY : virtualService.namespace === viewer ? HOME : SOME
  return [HOME, SOME, EVERYBODY].flatMap((wanted) => all.filter((virtualService) => reach(virtualService) === wanted))
}

const [HOME, SOME, EVERYBODY] = [0, 1, 2]

/** A VirtualService without `gateways` is for sidecars; a gateway without a namespace is of the VirtualService's own. */
function boundTo(virtualService: VirtualService, gateway: string): boolean {
  const gateways = virtualService.spec.gateways
  if (!gateways?.length) return gateway === MESH_GATEWAY
  return gateways.some((name) => gatewayKey(name, virtualService.namespace) === gateway)
}

/**
 * `mesh`, or `<namespace>/<name>`. Istio's old form with dots, `<name>.<namespace>.svc.cluster.local`, is still read.
 */
export function gatewayKey(name: string, namespace: string): string {
  if (name === MESH_GATEWAY) return name
  if (name.includes('/')) return name.startsWith('./') ? `${namespace}/${name.slice(2)}` : name
  const [first, second] = name.split('.')
  return second ? `${second}/${first}` : `${namespace}/${name}`
}
