import type { DestinationRuleSpec } from './config/kinds/destination-rule.ts'
import type { ServiceEntrySpec } from './config/kinds/service-entry.ts'
import type { ConfigObject } from './config/object.ts'
import type { World } from './model/index.ts'

/** A host that is about to lose a port, a subset or everything, as its document names it. */
export interface LeavingHost {
  readonly host: string
  readonly namespace: string
}

/**
 * Hosts of which some cluster may exist in the world and not in `next`. More than that may be among them, none is missing but
 * those that go because of visibility.
 */
export function leavingHosts(world: World, next: ReadonlyMap<string, ConfigObject>): readonly LeavingHost[] {
  const leaving: LeavingHost[] = []
  const lose = <Spec>(kind: string, partsOf: (spec: Spec) => readonly string[], hostOf: (part: string) => string) => {
    for (const old of world.all<Spec>(kind)) {
      const now = next.get(old.key) as ConfigObject<Spec> | undefined
      if (now === old || now?.spec === old.spec) continue
      const left = new Set(now ? partsOf(now.spec) : [])
      const hosts = new Set(partsOf(old.spec).flatMap((part) => (left.has(part) ? [] : [hostOf(part)])))
      for (const host of hosts) leaving.push({ host, namespace: old.namespace })
    }
  }
  lose<ServiceEntrySpec>(
    'ServiceEntry',
    ({ hosts = [], ports = [] }) => hosts.flatMap((host) => ports.map(({ number }) => `${host}\n${number}`)),
    (part) => part.split('\n', 1)[0]!,
  )
  lose<DestinationRuleSpec>(
    'DestinationRule',
    ({ host, subsets = [] }) => subsets.map(({ name }) => `${host}\n${name}`),
    (part) => part.split('\n', 1)[0]!,
  )
  return leaving
}
