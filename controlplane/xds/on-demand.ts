import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { VirtualHost } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { TcpProxySchema } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { encode, typeUrl } from '../../proto/make.ts'
import { fullRegistry, registry } from '../../proto/registry.ts'
import { cell, sameItems } from '../model/cells.ts'
import type { Scope } from '../model/index.ts'
import { parseOutboundClusterName } from '../model/service.ts'
import { closedCluster, standingClusterNames } from './clusters/index.ts'
import type { ListenerPlan } from './listeners/index.ts'
import { splitGeneration } from './names.ts'
import type { OnDemand, Resource } from './resource.ts'
import { type RouteTable, routeClusters } from './routes/index.ts'
import { wireName } from './wire-name.ts'

/** What a class is made of, as far as it decides which clusters Envoy asks for. */
export interface OnDemandSources {
  readonly scope: Scope
  tables(): readonly RouteTable[]
  listeners(): Iterable<ListenerPlan>
  /** Names of clusters that people wrote as Envoy's own messages. */
  writtenClusters(): readonly string[]
  /** Clusters of ours that such messages name. */
  pinned(): ReadonlySet<string>
  /** Clusters that were let go of at least once. */
  renamed(): readonly string[]
  departing(name: string): Resource | undefined
}

/** The part of a class's view that serves clusters on demand (docs/decisions/on-demand.md). */
export function onDemandOf(sources: OnDemandSources): OnDemand {
  const { scope } = sources
  const users = cell(() => indexUsers(sources.tables(), sources.listeners()), sameUsers)
  const eager = cell(
    () => [
      ...new Set([
        ...standingClusterNames(scope),
        ...sources.writtenClusters(),
        ...sources.pinned(),
        ...namedByFilters(sources.listeners()),
        ...users().mirrors,
      ]),
    ],
    sameItems,
  )
  const present = (name: string) => wireName(scope, splitGeneration(name).cluster)
  return {
    eager,
    companions: (cluster) => [...(users().companions.get(cluster) ?? [])],
    present,
    renamed: sources.renamed,
    departing: sources.departing,
    needed: ({ authority, routeName, port }) =>
      [
        ...new Set(port === 0 ? neededBy(sources.tables(), authority, routeName) : neededAt(sources.listeners(), port)),
      ].slice(0, MOST_NEEDED),
    placeholder: (name) => (present(name) === name ? placeholder(scope, name) : undefined),
    isPlaceholder: (name, version) => version === PLACEHOLDER_VERSION && present(name) === name,
  }
}

/** More than these are not sent because of one request that failed. */
const MOST_NEEDED = 8

/** Of all tables: who tells of the request does not say which listener it came through. */
function neededBy(tables: readonly RouteTable[], authority: string, routeName: string): readonly string[] {
  const routes = tables.flatMap((table) => table.hostFor(authority)?.message.routes ?? [])
  const named = routes.filter(({ name }) => name === routeName)
  return (named.length > 0 ? named : routes).flatMap(routeClusters)
}

/** Of all chains: which of them took the connection is not told. */
function neededAt(listeners: Iterable<ListenerPlan>, port: number): readonly string[] {
  return [...listeners].flatMap((plan) =>
    plan.port === port ? plan.chains.flatMap(({ filter }) => tcpClusters(filter.config)) : [],
  )
}

/** Equal on every replica and in every process: a proxy that comes back with one is recognised. */
const PLACEHOLDER_VERSION = 'placeholder'

function placeholder(scope: Scope, name: string): Resource {
  const { message } = closedCluster(scope, name, [], [])
  const bytes = encode(ClusterSchema, message)
  return { type: 'cds', name, version: PLACEHOLDER_VERSION, bytes, origins: [], children: [] }
}

interface Users {
  /** Cluster → the others of the splits it stands in. */
  readonly companions: ReadonlyMap<string, ReadonlySet<string>>
  /** Clusters that get copies. Envoy drops a copy for a cluster it does not have, without asking. */
  readonly mirrors: readonly string[]
}

