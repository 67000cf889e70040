import { hash } from 'node:crypto'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { EnvoyResourceSpec } from '../config/kinds/envoy-resource.ts'
import type { Origin } from '../config/object.ts'
import { type Cells, cell, cells, sameEntries, sameItems } from '../model/cells.ts'
import { createScope, type Model, type ProxyClass, type Scope } from '../model/index.ts'
import { whilePresent } from '../model/lasting.ts'
import { Memory } from '../model/memory.ts'
import type { Writes } from '../model/reads.ts'
import { type OutboundCluster, parseOutboundClusterName } from '../model/service.ts'
import { isSupposing, type Supposition, supposing } from '../model/supposition.ts'
import { compilePastCluster, type Problem, serviceTargetNames } from './clusters/index.ts'
import { CompiledResource } from './compiled-resource.ts'
import { type Compilers, compilersOf, type Encoded, encoded } from './compilers.ts'
import { type RawResource, rawResources, selects } from './envoy-resources.ts'
import type { LeavingClusters } from './leaving.ts'
import { type LeftCluster, LeftClusters } from './left-clusters.ts'
import { onDemandOf, outboundNames } from './on-demand.ts'
import { ReadRecord } from './read-record.ts'
import type { OnDemand, Resource, Suspects, View } from './resource.ts'
import { makeVirtualHosts, WORTH_SHARING } from './routes/index.ts'
import type { LazyVirtualHosts } from './virtual-hosts.ts'

/** Called for each resource that was compiled and encoded. */
export type OnCompiled = (type: ResourceType, name: string) => void

/** Called when a resource cannot be compiled: it is absent then, and everything else goes on. */
export type OnFailure = (type: ResourceType, name: string, error: unknown) => void

/** How often classes have let go of clusters. Reads are tracked. */
export interface Generations {
  of(classKey: string, cluster: string): number
  /** Nobody reads those of this class any more. */
  unread?(classKey: string): void
  /** The same for all clusters of a class that were let go of at least once. */
  all(classKey: string): ReadonlyMap<string, number>
  /** Clusters of a class that were let go of at least once, by their names without generation. */
  renamed(classKey: string): readonly string[]
}

/** Who is told of what a view does, and what it has to know besides the model. */
export interface ClassViewOptions {
  readonly onFailure: OnFailure
  readonly onCompiled?: OnCompiled | undefined
  /** Default: nothing is ever let go of. */
  readonly generations?: Generations | undefined
  /** Virtual hosts that are alike are sent as one where there are so many of them. */
  readonly sharesFrom?: number | undefined
  /** The mesh as it was before a cluster went a moment ago; default: nothing is known of it. */
  readonly worldsWith?: ((cluster: OutboundCluster) => Iterable<Supposition>) | undefined
}

/**
 * The view of one proxy class: one lazy cell per resource. A cell is made when a resource is first asked for, computed
 * again only when something it read has changed, and keeps its `Resource` object while the bytes stay the same.
 */
export class ClassView implements View {
  readonly key: string
  readonly scope: Scope
  declare readonly onDemand?: OnDemand
  readonly #left = new LeftClusters()
  readonly #problems = new Memory<string, readonly Problem[]>()
  readonly #model: Model
  readonly #onFailure: OnFailure
  readonly #onCompiled: OnCompiled
  readonly #names: Readonly<Record<ResourceType, () => readonly string[]>>
  readonly #resources: Readonly<Record<ResourceType, Cells<CompiledResource | undefined>>>
  readonly #compilers: Compilers
  readonly #record = new ReadRecord()
  readonly #virtualHosts: LazyVirtualHosts | undefined
  readonly #worldsWith: (cluster: OutboundCluster) => Iterable<Supposition>

