import { isDeepStrictEqual } from 'node:util'
import { DELIMITED_STATS_METADATA, REPORTS_METADATA } from '../bootstrap/envoy.ts'
import { parseNodeId } from '../bootstrap/node-id.ts'
import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { EnvoyResourceSpec } from '../config/kinds/envoy-resource.ts'
import type { GatewaySpec } from '../config/kinds/gateway.ts'
import type { MeshSpec } from '../config/kinds/mesh.ts'
import type { MsgRouterSpec } from '../config/kinds/msg-router.ts'
import type { TrafficPolicy } from '../config/kinds/policy/traffic-policy.ts'
import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import { LAZY_ANNOTATION, LAZY_VIRTUAL_HOSTS_ANNOTATION, type SidecarSpec } from '../config/kinds/sidecar.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import { push } from '../config/push.ts'
import { NETWORK_LABEL } from '../config/syntax/place-labels.ts'
import { type Cell, cell, sameItems } from '../model/cells.ts'
import type { Model } from '../model/index.ts'
import type { ProxyClass, ProxyType } from '../model/proxy-class.ts'
import { chooseSidecar, type SidecarChoice } from '../model/sidecar-scope.ts'
import type { NodeInfo } from './resource.ts'

/**
 * What about nodes the configuration looks at; everything else cannot change what a proxy gets. Immutable and complete: who has the same
 * object as before finds every node in the class it was in.
 */
export interface Relevant {
  /** Label names some selector, source match or failover rule uses, sorted. */
  readonly labels: readonly string[]
  /** Whether some rule orders localities as seen from the proxy. */
  readonly locality: boolean
  readonly defaultNamespace: string
  readonly httpPort: number
  /** Whether proxies that could do so ask for clusters on demand. */
  readonly lazy: Choice
  /** The same for virtual hosts. */
  readonly lazyVirtualHosts: Choice
}

/** What the Mesh says, unless the Sidecar of a proxy says something else in an annotation. */
interface Choice {
  readonly mesh: boolean
  readonly rootNamespace: string
  /** All Sidecars by namespace, in order of precedence; none while no annotation says anything. */
  readonly sidecars: ReadonlyMap<string, readonly ChoosingSidecar[]>
}

interface ChoosingSidecar extends SidecarChoice {
  readonly said: string | undefined
}

const NO_SIDECARS: readonly ChoosingSidecar[] = []

/** What is relevant at present: another object when, and only when, some of it has changed. */
export function relevance({ world, settings }: Model): Cell<Relevant> {
  const labels = cell(() => {
    const names = new Set<string>()
    const add = (selector: Readonly<Record<string, string>> | undefined) => {
      for (const name of Object.keys(selector ?? {})) names.add(name)
    }
    for (const { spec } of world.all<SidecarSpec>('Sidecar')) add(spec.workloadSelector?.labels)
    for (const { spec } of world.all<GatewaySpec>('Gateway')) add(spec.selector)
    for (const { spec } of world.all<MsgRouterSpec>('MsgRouter')) add(spec.selector?.labels)
    for (const { spec } of world.all<RateLimitSpec>('RateLimit')) add(spec.selector?.labels)
    for (const { spec } of world.all<EnvoyResourceSpec>('EnvoyResource')) add(spec.selector?.labels)
    for (const { spec } of world.all<VirtualServiceSpec>('VirtualService'))
      for (const route of [...(spec.http ?? []), ...(spec.tcp ?? []), ...(spec.tls ?? [])])
        for (const match of route.match ?? []) add(match.sourceLabels)
    for (const { spec } of world.all<DestinationRuleSpec>('DestinationRule')) {
      add(spec.workloadSelector?.matchLabels)
      for (const policy of policies(spec))
        for (const label of policy.loadBalancer?.localityLbSetting?.failoverPriority ?? [])
          names.add(label.split('=', 1)[0]!)
    }
    for (const label of settings().localityLbSetting?.failoverPriority ?? []) names.add(label.split('=', 1)[0]!)
    return [...names].sort()
  }, sameItems)

  const locality = cell(
    () =>
      settings().localityLbSetting !== undefined ||
      world
        .all<DestinationRuleSpec>('DestinationRule')
        .some(({ spec }) =>
          policies(spec).some((policy) => policy.outlierDetection || policy.loadBalancer?.localityLbSetting),
        ),
  )

  const defaultNamespace = cell(() => world.all<MeshSpec>('Mesh')[0]?.spec.defaultNamespace ?? 'default')
  const httpPort = cell(() => settings().httpPort)
  const choice = (annotation: string, ofMesh: () => boolean) =>
    cell((): Choice => {
      const all = world.all<SidecarSpec>('Sidecar')
      const sidecars = new Map<string, ChoosingSidecar[]>()
      if (all.some(({ annotations }) => annotations[annotation] !== undefined))
        for (const { namespace, annotations, spec } of all) {
          const one = { spec: { workloadSelector: spec.workloadSelector }, said: annotations[annotation] }
          push(sidecars, namespace, one)
        }
      return { mesh: ofMesh(), rootNamespace: settings().rootNamespace, sidecars }
    }, isDeepStrictEqual)
  const lazy = choice(LAZY_ANNOTATION, () => settings().lazy)
  const lazyVirtualHosts = choice(LAZY_VIRTUAL_HOSTS_ANNOTATION, () => settings().lazyVirtualHosts)
  return cell(() => ({
    labels: labels(),
    locality: locality(),
    defaultNamespace: defaultNamespace(),
    httpPort: httpPort(),
    lazy: lazy(),
    lazyVirtualHosts: lazyVirtualHosts(),
  }))
}

