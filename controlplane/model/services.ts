import type { ServiceEntrySpec } from '../config/kinds/service-entry.ts'
import type { ConfigObject, Origin } from '../config/object.ts'
import { push } from '../config/push.ts'
import { type Cell, cell, cells, sameEntries, sameItems } from './cells.ts'
import type { DiscoveryReader } from './discovery.ts'
import { type Lasting, whilePresent } from './lasting.ts'
import { Memory } from './memory.ts'
import { portProtocol, type Resolution, type Service, type ServicePort } from './service.ts'
import type { MeshSettings } from './settings.ts'
import type { World } from './world.ts'

export type ServiceEntry = ConfigObject<ServiceEntrySpec>

/** All services of the registry, and the ServiceEntries each one is made of. */
export interface Registry {
  /** Every service in order of precedence of its ServiceEntry; (hostname, namespace) is unique. Blind to endpoints. */
  services: Cell<readonly Service[]>
  /** The same by hostname, several where namespaces declare the same one. */
  byHostname: Cell<ReadonlyMap<string, readonly Service[]>>
  /** Namespaces that have services. */
  namespaces: Cell<ReadonlySet<string>>
  /** The service of a `serviceKey` as it is at present. */
  current(key: string): Service | undefined
  /** Of keys that are a `serviceKey`, or begin with one and a line end: whether the service is still declared. */
  readonly declared: Lasting
  /** The ServiceEntries that declare a service, newest content: their endpoints together are the service's. */
  entries(service: Service): readonly ServiceEntry[]
  /** Whether an entry stands for a service of a registry: its endpoints are the registry's. */
  isDiscovered(entry: ServiceEntry): boolean
}

/**
 * Services from ServiceEntries. Several entries for one host and namespace are one service: ports are united (the first
 * to declare a number wins), endpoints add up, as in Istio.
 *
 * A service of a registry (Consul) that a document declares too is that service: what the document says counts, in the
 * document's namespace, and the endpoints of both add up.
 */
export function createRegistry(world: World, settings: Cell<MeshSettings>, discovery: DiscoveryReader): Registry {
  const known = new Memory<string, Known>()
  const discovered = new WeakSet<ServiceEntry>()
  const isDiscovered = (entry: ServiceEntry) => discovered.has(entry)

  const declaring = cell(() => namespacesOf(world))
  const grouped = cell(() => {
    const told = discovery.services()
    for (const entry of told) discovered.add(entry)
    return entriesByService(world, told, declaring)
  })

  const services = cell(() => {
    const defaultExportTo = settings().exportTo.service
    const list: Service[] = []
    for (const [key, entries] of grouped()) {
      const hostname = key.slice(0, key.indexOf('\n'))
      const before = known.get(key)
      // One endpoint of one service changes far more often than anything else does: the others cost a comparison.
      if (before && before.defaultExportTo === defaultExportTo && sameItems(before.entries, entries)) {
        list.push(before.service)
        continue
      }
      const service = toService(world, hostname, key.slice(key.indexOf('\n') + 1), entries, {
        defaultExportTo,
        isDiscovered,
      })
      const present = before && isSame(before.service, service) ? before.service : service
      known.set(key, { entries, defaultExportTo, service: present })
      list.push(present)
    }
    known.keep((key) => grouped().has(key))
    return list as readonly Service[]
  }, sameItems)

  const byHostname = cell(() => {
    const map = new Map<string, Service[]>()
    for (const service of services()) {
      push(map, service.hostname, service)
    }
    return map as ReadonlyMap<string, readonly Service[]>
  }, sameEntries)

  const namespaces = cell(() => new Set(services().map(({ namespace }) => namespace)))

  // A cell per service: who reads the entries of one has no part in changes of the others.
  const declared = whilePresent({ present: grouped, has: (groups, key) => groups.has(serviceOf(key)) })
  const entriesOf = cells<readonly ServiceEntry[]>((key) => grouped().get(key) ?? [], sameItems, {
    lasting: declared,
  })

  // As above: a cell per service.
  const current = cells<Service | undefined>(
    (key) => {
      const cut = key.indexOf('\n')
      const namespace = key.slice(cut + 1)
      return byHostname()
        .get(key.slice(0, cut))
        ?.find((service) => service.namespace === namespace)
    },
    undefined,
    { lasting: declared },
  )

  return {
    services,
    byHostname,
    namespaces,
    current,
    declared,
    entries: (service) =>
      entriesOf(serviceKey(service.hostname, service.namespace)).map((entry) =>
        isDiscovered(entry) ? entry : world.current(entry),
      ),
    isDiscovered,
  }
}