  constructor(model: Model, proxy: ProxyClass, options: ClassViewOptions) {
    const { generations, sharesFrom = WORTH_SHARING } = options
    this.key = proxy.key
    this.#model = model
    this.#onFailure = options.onFailure
    this.#onCompiled = options.onCompiled ?? (() => {})
    this.#worldsWith = options.worldsWith ?? (() => [])
    const raw = cell(() => writtenResources(model, proxy), sameEntries)
    // Messages that people wrote name clusters without generation: these are never let go of.
    const pinned = cell(() => {
      const documents = new Set([...raw().values()].map(({ object }) => object))
      return new Set([...documents].flatMap(({ spec }) => outboundNames(spec)))
    }, sameNames)
    // A cell for each cluster: what lets go of one has nothing to do with the others.
    const generation =
      proxy.lazy &&
      generations &&
      cells((cluster) => generations.of(proxy.key, cluster), undefined, {
        lasting: whilePresent({
          present: model.registry.byHostname,
          has: (hosts, cluster) => hosts.has(parseOutboundClusterName(cluster)?.hostname ?? ''),
        }),
      })
    const scope: Scope = {
      ...createScope(model, proxy),
      // A table that people wrote is sent as they wrote it.
      ...(proxy.lazyVirtualHosts && { virtualHostsOnDemand: (table: string) => !raw().has(`rds/${table}`) }),
      ...(generation && {
        generation: (cluster: string) => (pinned().has(cluster) ? 0 : generation(cluster)),
        generations: () => {
          const [fixed, all] = [pinned(), generations.all(proxy.key)]
          return (cluster: string) => (fixed.has(cluster) ? 0 : (all.get(cluster) ?? 0))
        },
      }),
      ...(proxy.sharesVirtualHosts && { sharesFrom }),
    }
    this.scope = scope
    const { compilers, tables, listeners, virtualHosts } = compilersOf(scope, model.world, (type, name) =>
      this.get(type, name),
    )
    this.#compilers = compilers
    this.#virtualHosts = virtualHosts
    if (proxy.lazy) {
      const onDemand = onDemandOf({
        scope,
        tables,
        listeners,
        writtenClusters: () => [...raw().values()].filter(({ type }) => type === 'cds').map(({ name }) => name),
        pinned,
        renamed: () => generations?.renamed(proxy.key) ?? [],
        departing: (name) => this.#departing(name),
      })
      this.onDemand = {
        ...onDemand,
        eager: () => (isSupposing() ? onDemand.eager() : this.#record.names('cds', onDemand.eager, 'eager')),
        ...(proxy.lazyVirtualHosts && virtualHosts && { virtualHosts }),
      }
    }
    // Written by hand or compiled: secrets are for proxies that have shown who they are.
    const withheld = (type: ResourceType) => type === 'sds' && !proxy.secretsAllowed
    this.#names = byType((type) =>
      cell(() => {
        if (withheld(type)) return []
        const written = [...raw().values()].filter((resource) => resource.type === type).map(({ name }) => name)
        const compiled = this.#guard(type, '*', () => compilers[type]?.names())
        return [...new Set([...(compiled ?? []), ...written])]
      }, sameItems),
    )
    this.#resources = byType((type) =>
      cells<CompiledResource | undefined>(
        (name) => {
          if (type === 'cds') this.#problems.delete(name)
          const written = raw().get(`${type}/${name}`)
          if (written) return withheld(type) ? undefined : this.#fromRaw(written)
          const made = this.#guard(type, name, () => compilers[type]?.compile(name))
          if (made?.problems?.length) this.#problems.set(name, made.problems)
          return made && this.#resource(type, name, made)
        },
        (a, b) => a?.version === b?.version,
        // The same bytes may come from other places by now.
        { again: (kept, computed) => computed && kept?.comesFrom(computed) },
      ),
    )
  }

  names(type: ResourceType): readonly string[] {
    return isSupposing() ? this.#names[type]() : this.#record.names(type, this.#names[type])
  }

  get(type: ResourceType, name: string): Resource | undefined {
    if (isSupposing()) return this.#resources[type](name)
    const resource = this.#record.resource(type, name, this.#resources[type])
    return resource || type !== 'eds' || this.#left.isEmpty ? resource : this.#left.get(name)?.endpoints
  }

  *prepareTables(): Generator<void> {
    if (this.scope.proxy.type !== 'sidecar') return
    try {
      yield* makeVirtualHosts(this.scope)
    } catch {
      // The table itself will fail in the same way, and that is told.
    }
  }

  /** Places that something was made from, to be looked up when somebody asks: lines move while what they say stays. */
  live(origins: readonly Origin[]): readonly Origin[] {
    const { world } = this.#model
    return origins.map((origin) => world.live(origin))
  }

  moment(): number {
    return this.#record.moment()
  }

  suspects(moment: number): Suspects | undefined {
    return this.#record.suspects(moment)
  }

  /** What of all that was asked for would differ if these sources were written. */
  readersOf(writes: Writes): Suspects {
    return this.#record.readersOf(writes)
  }

  /** What the clusters that were asked for have that is not as their documents ask: by name, if anything. */
  clusterProblems(): ReadonlyMap<string, readonly Problem[]> {
    // What is kept is of the last compilation: some of these may have changed since, or have gone.
    for (const name of [...this.#problems.entries().keys()]) this.get('cds', name)
    return this.#problems.entries()
  }

  forgetOthers(type: ResourceType, wanted: (name: string) => boolean): readonly string[] {
    const others = [...this.#record.known(type)].filter((name) => !wanted(name))
    for (const name of others) this.forget(type, name)
    return others
  }

  forget(type: ResourceType, name: string): void {
    if (type === 'cds') this.#problems.delete(name)
    this.#record.forget(type, name)
    this.#resources[type].forget(name)
    if (type === 'vhds') this.#virtualHosts?.forget(name)
  }

  /**
   * Keeps clusters that are about to go, for proxies whose routes still lead there. To be called before they go.
   * @param most how many at most: who deletes more at once deletes what is in use
   * @returns how many were kept
   */
  remember(leaving: readonly LeavingClusters[], most: number): number {
    const kept = new Set<string>()
    for (const { host, namespace, port, subset } of leaving) {
      const service = this.scope.resolve(host, namespace)
      for (const name of service ? serviceTargetNames(this.scope, service) : []) {
        const parts = parseOutboundClusterName(name)
        if (kept.has(name) || (port ?? parts?.port) !== parts?.port || (subset ?? parts?.subset) !== parts?.subset)
          continue
        if (kept.size >= most) return kept.size
        kept.add(name)
        const left = this.#asItIs(name)
        if (left) this.#left.keep(name, left)
      }
    }
    return kept.size
  }

  #departing(name: string): Resource | undefined {
    if (this.onDemand!.present(name) === name) return (this.#left.get(name) ?? this.#asItWas(name))?.cluster
    return this.#once('cds', name, () => encoded(ClusterSchema, compilePastCluster(this.scope, name)))
  }

  /** A cluster that went before there was this class, or before this process. */
  #asItWas(name: string): LeftCluster | undefined {
    const parts = parseOutboundClusterName(name)
    if (!parts || isSupposing()) return undefined
    for (const world of this.#worldsWith(parts)) {
      const left = supposing(world, () => this.#asItIs(name))
      if (!left) continue
      this.#left.keep(name, left)
      return left
    }
    return undefined
  }

  #asItIs(name: string): LeftCluster | undefined {
    const cluster = this.#once('cds', name, () => this.#compilers.cds?.compile(name))
    return cluster && { cluster, endpoints: this.#once('eds', name, () => this.#compilers.eds?.compile(name)) }
  }

  /** A resource without a cell: nobody will ask for it again. */
  #once(type: ResourceType, name: string, compile: () => Encoded | undefined): Resource | undefined {
    const made = this.#guard(type, name, compile)
    return made && this.#resource(type, name, made)
  }

  #resource(
    type: ResourceType,
    name: string,
    { bytes, from }: Encoded,
    version = from.pending ? 'pending' : contentVersion(bytes),
  ): CompiledResource {
    // Those of a table are many and made when asked for. Of anything else the compiled message would be held for them.
    const origins = type === 'rds' ? originsOf(from) : always(from.origins)
    if (!isSupposing()) this.#onCompiled(type, name)
    const { children = [], pending = false } = from
    return new CompiledResource({ type, name, version, bytes, children, pending, origins: () => this.live(origins()) })
  }

  #fromRaw({ type, name, bytes, version, children, object, path }: RawResource): CompiledResource {
    return this.#resource(type, name, { bytes, from: { origins: [{ object, path }], children } }, version)
  }

  /** A mistake in compilation costs one resource, never the stream that asked for it. */
  #guard<T>(type: ResourceType, name: string, compile: () => T): T | undefined {
    try {
      return compile()
    } catch (error) {
      if (!isSupposing()) this.#onFailure(type, name, error)
      return undefined
    }
  }
}

/** What people wrote for the class, by `<type>/<name>`; of two under one name the first counts. */
function writtenResources(model: Model, proxy: ProxyClass): ReadonlyMap<string, RawResource> {
  const found = new Map<string, RawResource>()
  for (const object of model.world.all<EnvoyResourceSpec>('EnvoyResource'))
    if (selects(object, proxy))
      for (const resource of rawResources(object)) {
        const key = `${resource.type}/${resource.name}`
        if (!found.has(key)) found.set(key, resource)
      }
  return found
}

function originsOf(from: Encoded['from']): () => readonly Origin[] {
  return () => from.origins
}

function always<T>(value: T): () => T {
  return () => value
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name))
}

function byType<T>(of: (type: ResourceType) => T): Readonly<Record<ResourceType, T>> {
  return Object.fromEntries(RESOURCE_TYPES.map((type) => [type, of(type)])) as Record<ResourceType, T>
}

/** 64 bits of SHA-256 over the bytes, in hex: the same on every replica. */
function contentVersion(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, 16)
}
