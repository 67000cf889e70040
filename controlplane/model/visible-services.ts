import type { MetaRouterSpec } from '../config/kinds/meta-router.ts'
import type { MsgRouterSpec } from '../config/kinds/msg-router.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import { rulesOf } from '../config/msg-router-rules.ts'
import type { ConfigObject } from '../config/object.ts'
import { type Cell, cell, cells, sameItems, unrecorded } from './cells.ts'
import { expandShortName, exportedTo } from './hosts.ts'
import { whilePresent } from './lasting.ts'
import type { Model } from './model.ts'
import type { ProxyClass } from './proxy-class.ts'
import { MESH_GATEWAY, type Scope } from './scope.ts'
import type { Service } from './service.ts'
import { destinationHosts, egressHosts, type Sidecar, serviceInScope } from './sidecar-scope.ts'
import type { World } from './world.ts'

/** A host as a rule writes it, with the namespace it is relative to. */
interface Destination {
  readonly host: string
  readonly namespace: string
}

/**
 * The services proxies of a class may see: exported to them, and within their Sidecar's hosts. What VirtualServices that the Sidecar
 * lets in, their delegates and rules for messages send requests to belongs to it too: of the own namespace also what is exported to others only,
 * as in Istio.
 */
export function visibleServices(
  { world, settings, registry }: Model,
  proxy: ProxyClass,
  sidecar: Cell<Sidecar | undefined>,
  virtual: Pick<Scope, 'virtualServices' | 'delegate'>,
): Pick<Scope, 'services' | 'service' | 'hosts' | 'resolve' | 'hostname'> {
  /** Services of one hostname that the class may see: those exported to its namespace by name before those for all, as Istio has them. */
  const visible = (candidates: readonly Service[]): readonly Service[] => {
    const seen = candidates.filter((service) => exportedTo(service.exportTo, service.namespace, proxy.namespace))
    if (seen.length < 2) return seen
    const isPublic = ({ exportTo }: Service) => exportTo.includes('*')
    return [...seen.filter((service) => !isPublic(service)), ...seen.filter(isPublic)]
  }

  const chosen = (seen: readonly Service[]): Service | undefined =>
    seen.find((service) => service.namespace === proxy.namespace) ?? seen[0]

  const inOrder = (list: Service[]): readonly Service[] => list.sort((a, b) => (a.hostname < b.hostname ? -1 : 1))

  const atHome = (candidates: readonly Service[]) => candidates.find(({ namespace }) => namespace === proxy.namespace)

  /** What the class sees without a Sidecar, and services of its own namespace under a name that is otherwise nobody's, which are for others. */
  const exported = cell(
    () => {
      const list: Service[] = []
      const forOthers: Service[] = []
      for (const candidates of registry.byHostname().values()) {
        const service = chosen(visible(candidates))
        if (service) list.push(service)
        else {
          const home = atHome(candidates)
          if (home) forOthers.push(home)
        }
      }
      return { list: inOrder(list), forOthers }
    },
    (a, b) => sameItems(a.list, b.list) && sameItems(a.forOthers, b.forOthers),
  )

  function* destinations(): Iterable<Destination> {
    for (const bound of virtual.virtualServices(MESH_GATEWAY))
      for (const virtualService of [bound, ...delegatesOf(bound, virtual.delegate)])
        for (const host of destinationHosts(virtualService)) yield { host, namespace: virtualService.namespace }
    if (proxy.type === 'message') yield* messageDestinations(world)
  }

  /** Hosts that rules send to. */
  const wantedHosts = (): ReadonlySet<string> => {
    const isVisible = (hostname: string) => visible(registry.byHostname().get(hostname) ?? []).length > 0
    const wanted = new Set<string>()
    for (const { host, namespace } of destinations()) {
      const exact = host.toLowerCase()
      wanted.add(isVisible(exact) ? exact : expandShortName(host, namespace, settings().domain))
    }
    return wanted
  }

  const services = cell(() => {
    const hosts = egressHosts(sidecar(), proxy.namespace)
    if (!hosts) {
      const { list, forOthers } = exported()
      if (forOthers.length === 0) return list
      const wanted = wantedHosts()
      return inOrder([...list, ...forOthers.filter(({ hostname }) => wanted.has(hostname))])
    }
    const wanted = wantedHosts()
    const list: Service[] = []
    for (const [hostname, candidates] of registry.byHostname()) {
      const seen = visible(candidates)
      const imported = chosen(seen.filter(({ namespace }) => serviceInScope(hosts, namespace, hostname)))
      const service = imported ?? (wanted.has(hostname) ? (atHome(candidates) ?? chosen(seen)) : undefined)
      if (service) list.push(service)
    }
    return inOrder(list)
  }, sameItems)

  const byHostname = cell(() => new Map(services().map((service) => [service.hostname, service])))
  const hosts = whilePresent({ present: byHostname, has: (all, key) => all.has(key.split('\n', 1)[0]!) })
  const member = cells<Service | undefined>((hostname) => byHostname().get(hostname), undefined, { lasting: hosts })
  // Clients may ask for any name: those of no service get no cell of their own.
  const service = (hostname: string) =>
    unrecorded(byHostname).has(hostname) ? member(hostname) : byHostname().get(hostname)

  return {
    services,
    service,
    hosts,
    resolve: (host, namespace) =>
      service(host.toLowerCase()) ?? service(expandShortName(host, namespace, settings().domain)),
    hostname: (host, namespace) =>
      registry.byHostname().has(host.toLowerCase())
        ? host.toLowerCase()
        : expandShortName(host, namespace, settings().domain),
  }
}

/** The VirtualServices that the rules of one delegate to. */
function delegatesOf(
  { spec, namespace }: ConfigObject<VirtualServiceSpec>,
  delegate: Scope['delegate'],
): readonly ConfigObject<VirtualServiceSpec>[] {
  return (spec.http ?? []).flatMap(({ delegate: to }) => {
    const found = to && delegate(to.namespace || namespace, to.name ?? '', namespace)
    return found ? [found] : []
  })
}

/** Hosts that rules for messages send to. */
function* messageDestinations(world: World): Iterable<Destination> {
  for (const { spec, namespace } of world.all<MsgRouterSpec>('MsgRouter'))
    for (const { rule } of rulesOf(spec)) {
      const { svrName, mirror, route = [] } = rule
      for (const host of [svrName, mirror?.host, ...route.map(({ destination }) => destination.host)])
        if (host) yield { host, namespace }
    }
  for (const { spec, namespace } of world.all<MetaRouterSpec>('MetaRouter'))
    for (const { mirror, route = [] } of spec.routes ?? [])
      for (const host of [mirror?.host, ...route.map(({ destination }) => destination?.host)])
        if (host) yield { host, namespace }
}
