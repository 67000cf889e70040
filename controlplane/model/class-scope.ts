import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { GatewaySpec } from '../config/kinds/gateway.ts'
import type { MetaRouterSpec } from '../config/kinds/meta-router.ts'
import type { MsgRouterSpec } from '../config/kinds/msg-router.ts'
import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import { rulesOf } from '../config/msg-router-rules.ts'
import type { ConfigObject } from '../config/object.ts'
import { type Cell, cell, cells, sameItems, unrecorded } from './cells.ts'
import { type Endpoints, matchesLabels } from './endpoints.ts'
import { compareSpecificity, expandShortName, exportedTo, hostWithin } from './hosts.ts'
import type { ProxyClass } from './proxy-class.ts'
import { MESH_GATEWAY, type Scope } from './scope.ts'
import type { Service } from './service.ts'
import type { Registry } from './services.ts'
import type { MeshSettings } from './settings.ts'
import {
  destinationHosts,
  egressHosts,
  type Sidecar,
  serviceInScope,
  sidecarFor,
  virtualServiceInScope,
} from './sidecar-scope.ts'
import type { World } from './world.ts'

type VirtualService = ConfigObject<VirtualServiceSpec>
type DestinationRule = ConfigObject<DestinationRuleSpec>

const NO_RULES: readonly DestinationRule[] = []

/** The parts of the model that all classes share. */
export interface Model {
  readonly world: World
  readonly settings: Cell<MeshSettings>
  readonly registry: Registry
  readonly endpoints: Endpoints
  readonly serverNames: Scope['serverNames']
}

