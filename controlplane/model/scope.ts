import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { GatewaySpec } from '../config/kinds/gateway.ts'
import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import type { SidecarSpec } from '../config/kinds/sidecar.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../config/object.ts'
import type { Lasting } from './lasting.ts'
import type { ProxyClass } from './proxy-class.ts'
import type { Endpoint, Service, ServicePort } from './service.ts'
import type { MeshSettings } from './settings.ts'

/** Gateways of a VirtualService are `<namespace>/<name>`; this one stands for every sidecar. */
export const MESH_GATEWAY = 'mesh'

/**
 * The mesh as the proxies of one class may see it: `exportTo`, Sidecar egress hosts and selectors already applied.
 * Each method is a tracked read: the cell that calls it is computed again when, and only when, the answer has changed.
 */
export interface Scope {
  readonly proxy: ProxyClass
  /**
   * How often the class has let go of a cluster; a part of its name, because a proxy asks for a name only once in its life.
   * Absent: never.
   */
  readonly generation?: (cluster: string) => number
  /** The same at present, for one computation that names thousands of clusters. */
  readonly generations?: () => (cluster: string) => number
  /**
   * Virtual hosts that differ in nothing but domains and cluster are sent as one where there are so many of them. Absent: never.
   */
  readonly sharesFrom?: number
  /** Whether the virtual hosts of an outbound route table come on demand. Absent: none do. */
  readonly virtualHostsOnDemand?: (table: string) => boolean
  settings(): MeshSettings
  /** The Sidecar document that applies to this class, or undefined. */
  sidecar(): ConfigObject<SidecarSpec> | undefined
  /** Visible services in order of hostname, one for each hostname: that of the own namespace, else one exported to it by name, else the oldest. */
  services(): readonly Service[]
  /** Of keys that are a hostname, or begin with one and a line end: whether there is a visible service of that name. */
  readonly hosts: Lasting
  /** Of keys of `virtualServices`: whether there is such a gateway. */
  readonly boundGateways: Lasting
  /** The visible service with exactly this hostname. */
  service(hostname: string): Service | undefined
  /**
   * The service a host of a rule means: an exact host of the registry, else by Istio's short-name rule
   * `<name>.<namespace of the rule>.svc.<domain>`.
   */
  resolve(host: string, namespace: string): Service | undefined
  /** What a host of a rule is called on the wire when no service is found: short names are expanded. */
  hostname(host: string, namespace: string): string
  /** Endpoints of one port of a service, unhealthy ones included, in a stable order. */
  endpoints(service: Service, port: ServicePort): readonly Endpoint[]
  /** Those on loopback that the ServiceEntries of a service list, as `host:port`: any proxy may be there itself. */
  localEndpoints(service: Service, port: ServicePort): readonly string[]
  /** Whether the endpoints of a service have been read from where they come from; until then their list means nothing. */
  endpointsKnown(service: Service): boolean
  /** Names that the servers of a service may have in their certificates; empty when nothing is known of them. */
  serverNames(service: Service): readonly string[]
  /**
   * VirtualServices that apply behind a gateway (`mesh`, or `<namespace>/<name>`) in order of precedence, delegates not yet merged in.
   * For `mesh` only those the Sidecar scope lets this class see.
   */
  virtualServices(gateway: string): readonly ConfigObject<VirtualServiceSpec>[]
  /**
   * The VirtualService without hosts that a rule of namespace `viewer` delegates to. Its `exportTo` must let that namespace see
   * it; where the proxy is does not matter, as in Istio.
   */
  delegate(namespace: string, name: string, viewer: string): ConfigObject<VirtualServiceSpec> | undefined
  /**
   * Documents whose limits proxies of this class may have to ask a service for, in order of precedence: its namespace's and the root
   * namespace's whose selector fits, and for hosts of other namespaces those of their owners.
   */
  rateLimits(): readonly ConfigObject<RateLimitSpec>[]
  /** The same for limits that each proxy counts by itself. */
  localRateLimits(): readonly ConfigObject<RateLimitSpec>[]
  /** Whether a document of `rateLimits` or `localRateLimits` holds for all hosts it names; else only for those of its own namespace. */
  enforces(rateLimit: ConfigObject<RateLimitSpec>): boolean
  /** Gateways whose selector fits this class, in order of precedence; none for proxies that are no gateways. */
  gateways(): readonly ConfigObject<GatewaySpec>[]
  /**
   * DestinationRules for a host by Istio's lookup, in order of precedence: their contents are merged.
   */
  destinationRules(service: Service): readonly ConfigObject<DestinationRuleSpec>[]
  /**
   * The same at present, for one computation that asks for thousands of services: it reads the rules of a namespace once, and services with
   * the same rules get the same list.
   */
  destinationRulesAtOnce(): (service: Service) => readonly ConfigObject<DestinationRuleSpec>[]
}
