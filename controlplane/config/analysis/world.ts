import type { Code } from '../../diagnostics/codes.ts'
import type { Path } from '../../diagnostics/diagnostic.ts'
import type { ApplicationProtocolSpec } from '../kinds/application-protocol.ts'
import type { DestinationRuleSpec } from '../kinds/destination-rule.ts'
import type { GatewaySpec } from '../kinds/gateway.ts'
import type { MeshSpec } from '../kinds/mesh.ts'
import type { MetaRouterSpec } from '../kinds/meta-router.ts'
import type { MsgRouterSpec } from '../kinds/msg-router.ts'
import type { ProtocolSpec } from '../kinds/protocol.ts'
import type { SecretSpec } from '../kinds/secret.ts'
import type { ServiceEntrySpec } from '../kinds/service-entry.ts'
import type { SidecarSpec } from '../kinds/sidecar.ts'
import type { VirtualServiceSpec } from '../kinds/virtual-service.ts'
import type { WorkloadEntrySpec } from '../kinds/workload-entry.ts'
import type { ConfigObject } from '../object.ts'
import { push } from '../push.ts'
import type { RefusedObject } from '../refused.ts'
import { similar } from '../similar.ts'
import { isSubsetOf, isWildcard } from '../syntax/host.ts'
import { endpointLabels, workloadLabels } from '../syntax/place-labels.ts'

/** The spec type of each kind that checks look at. */
export interface Specs {
  readonly ServiceEntry: ServiceEntrySpec
  readonly WorkloadEntry: WorkloadEntrySpec
  readonly VirtualService: VirtualServiceSpec
  readonly DestinationRule: DestinationRuleSpec
  readonly Gateway: GatewaySpec
  readonly Sidecar: SidecarSpec
  readonly Secret: SecretSpec
  readonly Mesh: MeshSpec
  readonly MsgRouter: MsgRouterSpec
  readonly MetaRouter: MetaRouterSpec
  readonly Protocol: ProtocolSpec
  readonly ApplicationProtocol: ApplicationProtocolSpec
}

/** What checks read: objects of a kind, documents that are not in force, and what time it is. */
export type Readable = keyof Specs | 'refused' | 'hour'

export type Of<Kind extends keyof Specs> = ConfigObject<Specs[Kind]>

/** Collects a complaint about a place in an object. */
export type Complain = (object: ConfigObject, code: Code, path: Path, message: string, hint?: string) => void

/** One cross-reference check. Pure: it only reads the world. */
export interface Check {
  (world: World, complain: Complain): void
  /** A check that looks at objects one by one: at those that changed only, while what else it reads is the same. */
  readonly each?: Each
}

export interface Each {
  readonly kinds: readonly (keyof Specs)[]
  /** Prepares the look at objects. What it says about one must follow from that object and from what it reads of the world. */
  readonly begin: (world: World, complain: Complain) => (object: ConfigObject) => void
}

/** A check of the objects of some kinds one by one. */
export function each<Kind extends keyof Specs>(
  kinds: readonly Kind[],
  begin: (world: World, complain: Complain) => (object: Of<Kind>) => void,
): Check {
  const check = (world: World, complain: Complain) => {
    const look = begin(world, complain)
    for (const kind of kinds) for (const object of world.of(kind)) look(object)
  }
  return Object.assign(check, { each: { kinds, begin: begin as unknown as Each['begin'] } })
}

const MAX_SUGGESTIONS = 100

/** An endpoint as selectors and subsets see it. */
export interface Workload {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

/** A ServiceEntry under one of its hosts. */
export interface ServiceHost {
  readonly host: string
  readonly object: Of<'ServiceEntry'>
}

/** Indexes over all objects, made once for all checks. */
export class World {
  readonly #mesh: MeshSpec
  readonly #domain: string
  readonly #byKind = new Map<string, ConfigObject[]>()
  readonly #byKey: ReadonlyMap<string, ConfigObject>
  readonly #exact = new Map<string, ServiceHost[]>()
  readonly #wildcards: ServiceHost[] = []
  readonly #refused = new Map<string, RefusedObject>()
  readonly #refusedHosts = new Map<string, RefusedObject>()
  readonly #entries = new Map<string, Workload[]>()
  readonly #byLabel = new Map<string, Workload[]>()
  readonly #workloads = new Map<string, readonly Workload[]>()
  readonly refused: readonly RefusedObject[]
  readonly #discovered: readonly Of<'ServiceEntry'>[]
  /** Hosts whose endpoints a registry knows. */
  readonly #discoveredHosts = new Set<string>()
  #suggestions = 0
  #reads = new Set<Readable>()
  #hosts: readonly string[] | undefined