interface HostUse {
  readonly splits: readonly (readonly string[])[]
  readonly mirrors: readonly string[]
}

const uses = new WeakMap<VirtualHost, HostUse>()

/** Virtual hosts keep their identity while they do not change, so a change costs those that did. */
function usedBy(host: VirtualHost): HostUse {
  const known = uses.get(host)
  if (known) return known
  const splits: string[][] = []
  const mirrors: string[] = []
  for (const { action } of host.routes) {
    if (action.case !== 'route') continue
    const { clusterSpecifier, requestMirrorPolicies } = action.value
    if (clusterSpecifier.case === 'weightedClusters')
      splits.push(clusterSpecifier.value.clusters.filter((one) => (one.weight ?? 0) > 0).map((one) => one.name))
    for (const { cluster } of requestMirrorPolicies) if (cluster) mirrors.push(cluster)
  }
  const use = { splits, mirrors }
  uses.set(host, use)
  return use
}

function indexUsers(tables: readonly RouteTable[], listeners: Iterable<ListenerPlan>): Users {
  const companions = new Map<string, Set<string>>()
  const mirrors = new Set<string>()
  const join = (split: readonly string[]) => {
    for (const cluster of split)
      for (const other of split) {
        if (other === cluster) continue
        const known = companions.get(cluster)
        if (known) known.add(other)
        else companions.set(cluster, new Set([other]))
      }
  }
  for (const table of tables)
    for (const { message } of table.ruled) {
      const use = usedBy(message)
      for (const split of use.splits) join(split)
      for (const mirror of use.mirrors) mirrors.add(mirror)
    }
  for (const { chains } of listeners) for (const { filter } of chains) join(tcpClusters(filter.config))
  return { companions, mirrors: [...mirrors].sort() }
}

const tcpTargets = new WeakMap<Any, readonly string[]>()

/** Clusters a TCP filter passes connections to. */
function tcpClusters(config: Any): readonly string[] {
  if (config.typeUrl !== typeUrl(TcpProxySchema)) return []
  let clusters = tcpTargets.get(config)
  if (!clusters) {
    const { clusterSpecifier } = fromBinary(TcpProxySchema, config.value)
    if (clusterSpecifier.case === 'weightedClusters') clusters = clusterSpecifier.value.clusters.map(({ name }) => name)
    else clusters = clusterSpecifier.case === 'cluster' ? [clusterSpecifier.value] : []
    tcpTargets.set(config, clusters)
  }
  return clusters
}

function sameUsers(a: Users, b: Users): boolean {
  return (
    sameItems(a.mirrors, b.mirrors) &&
    a.companions.size === b.companions.size &&
    [...a.companions].every(([name, others]) => sameItems([...others], [...(b.companions.get(name) ?? [])]))
  )
}

const filterClusters = new WeakMap<Any, readonly string[]>()

/** Clusters that HTTP filters and access logs use by themselves: they stand in the listener, and no request asks for them. */
function namedByFilters(listeners: Iterable<ListenerPlan>): readonly string[] {
  const found: string[] = []
  for (const { chains } of listeners)
    for (const { filter } of chains) {
      if (filter.config.typeUrl === typeUrl(TcpProxySchema)) continue
      let named = filterClusters.get(filter.config)
      if (!named) {
        named = outboundNames(anyJson(filter.config))
        filterClusters.set(filter.config, named)
      }
      found.push(...named)
    }
  return found
}

function anyJson(config: Any): JsonValue {
  try {
    return toJson(AnySchema, config, { registry })
  } catch {
    return toJson(AnySchema, config, { registry: fullRegistry() })
  }
}

/** Every text in a message that is the name of an outbound cluster. */
export function outboundNames(json: unknown): readonly string[] {
  if (typeof json === 'string') return parseOutboundClusterName(json) ? [json] : []
  if (typeof json !== 'object' || json === null) return []
  return Object.values(json).flatMap(outboundNames)
}
