import type { ConfigObject } from '../../config/object.ts'
import { isObject } from '../../config/plain-object.ts'
import { splitGeneration } from '../../xds/names.ts'
import type { ClassChanges } from './class-changes.ts'

const MOST_SERVICES = 1_000

/**
 * Hostnames of services a change touches: those its documents name (full names for short ones of the same namespace), and those
 * whose clusters or endpoints differ for some proxy.
 * @param changed keys of the objects that differ
 */
export function affectedServices(
  before: ReadonlyMap<string, ConfigObject>,
  after: ReadonlyMap<string, ConfigObject>,
  classes: readonly ClassChanges[],
  changed: readonly string[],
): readonly string[] {
  const found = new Set<string>()
  for (const key of changed) {
    for (const object of [before.get(key), after.get(key)])
      if (object) for (const host of hostsOf(object.spec)) found.add(fullName(host, object.namespace))
  }
  for (const { types } of classes)
    for (const { type, added, changed, removed } of types) {
      if (type !== 'cds' && type !== 'eds') continue
      for (const name of [...added, ...changed, ...removed]) {
        const parts = splitGeneration(name).cluster.split('|')
        if (parts.length === 4 && parts[3]) found.add(parts[3])
      }
    }
  return [...found].sort().slice(0, MOST_SERVICES)
}

/** Values of `host` and `hosts` wherever they stand. */
export function hostsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(hostsOf)
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'host' && typeof inner === 'string') return [inner]
    if (key === 'hosts' && Array.isArray(inner)) return inner.filter((one): one is string => typeof one === 'string')
    return hostsOf(inner)
  })
}

function fullName(host: string, namespace: string): string {
  return host.includes('.') || host.includes('*') ? host.toLowerCase() : `${host}.${namespace}.svc.cluster.local`
}
