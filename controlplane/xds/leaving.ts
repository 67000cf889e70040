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

/**
 * Clusters that exist in the world and may not exist in `next`. More than those may be among them; none is missing but those that
 * go because of visibility.
 */
export function leavingClusters(world: World, next: ReadonlyMap<string, ConfigObject>): readonly LeavingClusters[] {
  const leaving: LeavingClusters[] = []
  const lose = <Spec>(kind: string, clustersOf: (spec: Spec) => readonly Omit<LeavingClusters, 'namespace'>[]) => {
    for (const old of world.all<Spec>(kind)) {
      const now = next.get(old.key) as ConfigObject<Spec> | undefined
      if (now === world.newest(old) || now?.spec === old.spec) continue
      const key = ({ host, port, subset }: Omit<LeavingClusters, 'namespace'>) => `${host}\n${port}\n${subset}`
      const stay = new Set(now ? clustersOf(now.spec).map(key) : [])
      for (const one of clustersOf(old.spec))
        if (!stay.has(key(one))) leaving.push({ ...one, namespace: old.namespace })
    }
  }
  lose<ServiceEntrySpec>('ServiceEntry', ({ hosts = [], ports = [] }) =>
    hosts.flatMap((host) => ports.map(({ number }) => ({ host, port: number }))),
  )
  lose<DestinationRuleSpec>('DestinationRule', ({ host, subsets = [] }) =>
    subsets.map(({ name }) => ({ host, subset: name })),
  )
  return leaving
}