  readonly #now: number

  /**
   * `discovered` are services of a registry: references find them, and nothing is said about them. `now` is ms since the epoch.
   */
  constructor(
    objects: ReadonlyMap<string, ConfigObject>,
    refused: readonly RefusedObject[] = [],
    discovered: readonly Of<'ServiceEntry'>[] = [],
    now = Date.now(),
  ) {
    this.#byKey = objects
    this.#now = now
    this.refused = refused
    this.#discovered = discovered
    for (const one of refused) {
      this.#refused.set(`${one.kind}/${one.namespace}/${one.name}`, one)
      if (one.kind === 'ServiceEntry') for (const host of one.hosts) this.#refusedHosts.set(host, one)
    }
    for (const object of objects.values()) push(this.#byKind, object.kind, object)
    this.#mesh = this.of('Mesh')[0]?.spec ?? {}
    this.#domain = this.#mesh.domain ?? 'cluster.local'
    for (const object of this.of('ServiceEntry')) {
      for (const host of object.spec.hosts) {
        const name = host.toLowerCase()
        const entry = { host: name, object }
        if (isWildcard(name)) this.#wildcards.push(entry)
        else push(this.#exact, name, entry)
      }
    }
    for (const object of discovered)
      for (const host of object.spec.hosts) {
        this.#discoveredHosts.add(host)
        // A document for the host replaces what the registry says of its ports.
        if (!this.#exact.has(host)) this.#exact.set(host, [{ host, object }])
      }
    for (const object of this.of('WorkloadEntry')) {
      const workload = workloadOf(object)
      push(this.#entries, object.namespace, workload)
      for (const label of Object.entries(workload.labels))
        push(this.#byLabel, labelKey(object.namespace, ...label), workload)
    }
  }

  /** What time it is, ms since the epoch: what depends on it is looked at again in the next hour. */
  get now(): number {
    this.#reads.add('hour')
    return this.#now
  }

  get mesh(): MeshSpec {
    this.#reads.add('Mesh')
    return this.#mesh
  }

  get domain(): string {
    this.#reads.add('Mesh')
    return this.#domain
  }

  /** Which kinds `look` reads. */
  reads(look: () => void): ReadonlySet<Readable> {
    this.#reads = new Set()
    look()
    return this.#reads
  }

  /** All objects of a kind, the oldest first. */
  of<Kind extends keyof Specs>(kind: Kind): readonly Of<Kind>[] {
    this.#reads.add(kind)
    return this.objects(kind)
  }

  /** The same for somebody who only compares. */
  objects<Kind extends keyof Specs>(kind: Kind): readonly Of<Kind>[] {
    return (this.#byKind.get(kind) ?? []) as unknown as readonly Of<Kind>[]
  }

  /** What is compared to know whether something that was read is the same. */
  items(readable: Readable): readonly unknown[] {
    if (readable === 'hour') return [hourOf(this.#now)]
    if (readable === 'refused') return this.refused
    if (readable === 'ServiceEntry') return this.allServices
    return this.objects(readable)
  }

  /** Services of documents, and those a registry tells of. */
  get allServices(): readonly Of<'ServiceEntry'>[] {
    this.#reads.add('ServiceEntry')
    const written = this.objects('ServiceEntry')
    return this.#discovered.length > 0 ? [...written, ...this.#discovered] : written
  }

  /** An object by its name; undefined where there is none. That the check looked at this kind is noted. */
  get<Kind extends keyof Specs>(kind: Kind, namespace: string, name: string): Of<Kind> | undefined {
    this.#reads.add(kind)
    return this.#byKey.get(`${kind}/${namespace}/${name}`) as Of<Kind> | undefined
  }

  /** Says of a reference to an object that is not in force whether it is missing or has errors. */
  absent(kind: keyof Specs, namespace: string, name: string): string {
    this.#reads.add('refused')
    const refused = this.#refused.get(`${kind}/${namespace}/${name}`)
    if (!refused) return `there is no ${kind} ${namespace}/${name}`
    return `${kind} ${namespace}/${name} is not in force: correct its errors first (${refused.place})`
  }

  /** Says of a full host name that no service has whether the ServiceEntry that declares it has errors. */
  absentHost(host: string): string {
    this.#reads.add('refused')
    const refused = this.#refusedHosts.get(host)
    if (!refused) return `no service has the host ${host}`
    const { namespace, name, place } = refused
    return `the ServiceEntry ${namespace}/${name} of host ${host} is not in force: correct its errors first (${place})`
  }

  /** Whether any service is known: without one, nothing can be said about hosts. */
  get hasServices(): boolean {
    this.#reads.add('ServiceEntry')
    return this.objects('ServiceEntry').length + this.#discovered.length > 0
  }

  /** Whether a host is one of the Consul that the Mesh document names, and that was not read: nothing can be said about it. */
  isUnread(host: string): boolean {
    this.#reads.add('ServiceEntry')
    const { consul } = this.mesh
    if (!consul || this.#discovered.length > 0) return false
    const domain = `.${consul.domain ?? 'consul'}`.toLowerCase()
    const name = host.toLowerCase()
    return name.endsWith(domain) && /\.service(\.[^.]+)?$/.test(name.slice(0, -domain.length))
  }

  /**
   * The full name of a host: as it is when the registry has it or it has a dot, else `<name>.<namespace>.svc.<domain>`.
   * https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
   */
  resolve(host: string, namespace: string): string {
    this.#reads.add('ServiceEntry')
    const name = host.toLowerCase()
    if (this.#exact.has(name) || name.includes('.') || isWildcard(name)) return name
    return `${name}.${namespace}.svc.${this.domain}`
  }

  /** Services under a full host name: exact ones, else wildcards that cover it. */
  services(host: string): readonly ServiceHost[] {
    this.#reads.add('ServiceEntry')
    const exact = this.#exact.get(host)
    if (exact) return exact
    return this.#wildcards.filter((entry) => entry.host === host || isSubsetOf(host, entry.host))
  }

  /** The declared host nearest to a name, for the first names that are asked for: the search costs time for each. */
  suggestHost(name: string): string | undefined {
    if (this.#suggestions >= MAX_SUGGESTIONS) return undefined
    this.#suggestions++
    return similar(name, this.hosts)
  }

  /** Services that a (possibly wildcard) host of a rule stands for. */
  servicesWithin(host: string): readonly ServiceHost[] {
    this.#reads.add('ServiceEntry')
    if (!isWildcard(host)) return this.services(host)
    const found: ServiceHost[] = this.#wildcards.filter((entry) => isSubsetOf(entry.host, host))
    for (const [name, entries] of this.#exact) if (isSubsetOf(name, host)) found.push(...entries)
    return found
  }

  /** Every full host name that a service has, wildcards included. */
  get hosts(): readonly string[] {
    this.#reads.add('ServiceEntry')
    this.#hosts ??= [...this.#exact.keys(), ...this.#wildcards.map(({ host }) => host)]
    return this.#hosts
  }

  /** Whether exportTo (or the default of the mesh) of an object lets a namespace see it. */
  visible(object: ConfigObject<{ exportTo?: readonly string[] | undefined }>, namespace: string): boolean {
    return this.exportTo(object).some(
      (to) => to === '*' || to === namespace || (to === '.' && object.namespace === namespace),
    )
  }

  /** `exportTo` of an object, or the default of the mesh. */
  exportTo({ kind, spec }: ConfigObject<{ exportTo?: readonly string[] | undefined }>): readonly string[] {
    return spec.exportTo?.length ? spec.exportTo : this.#defaultExportTo(kind)
  }

  #defaultExportTo(kind: string): readonly string[] {
    const { defaultServiceExportTo, defaultVirtualServiceExportTo, defaultDestinationRuleExportTo } = this.mesh
    const lists: Readonly<Record<string, readonly string[] | undefined>> = {
      ServiceEntry: defaultServiceExportTo,
      VirtualService: defaultVirtualServiceExportTo,
      DestinationRule: defaultDestinationRuleExportTo,
    }
    const list = lists[kind]
    return list?.length ? list : ['*']
  }

  /** Endpoints of a service with their labels; undefined when they are found at run time only. */
  endpoints({ object }: Pick<ServiceHost, 'object'>): readonly Workload[] | undefined {
    this.#reads.add('WorkloadEntry')
    if (object.spec.hosts.some((host) => this.#discoveredHosts.has(host.toLowerCase()) || this.isUnread(host)))
      return undefined
    const { endpoints, workloadSelector, resolution = 'NONE' } = object.spec
    if (workloadSelector) return this.#selected(object.namespace, workloadSelector.labels ?? {})
    if (endpoints?.length)
      return endpoints.map((endpoint) => ({ namespace: object.namespace, labels: endpointLabels(endpoint) }))
    return resolution === 'STATIC' ? [] : undefined
  }

  /** WorkloadEntries with all the labels, found through the rarest of them: thousands of services may select from thousands. */
  #selected(namespace: string, labels: Readonly<Record<string, string>>): readonly Workload[] {
    const all = this.#entries.get(namespace) ?? []
    const lists = Object.entries(labels).map((label) => this.#byLabel.get(labelKey(namespace, ...label)) ?? [])
    const shortest = lists.reduce<readonly Workload[]>(
      (least, list) => (list.length < least.length ? list : least),
      all,
    )
    return shortest.filter((workload) => selects(labels, workload.labels))
  }

  /** Workloads of a namespace that are declared anywhere: entries, endpoints of services, proxies of the Mesh document. */
  workloads(namespace: string): readonly Workload[] {
    for (const kind of ['WorkloadEntry', 'ServiceEntry', 'Mesh'] as const) this.#reads.add(kind)
    const known = this.#workloads.get(namespace)
    if (known) return known
    const found = [...(this.#entries.get(namespace) ?? [])]
    this.#workloads.set(namespace, found)
    for (const object of this.of('ServiceEntry'))
      if (object.namespace === namespace)
        for (const { labels = {} } of object.spec.endpoints ?? []) found.push({ namespace, labels })
    for (const proxy of this.proxies) if (proxy.namespace === namespace) found.push(proxy)
    return found
  }

  /** Proxies of the Mesh document with namespace and labels, as their node metadata states them. */
  get proxies(): readonly Workload[] {
    return (this.mesh.proxies ?? []).map(({ node, metadata = {} }) => {
      const fromId = node.split('~')[2]?.split('.').at(-1)
      const namespace = metadata['NAMESPACE']
      const labels = metadata['LABELS']
      return {
        namespace: typeof namespace === 'string' ? namespace : (fromId ?? 'default'),
        labels: typeof labels === 'object' && labels !== null ? (labels as Readonly<Record<string, string>>) : {},
      }
    })
  }
}

const HOUR_MS = 3_600_000

/** The beginning of an hour, ms since the epoch. */
export function hourOf(now: number): number {
  return Math.floor(now / HOUR_MS) * HOUR_MS
}

function labelKey(namespace: string, key: string, value: string): string {
  return `${namespace} ${key}=${value}`
}

function workloadOf(entry: Of<'WorkloadEntry'>): Workload {
  return { namespace: entry.namespace, labels: workloadLabels(entry) }
}

/** Whether all labels of a selector are among those of a workload. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}

/** `file:line` of an object, to name it in a message about another one. */
export function place(object: ConfigObject, path: Path = ['metadata', 'name']): string {
  const { file, line } = object.source.locate(path)
  return `${file}:${line}`
}