/** `Scope` over the shared model. Everything is evaluated when asked: a class nobody asks about costs a few closures. */
export function createScope(model: Model, proxy: ProxyClass): Scope {
  const { world, settings, registry, endpoints, serverNames } = model

  const sidecar = cell<Sidecar | undefined>(() => sidecarFor(world, proxy, settings().rootNamespace))

  const visibleVirtualServices = cell(() => {
    const { virtualService: byDefault } = settings().exportTo
    return world
      .all<VirtualServiceSpec>('VirtualService')
      .filter(({ spec, namespace }) =>
        exportedTo(spec.exportTo?.length ? spec.exportTo : byDefault, namespace, proxy.namespace),
      )
  }, sameItems)

  const virtualServices = cells<readonly VirtualService[]>((gateway) => {
    const bound = visibleVirtualServices().filter(
      (virtualService) => virtualService.spec.hosts?.length && boundTo(virtualService, gateway),
    )
    if (gateway !== MESH_GATEWAY) return bound
    const hosts = egressHosts(sidecar())
    return bound.filter((virtualService) => virtualServiceInScope(hosts, virtualService, settings().domain))
  }, sameItems)

  const gateways = cell<readonly ConfigObject<GatewaySpec>[]>(
    () =>
      proxy.type === 'router' || proxy.type === 'message'
        ? world.all<GatewaySpec>('Gateway').filter(({ spec }) => matchesLabels(spec.selector ?? {}, proxy.labels))
        : [],
    sameItems,
  )

  const enforces = ({ namespace, spec }: ConfigObject<RateLimitSpec>) =>
    (namespace === proxy.namespace || namespace === settings().rootNamespace) &&
    matchesLabels(spec.selector?.labels ?? {}, proxy.labels)

  const limits = cell<readonly ConfigObject<RateLimitSpec>[]>(
    () =>
      proxy.type === 'sidecar' || proxy.type === 'router' || proxy.type === 'message'
        ? world
            .all<RateLimitSpec>('RateLimit')
            .filter(({ spec }) => spec.domain === undefined)
            .filter((object) => enforces(object) || (object.spec.hosts !== undefined && !object.spec.selector))
        : [],
    sameItems,
  )
  const rateLimits = cell(() => limits().filter(({ spec }) => spec.shared === true), sameItems)
  const localRateLimits = cell(() => limits().filter(({ spec }) => spec.shared !== true), sameItems)

  const exported = cell(() => {
    const list: Service[] = []
    for (const candidates of registry.byHostname().values()) {
      const visible = candidates.filter((service) => exportedTo(service.exportTo, service.namespace, proxy.namespace))
      const chosen = visible.find((service) => service.namespace === proxy.namespace) ?? visible[0]
      if (chosen) list.push(chosen)
    }
    return list.sort((a, b) => (a.hostname < b.hostname ? -1 : 1)) as readonly Service[]
  }, sameItems)

  const exportedByHostname = cell(() => new Map(exported().map((service) => [service.hostname, service])))

  const delegate: Scope['delegate'] = (namespace, name, viewer) =>
    world
      .inNamespace<VirtualServiceSpec>('VirtualService', namespace)
      .find(
        (candidate) =>
          candidate.name === name &&
          !candidate.spec.hosts?.length &&
          exportedTo(
            candidate.spec.exportTo?.length ? candidate.spec.exportTo : settings().exportTo.virtualService,
            namespace,
            viewer,
          ),
      )

  /** A VirtualService and those its rules delegate to. */
  const withDelegates = (virtualService: VirtualService): readonly VirtualService[] => [
    virtualService,
    ...(virtualService.spec.http ?? []).flatMap(({ delegate: to }) => {
      const { namespace } = virtualService
      const found = to && delegate(to.namespace || namespace, to.name ?? '', namespace)
      return found ? [found] : []
    }),
  ]

  /** A Sidecar's hosts, and what the VirtualServices it lets in (and their delegates) and rules for messages send requests to. */
  const services = cell(() => {
    const hosts = egressHosts(sidecar())
    if (!hosts) return exported()
    const wanted = new Set<string>()
    for (const virtualService of virtualServices(MESH_GATEWAY).flatMap(withDelegates))
      for (const host of destinationHosts(virtualService)) {
        const service = lookUp(exportedByHostname(), host, virtualService.namespace, settings().domain)
        if (service) wanted.add(service.hostname)
      }
    for (const { host, namespace } of proxy.type === 'message' ? messageDestinations(world) : []) {
      const service = lookUp(exportedByHostname(), host, namespace, settings().domain)
      if (service) wanted.add(service.hostname)
    }
    return exported().filter(
      (service) => wanted.has(service.hostname) || serviceInScope(hosts, service.namespace, service.hostname),
    )
  }, sameItems)

  const byHostname = cell(() => new Map(services().map((service) => [service.hostname, service])))
  const member = cells<Service | undefined>((hostname) => byHostname().get(hostname))
  // Clients may ask for any name: those of no service get no cell of their own.
  const service = (hostname: string) =>
    unrecorded(byHostname).has(hostname) ? member(hostname) : byHostname().get(hostname)

  const rulesOf = cells<readonly DestinationRule[]>((namespace) => {
    const { destinationRule: byDefault } = settings().exportTo
    return world
      .inNamespace<DestinationRuleSpec>('DestinationRule', namespace)
      .filter(({ spec }) => exportedTo(spec.exportTo?.length ? spec.exportTo : byDefault, namespace, proxy.namespace))
      .filter(({ spec }) => matchesLabels(spec.workloadSelector?.matchLabels ?? {}, proxy.labels))
  }, sameItems)

  const ruleHost = (rule: DestinationRule) =>
    registry.byHostname().has(rule.spec.host.toLowerCase())
      ? rule.spec.host.toLowerCase()
      : expandShortName(rule.spec.host, rule.namespace, settings().domain)

  /** Rules of a namespace by host, the most specific wildcard first: looked up for each of thousands of services. */
  const rulesByHost = cells((namespace) => {
    const hosts = new Map<string, DestinationRule[]>()
    for (const rule of rulesOf(namespace)) {
      const host = ruleHost(rule)
      const list = hosts.get(host)
      if (list) list.push(rule)
      else hosts.set(host, [rule])
    }
    for (const [host, rules] of hosts) {
      const selected = rules.filter((rule) => rule.spec.workloadSelector)
      if (selected.length > 0) hosts.set(host, selected)
    }
    return { hosts, wildcards: [...hosts.keys()].filter((host) => host.startsWith('*')).sort(compareSpecificity) }
  })

  const rulesAtLevels = (hostname: string, levels: Iterable<ReturnType<typeof rulesByHost>>) => {
    for (const { hosts, wildcards } of levels) {
      const found = hosts.get(hostname)
      if (found) return found
      const best = wildcards.find((wildcard) => hostWithin(hostname, wildcard))
      if (best !== undefined) return hosts.get(best)!
    }
    return NO_RULES
  }
  function* levelsOf(namespace: string) {
    for (const level of new Set([proxy.namespace, namespace, settings().rootNamespace])) yield rulesByHost(level)
  }
  const destinationRules = cells<readonly DestinationRule[]>((key) => {
    const [hostname, namespace] = key.split('\n') as [string, string]
    return rulesAtLevels(hostname, levelsOf(namespace))
  }, sameItems)

  return {
    proxy,
    settings,
    sidecar,
    services,
    service,
    resolve: (host, namespace) =>
      service(host.toLowerCase()) ?? service(expandShortName(host, namespace, settings().domain)),
    hostname: (host, namespace) =>
      registry.byHostname().has(host.toLowerCase())
        ? host.toLowerCase()
        : expandShortName(host, namespace, settings().domain),
    endpoints: endpoints.serve,
    endpointsKnown: endpoints.known,
    serverNames,
    virtualServices,
    rateLimits,
    localRateLimits,
    enforces,
    delegate,
    gateways,
    destinationRules: (target) => destinationRules(`${target.hostname}\n${target.namespace}`),
    destinationRulesAtOnce() {
      const levels = new Map<string, readonly ReturnType<typeof rulesByHost>[]>()
      return ({ hostname, namespace }) => {
        let known = levels.get(namespace)
        if (!known) {
          known = [...levelsOf(namespace)]
          levels.set(namespace, known)
        }
        return rulesAtLevels(hostname, known)
      }
    },
  }
}

/** Hosts that rules for messages send to, with the namespace they are relative to. */
function messageDestinations(world: World): readonly { readonly host: string; readonly namespace: string }[] {
  const found: { readonly host: string; readonly namespace: string }[] = []
  const add = (host: string | undefined, namespace: string) => host && found.push({ host, namespace })
  for (const { spec, namespace } of world.all<MsgRouterSpec>('MsgRouter'))
    for (const { rule } of rulesOf(spec)) {
      add(rule.svrName, namespace)
      add(rule.mirror?.host, namespace)
      for (const { destination } of rule.route ?? []) add(destination.host, namespace)
    }
  for (const { spec, namespace } of world.all<MetaRouterSpec>('MetaRouter'))
    for (const { route, mirror } of spec.routes ?? []) {
      add(mirror?.host, namespace)
      for (const { destination } of route ?? []) add(destination?.host, namespace)
    }
  return found
}

function lookUp(
  services: ReadonlyMap<string, Service>,
  host: string,
  namespace: string,
  domain: string,
): Service | undefined {
  return services.get(host.toLowerCase()) ?? services.get(expandShortName(host, namespace, domain))
}

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
