import { createHash } from 'node:crypto'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import { encode } from '../../proto/make.ts'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { EnvoyResourceSpec } from '../config/kinds/envoy-resource.ts'
import type { Origin } from '../config/object.ts'
import { type Cells, cell, cells, sameEntries, sameItems } from '../model/cells.ts'
import { createScope, type Model, type ProxyClass, type Scope } from '../model/index.ts'
import { Memory } from '../model/memory.ts'
import type { Writes } from '../model/reads.ts'
import { parseOutboundClusterName } from '../model/service.ts'
import { isSupposing } from '../model/supposition.ts'
import {
  clusterNames,
  compileCluster,
  compileLoadAssignment,
  compilePastCluster,
  type Problem,
  serviceTargetNames,
} from './clusters/index.ts'
import { CompiledResource } from './compiled-resource.ts'
import { type RawResource, rawResources, selects } from './envoy-resources.ts'
import type { LeavingClusters } from './leaving.ts'
import { LeftClusters } from './left-clusters.ts'
import { grpcListener, grpcListenerNames } from './listeners/grpc.ts'
import { buildListener, listenerPlans } from './listeners/index.ts'
import { messageResources } from './messages/index.ts'
import { onDemandOf, outboundNames } from './on-demand.ts'
import { ReadRecord } from './read-record.ts'
import type { OnDemand, Resource, Suspects, View } from './resource.ts'
import { compileRouteConfiguration, makeVirtualHosts, routeConfigurationNames, WORTH_SHARING } from './routes/index.ts'
import { compileSecret, secretNames } from './secrets.ts'
import { emptyTable, LazyVirtualHosts, openingName } from './virtual-hosts.ts'

/** A compiled message on its way to be a resource. */
interface Compiled<Desc extends DescMessage> {
  readonly message: MessageShape<Desc>
  /** The encoded message, from compilers that have it anyway. */
  readonly bytes?: Uint8Array
  readonly origins: readonly Origin[]
  readonly children?: Resource['children']
  readonly pending?: boolean
}

/** Called for each resource that was compiled and encoded. */
export type OnCompiled = (type: ResourceType, name: string) => void

/** Called when a resource cannot be compiled: it is absent then, and everything else goes on. */
export type OnFailure = (type: ResourceType, name: string, error: unknown) => void

/** How often classes have let go of clusters. Reads are tracked. */
export interface Generations {
  of(classKey: string, cluster: string): number
  /** The same for all clusters of a class that were let go of at least once. */
  all(classKey: string): ReadonlyMap<string, number>
  /** Clusters of a class that were let go of at least once, by their names without generation. */
  renamed(classKey: string): readonly string[]
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
  readonly #record = new ReadRecord()
  readonly #virtualHosts: LazyVirtualHosts | undefined