function decide({ mesh, rootNamespace, sidecars }: Choice, proxy: ProxyClass): boolean {
  const said = chooseSidecar((namespace) => sidecars.get(namespace) ?? NO_SIDECARS, proxy, rootNamespace)?.said
  return said === undefined ? mesh : said === 'true'
}

function policies(spec: DestinationRuleSpec): readonly Pick<TrafficPolicy, 'loadBalancer' | 'outlierDetection'>[] {
  const all = [spec.trafficPolicy, ...(spec.subsets ?? []).map((subset) => subset.trafficPolicy)].flatMap((policy) =>
    policy ? [policy] : [],
  )
  return [...all, ...all.flatMap((policy) => policy.portLevelSettings ?? [])]
}

/**
 * The class of a node. Istio's ids (`sidecar~<ip>~<name>.<namespace>~<domain>`, `router~…`; ours: `message~…`) say type and namespace; for any
 * other id metadata does: `NAMESPACE`, `LABELS`, `NETWORK`, `TYPE` (`sidecar`, `router`, `message-proxy`), and `HTTP_PROXY_PORT` to move the outbound HTTP port.
 */
export function classify(node: NodeInfo, relevant: Relevant): ProxyClass {
  const id = parseNodeId(node.id)
  const metadata = node.metadata
  const type = proxyType(node, id?.type)
  const namespace = text(metadata['NAMESPACE']) ?? id?.namespace ?? relevant.defaultNamespace
  const given = metadata['LABELS']
  const labels: Record<string, string> = {}
  if (typeof given === 'object' && given !== null)
    for (const name of relevant.labels) {
      const value = (given as Record<string, unknown>)[name]
      if (typeof value === 'string') labels[name] = value
    }
  const network = text(metadata['NETWORK'])
  if (network && !labels[NETWORK_LABEL] && relevant.labels.includes(NETWORK_LABEL)) labels[NETWORK_LABEL] = network
  const { region, zone, subZone } = node.locality
  const locality = relevant.locality && region ? { region, zone, subZone } : undefined
  const wantedPort = Number(metadata['HTTP_PROXY_PORT'] ?? Number.NaN)
  const httpPort =
    Number.isInteger(wantedPort) && wantedPort >= 0 && wantedPort <= 65_535 ? wantedPort : relevant.httpPort
  const { secretsAllowed } = node
  const isEnvoy = type === 'sidecar' || type === 'router'
  const parts = {
    type,
    namespace,
    labels,
    locality,
    httpPort: type === 'sidecar' ? httpPort : 0,
    secretsAllowed,
    ...(isEnvoy && metadata[DELIMITED_STATS_METADATA] === true && { delimitedStats: true as const }),
  }
  const eager: ProxyClass = { key: JSON.stringify(parts), ...parts }
  if (!canAsk(node) || !isEnvoy || !decide(relevant.lazy, eager)) return eager
  const hosts = wantsVirtualHosts(node, eager, relevant) && canAskForVirtualHosts(node)
  const lazy: Omit<ProxyClass, 'key'> = {
    ...parts,
    lazy: true,
    ...(metadata[REPORTS_METADATA] === true && { reports: true }),
    ...(hosts && { lazyVirtualHosts: true }),
    ...(type === 'sidecar' && isFrom(node.userAgent, FIRST_SHARED_HOSTS) && { sharesVirtualHosts: true }),
  }
  return { key: JSON.stringify(lazy), ...lazy }
}

/** The first minor version of Envoy 1 whose on-demand clusters work over the one aggregated stream. */
const FIRST_ON_DEMAND = 36
/** The first that can choose a cluster by a map. */
const FIRST_SHARED_HOSTS = 37
/** The first that keeps the body of a request while it asks for its virtual host. */
export const FIRST_VIRTUAL_HOSTS = 38

/** Whether the virtual hosts of a node shall come on demand although its Envoy is too old for that. */
export function wantsWhatItCannot(node: NodeInfo, relevant: Relevant): boolean {
  if (!canAsk(node) || canAskForVirtualHosts(node)) return false
  const proxy = classify(node, relevant)
  return proxy.lazy === true && wantsVirtualHosts(node, proxy, relevant)
}

/** Only sidecars have tables that grow with the mesh: those of a gateway grow with what is written for it. */
function wantsVirtualHosts({ metadata }: NodeInfo, proxy: ProxyClass, relevant: Relevant): boolean {
  if (proxy.type !== 'sidecar') return false
  const said = metadata['LAZY_VIRTUAL_HOSTS']
  return said === undefined ? decide(relevant.lazyVirtualHosts, proxy) : String(said).toLowerCase() === 'true'
}

/** Whether a client can ask for clusters on demand, and its metadata (`LAZY: false`) does not object. */
function canAsk({ protocol, userAgent, metadata }: NodeInfo): boolean {
  if (protocol !== 'delta' || String(metadata['LAZY'] ?? true).toLowerCase() === 'false') return false
  return isFrom(userAgent, FIRST_ON_DEMAND)
}

function canAskForVirtualHosts({ userAgent }: NodeInfo): boolean {
  return isFrom(userAgent, FIRST_VIRTUAL_HOSTS)
}

function isFrom(userAgent: string, first: number): boolean {
  const [, major, minor] = /^envoy\/(\d+)\.(\d+)/i.exec(userAgent) ?? []
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= first)
}

function proxyType(node: NodeInfo, fromId: string | undefined): ProxyType {
  if (/^grpc/i.test(node.userAgent) || node.metadata['GENERATOR'] === 'grpc') return 'grpc'
  const type = (text(node.metadata['TYPE']) ?? fromId ?? 'sidecar').toLowerCase()
  if (type === 'message' || type === 'message-proxy') return 'message'
  return type === 'router' || type === 'gateway' ? 'router' : 'sidecar'
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