/** Namespaces in which documents declare a host. */
function namespacesOf(world: World): ReadonlyMap<string, ReadonlySet<string>> {
  const namespaces = new Map<string, Set<string>>()
  for (const entry of world.all<ServiceEntrySpec>('ServiceEntry'))
    for (const host of entry.spec.hosts) {
      const set = namespaces.get(host.toLowerCase())
      if (set) set.add(entry.namespace)
      else namespaces.set(host.toLowerCase(), new Set([entry.namespace]))
    }
  return namespaces
}

/** The entries of each service by its `serviceKey`: those of documents, then what a registry tells, in whichever namespaces documents declare it. */
function entriesByService(
  world: World,
  discovered: readonly ServiceEntry[],
  declaring: () => ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlyMap<string, readonly ServiceEntry[]> {
  const groups = new Map<string, ServiceEntry[]>()
  for (const entry of world.all<ServiceEntrySpec>('ServiceEntry'))
    for (const host of new Set(entry.spec.hosts.map((name) => name.toLowerCase())))
      push(groups, serviceKey(host, entry.namespace), entry)
  for (const entry of discovered) {
    const host = entry.spec.hosts[0]!
    for (const namespace of declaring().get(host) ?? [entry.namespace]) push(groups, serviceKey(host, namespace), entry)
  }
  return groups
}

/** A service as it was last made, and what from. */
interface Known {
  readonly entries: readonly ServiceEntry[]
  readonly defaultExportTo: readonly string[]
  readonly service: Service
}

/** Whether two are alike and from the same document, wherever in it. Texts are made only when there are two: most services never change. */
function isSame(a: Service, b: Service): boolean {
  const shape = ({ origin: _, ...parts }: Service) => JSON.stringify(parts)
  return a.origin.object.key === b.origin.object.key && shape(a) === shape(b)
}

/** The `serviceKey` that a key begins with. */
function serviceOf(key: string): string {
  const end = key.indexOf('\n', key.indexOf('\n') + 1)
  return end < 0 ? key : key.slice(0, end)
}

/** What a service is kept under: two of one host in different namespaces are two. */
export function serviceKey(hostname: string, namespace: string): string {
  return `${hostname}\n${namespace}`
}

function toService(
  world: World,
  hostname: string,
  namespace: string,
  entries: readonly ServiceEntry[],
  options: { readonly defaultExportTo: readonly string[]; readonly isDiscovered: (entry: ServiceEntry) => boolean },
): Service {
  const { defaultExportTo, isDiscovered } = options
  const first = entries[0]!
  const spec = first.spec
  // An entry without ports says nothing of how to reach those of the others.
  const { resolution } = (entries.find((entry) => entry.spec.ports?.length) ?? first).spec
  const ports = new Map<number, ServicePort>()
  for (const entry of entries) {
    // A registry knows ports by convention only: those a document declares replace them.
    if (ports.size > 0 && isDiscovered(entry)) continue
    for (const port of entry.spec.ports ?? [])
      if (!ports.has(port.number))
        ports.set(port.number, {
          number: port.number,
          name: port.name ?? '',
          ...portProtocol(port.protocol, port.name),
          targetPort: port.targetPort || undefined,
        })
  }
  return {
    hostname,
    namespace,
    ports: [...ports.values()],
    addresses: [...new Set(entries.flatMap((entry) => entry.spec.addresses ?? []))],
    resolution: entries.some(isDiscovered) ? 'STATIC' : ((resolution ?? 'NONE') as Resolution),
    meshExternal: (spec.location ?? 'MESH_EXTERNAL') === 'MESH_EXTERNAL',
    exportTo: spec.exportTo?.length ? spec.exportTo : defaultExportTo,
    subjectAltNames: spec.subjectAltNames ?? [],
    interfaceName: first.annotations['interface'] || undefined,
    origin: world.movingOrigin(first, ({ spec: { hosts } }) => placeOfHost(hosts, hostname)),
  }
}

/** Of the list when the host is not in it any more. */
function placeOfHost(hosts: readonly string[], hostname: string): Origin['path'] {
  const index = hosts.findIndex((host) => host.toLowerCase() === hostname)
  return index < 0 ? ['spec', 'hosts'] : ['spec', 'hosts', index]
}
