import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { ServiceEntrySpec } from '../config/kinds/service-entry.ts'
import type { ConfigObject } from '../config/object.ts'
import type { World } from '../model/index.ts'

/** Clusters that are about to go: those of a host, of one of its ports, or of one of its subsets. */
export interface LeavingClusters {
  readonly host: string
  /** What the host's name is relative to. */
  readonly namespace: string
  readonly port?: number
  readonly subset?: string
}

/** Clusters of an object that is to change, and the object as it was. */
export interface Leaving extends LeavingClusters {
  readonly object: ConfigObject
}

type Clusters = readonly Omit<LeavingClusters, 'namespace'>[]

/** The clusters that an object makes, by its kind. */
const CLUSTERS_OF: Readonly<Record<string, (spec: never) => Clusters>> = {
  ServiceEntry: ({ hosts = [], ports = [] }: ServiceEntrySpec) =>
    hosts.flatMap((host) => ports.map(({ number }) => ({ host, port: number }))),
  DestinationRule: ({ host, subsets = [] }: DestinationRuleSpec) => subsets.map(({ name }) => ({ host, subset: name })),
}

/**
 * Clusters that exist in the world and may not exist in `next`. More than those may be among them; none is missing but those that
 * go because of visibility.
 */
export function leavingClusters(world: World, next: ReadonlyMap<string, ConfigObject>): readonly Leaving[] {
  return Object.keys(CLUSTERS_OF).flatMap((kind) =>
    world.all(kind).flatMap((old) => {
      const newest = world.newest(old)!
      return next.get(old.key) === newest ? [] : clustersThatLeave(newest, next)
    }),
  )
}

/** Clusters that an object makes and that the one in its place in `next`, if any, does not make. */
export function clustersThatLeave(old: ConfigObject, next: ReadonlyMap<string, ConfigObject>): readonly Leaving[] {
  const clustersOf = CLUSTERS_OF[old.kind] as ((spec: unknown) => Clusters) | undefined
  const now = next.get(old.key)
  if (!clustersOf || now?.spec === old.spec) return []
  const key = ({ host, port, subset }: Clusters[number]) => `${host}\n${port}\n${subset}`
  const stay = new Set(now ? clustersOf(now.spec).map(key) : [])
  return clustersOf(old.spec).flatMap((one) =>
    stay.has(key(one)) ? [] : { ...one, namespace: old.namespace, object: old },
  )
}