  constructor(
    model: Model,
    proxy: ProxyClass,
    onFailure: OnFailure,
    generations?: Generations,
    onCompiled: OnCompiled = () => {},
    sharesFrom = WORTH_SHARING,
  ) {
    this.key = proxy.key
    this.#model = model
    this.#onFailure = onFailure
    this.#onCompiled = onCompiled
    // Messages that people wrote name clusters without generation: these are never let go of.
    const pinned = cell(() => {
      const documents = new Set([...raw().values()].map(({ object }) => object))
      return new Set([...documents].flatMap(({ spec }) => outboundNames(spec)))
    }, sameNames)
    const scope: Scope = {
      ...createScope(model, proxy),
      // A table that people wrote is sent as they wrote it.
      ...(proxy.lazyVirtualHosts && { virtualHostsOnDemand: (table: string) => !raw().has(`rds/${table}`) }),
      ...(proxy.lazy &&
        generations && {
          generation: (cluster: string) => (pinned().has(cluster) ? 0 : generations.of(proxy.key, cluster)),
          generations: () => {
            const [fixed, all] = [pinned(), generations.all(proxy.key)]
            return (cluster: string) => (fixed.has(cluster) ? 0 : (all.get(cluster) ?? 0))
          },
        }),
      ...(proxy.sharesVirtualHosts && { sharesFrom }),
    }
    this.scope = scope
    const isGrpc = proxy.type === 'grpc'

    const raw = cell(() => {
      const found = new Map<string, RawResource>()
      for (const object of model.world.all<EnvoyResourceSpec>('EnvoyResource'))
        if (selects(object, proxy))
          for (const resource of rawResources(object)) {
            const key = `${resource.type}/${resource.name}`
            if (!found.has(key)) found.set(key, resource)
          }
      return found as ReadonlyMap<string, RawResource>
    }, sameEntries)

    const plans = cell(
      () => new Map(isGrpc || proxy.type === 'message' ? [] : listenerPlans(scope).map((plan) => [plan.name, plan])),
    )

    const isMessage = proxy.type === 'message'
    const messages = messageResources(model.world, scope)
    const clusters = () => (isMessage ? messages.clusterNames() : clusterNames(scope))

    const table = proxy.lazy
      ? cells((name) => compileRouteConfiguration(scope, name))
      : (name: string) => compileRouteConfiguration(scope, name)
    const tables = () => routeConfigurationNames(scope)
    this.#virtualHosts = proxy.type === 'sidecar' ? new LazyVirtualHosts({ tables, table }) : undefined
    if (proxy.lazy) {
      const onDemand = onDemandOf({
        scope,
        tables: () => tables().flatMap((name) => table(name) ?? []),
        listeners: () => plans().values(),
        writtenClusters: () => [...raw().values()].filter(({ type }) => type === 'cds').map(({ name }) => name),
        pinned,
        renamed: () => generations?.renamed(proxy.key) ?? [],
        departing: (name) => this.#departing(name),
      })
      this.onDemand = {
        ...onDemand,
        eager: () => (isSupposing() ? onDemand.eager() : this.#record.names('cds', onDemand.eager, 'eager')),
        ...(proxy.lazyVirtualHosts && this.#virtualHosts && { virtualHosts: this.#virtualHosts }),
      }
    }

    const compiledNames: Record<ResourceType, () => readonly string[]> = {
      cds: clusters,
      eds: () => clusters().flatMap((name) => this.get('cds', name)?.children.map((child) => child.name) ?? []),
      lds: () => (isGrpc ? grpcListenerNames(scope) : [...plans().keys()].filter((name) => this.get('lds', name))),
      rds: () => (isMessage ? [] : tables()),
      vhds: () => this.#virtualHosts?.names() ?? [],
      sds: () => secretNames(model.world, proxy),
      pds: () => (isMessage ? messages.protocolNames() : []),
      mrds: () => (isMessage ? messages.tableNames() : []),
      mlds: () => (isMessage ? messages.listenerNames() : []),
    }
    const names = (type: ResourceType) =>
      cell(() => {
        const written = [...raw().values()].filter((resource) => resource.type === type).map(({ name }) => name)
        if (type === 'sds' && !proxy.secretsAllowed) return []
        return [...new Set([...(this.#guard(type, '*', compiledNames[type]) ?? []), ...written])]
      }, sameItems)
    this.#names = byType(names)

    const family = <Desc extends DescMessage>(
      type: ResourceType,
      schema: Desc,
      compile: (name: string) => Compiled<Desc> | undefined,
    ) =>
      cells<CompiledResource | undefined>(
        (name) => {
          if (type === 'cds') this.#problems.delete(name)
          const written = raw().get(`${type}/${name}`)
          if (written) return type === 'sds' && !proxy.secretsAllowed ? undefined : this.#fromRaw(written)
          const compiled = this.#guard(type, name, () => compile(name))
          return compiled && this.#resource(type, name, compiled.bytes ?? encode(schema, compiled.message), compiled)
        },
        (a, b) => a?.version === b?.version,
        // The same bytes may come from other places by now.
        { again: (kept, computed) => computed && kept?.comesFrom(computed) },
      )

    this.#resources = {
      cds: family('cds', ClusterSchema, (name) => (isMessage ? messages.cluster(name) : this.#cluster(name))),
      eds: family('eds', ClusterLoadAssignmentSchema, (name) => compileLoadAssignment(scope, name)),
      lds: family('lds', ListenerSchema, (name) => {
        if (isGrpc) {
          const message = grpcListener(scope, name)
          return message && { message, origins: [] }
        }
        const plan = plans().get(name)
        return plan && buildListener(plan)
      }),
      rds: family('rds', RouteConfigurationSchema, (name) => {
        const empty = this.#virtualHosts && emptyTable(name, tables())
        return empty
          ? { message: empty, origins: [], children: [{ type: 'vhds', name: openingName(name) }] }
          : table(name)
      }),
      vhds: family('vhds', VirtualHostSchema, (name) => this.#virtualHosts?.compile(name)),
      sds: family('sds', SecretSchema, (name) => compileSecret(model.world, proxy, name)),
      pds: family('pds', ProtocolSchema, (name) => (isMessage ? messages.protocol(name) : undefined)),
      mrds: family('mrds', MessageRouteTableSchema, (name) => (isMessage ? messages.table(name) : undefined)),
      mlds: family('mlds', MessageListenerSchema, (name) => (isMessage ? messages.listener(name) : undefined)),
    }
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
        const cluster = this.#once('cds', ClusterSchema, name, () => compileCluster(this.scope, name))
        const endpoints = this.#once('eds', ClusterLoadAssignmentSchema, name, () =>
          compileLoadAssignment(this.scope, name),
        )
        if (cluster) this.#left.keep(name, { cluster, endpoints })
      }
    }
    return kept.size
  }

  #cluster(name: string): ReturnType<typeof compileCluster> {
    const compiled = compileCluster(this.scope, name)
    if (compiled && compiled.problems.length > 0) this.#problems.set(name, compiled.problems)
    return compiled
  }

  #departing(name: string): Resource | undefined {
    if (this.onDemand!.present(name) === name) return this.#left.get(name)?.cluster
    return this.#once('cds', ClusterSchema, name, () => compilePastCluster(this.scope, name))
  }

  /** A resource without a cell: nobody will ask for it again. */
  #once<Desc extends DescMessage>(
    type: ResourceType,
    schema: Desc,
    name: string,
    compile: () => Compiled<Desc> | undefined,
  ): Resource | undefined {
    const compiled = this.#guard(type, name, compile)
    return compiled && this.#resource(type, name, encode(schema, compiled.message), compiled)
  }

  #resource(
    type: ResourceType,
    name: string,
    bytes: Uint8Array,
    from: Pick<Compiled<DescMessage>, 'origins' | 'children' | 'pending'>,
    version = from.pending ? 'pending' : contentVersion(bytes),
  ): CompiledResource {
    // Those of a table are many and made when asked for. Of anything else the compiled message would be held for them.
    const origins = type === 'rds' ? originsOf(from) : always(from.origins)
    if (!isSupposing()) this.#onCompiled(type, name)
    const { children = [], pending = false } = from
    return new CompiledResource({ type, name, version, bytes, children, pending, origins: () => this.live(origins()) })
  }

  #fromRaw({ type, name, bytes, version, children, object, path }: RawResource): CompiledResource {
    return this.#resource(type, name, bytes, { origins: [{ object, path }], children }, version)
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

function originsOf(from: Pick<Compiled<DescMessage>, 'origins'>): () => readonly Origin[] {
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
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}
