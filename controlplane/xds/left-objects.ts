import type { ConfigObject } from '../config/object.ts'
import { push } from '../config/push.ts'
import type { World } from '../model/index.ts'
import type { OutboundCluster } from '../model/service.ts'
import type { Supposition } from '../model/supposition.ts'
import type { Leaving, LeavingClusters } from './leaving.ts'
import { LEFT_FOR_MS } from './left-clusters.ts'

/** Objects kept at most, the newest. */
const MOST = 1_000
/** How many earlier versions of one object are looked at. */
const MOST_VERSIONS = 4

interface Left {
  readonly object: ConfigObject
  readonly clusters: readonly LeavingClusters[]
  readonly until: number
}

/**
 * Objects that made clusters until a moment ago, also in a process before this one: for classes of proxies that came since, so that nothing
 * was compiled for them then. Costs nothing until a proxy asks for a cluster of such a host.
 */
export class LeftObjects {
  readonly #world: World
  /** In the order they went. */
  #left: readonly Left[] = []
  #worlds: { readonly of: ReadonlyMap<string, ConfigObject>; readonly byAge: Supposition[] } | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** Keeps what went just now. To be called before it goes. */
  keep(leaving: readonly Leaving[]): void {
    if (leaving.length === 0) return
    const clusters = new Map<ConfigObject, LeavingClusters[]>()
    for (const one of leaving) {
      push(clusters, one.object, one)
    }
    const until = performance.now() + LEFT_FOR_MS
    const left = [...this.#alive(), ...[...clusters].map(([object, went]) => ({ object, clusters: went, until }))]
    this.#set(left.slice(-MOST))
    this.#sweep ??= setTimeout(() => this.#forget(), LEFT_FOR_MS).unref()
  }

  /**
   * The mesh as it was before a cluster went, the latest state first; none if it did not go. To be looked at by `supposing`, at once: a
   * commit makes them out of date.
   */
  *worldsWith(cluster: OutboundCluster): Generator<Supposition> {
    const left = this.#alive()
    if (!left.some(({ clusters }) => clusters.some((one) => isAmong(one, cluster)))) return
    const present = this.#world.objects
    if (this.#worlds?.of !== present) this.#worlds = { of: present, byAge: [] }
    const { byAge } = this.#worlds
    const versions = versionsOf(left)
    const most = Math.min(MOST_VERSIONS, Math.max(...[...versions.values()].map(({ length }) => length)))
    for (let age = 0; age < most; age++) {
      byAge[age] ??= this.#world.suppose(withEarlier(present, versions, age))
      yield byAge[age]!
    }
  }

  #alive(): readonly Left[] {
    const now = performance.now()
    return this.#left.filter(({ until }) => until >= now)
  }

  #set(left: readonly Left[]): void {
    this.#left = left
    this.#worlds = undefined
  }

  #forget(): void {
    this.#set(this.#alive())
    this.#sweep = this.#left.length === 0 ? undefined : setTimeout(() => this.#forget(), LEFT_FOR_MS / 3).unref()
  }
}

/** An object may call a host by its short name. */
function isAmong({ host, port, subset }: LeavingClusters, cluster: OutboundCluster): boolean {
  if ((port ?? cluster.port) !== cluster.port || (subset ?? cluster.subset) !== cluster.subset) return false
  return cluster.hostname === host || cluster.hostname.startsWith(`${host}.`)
}

/** By key, the newest first. */
function versionsOf(left: readonly Left[]): ReadonlyMap<string, readonly ConfigObject[]> {
  const versions = new Map<string, ConfigObject[]>()
  for (const { object } of left) versions.set(object.key, [object, ...(versions.get(object.key) ?? [])])
  return versions
}

function withEarlier(
  present: ReadonlyMap<string, ConfigObject>,
  versions: ReadonlyMap<string, readonly ConfigObject[]>,
  age: number,
): ReadonlyMap<string, ConfigObject> {
  const objects = new Map(present)
  for (const [key, all] of versions) objects.set(key, all[Math.min(age, all.length - 1)]!)
  return objects
}
