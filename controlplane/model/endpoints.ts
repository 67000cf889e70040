import type { WorkloadEntrySpec } from '../config/kinds/workload-entry.ts'
import type { ConfigObject } from '../config/object.ts'
import { hostPort, isLoopback } from '../config/syntax/address.ts'
import { endpointLabels, localityOf, withPlace, workloadLabels } from '../config/syntax/place-labels.ts'
import { cells, sameItems } from './cells.ts'
import type { DiscoveredEndpoint, DiscoveryReader } from './discovery.ts'
import type { Draining } from './draining.ts'
import { own } from './own.ts'
import { type Endpoint, type Locality, placesOfItself, type Service, type ServicePort } from './service.ts'
import { type Registry, type ServiceEntry, serviceKey } from './services.ts'
import { isSupposing } from './supposition.ts'
import type { World } from './world.ts'

type WorkloadEntry = ConfigObject<WorkloadEntrySpec>

/** The endpoints of services. Reads are tracked. */
export interface Endpoints {
  /**
   * Endpoints of one port for somebody who is served them: those of a registry are kept up to date from now on, and those
   * that left a moment ago are listed as draining, behind the others.
   */
  serve(service: Service, port: ServicePort): readonly Endpoint[]
  /** The same for somebody who only looks: no registry is asked, those that left are left out. */
  look(service: Service, port: ServicePort): readonly Endpoint[]
  /** Those on loopback that ServiceEntries list, as `host:port`. */
  local(service: Service, port: ServicePort): readonly string[]
  /** Whether all endpoints of a service have been read; while they have not, a list says nothing. */
  known(service: Service): boolean
}

/**
 * Endpoints of one port of a service: written in its entries, the WorkloadEntries their selectors choose, and what a registry has
 * under its name.
 */
export function createEndpoints(
  world: World,
  registry: Registry,
  discovery: DiscoveryReader,
  draining: Draining | undefined,
): Endpoints {
  // What is remembered is made of the owner and of what its key says, and of nothing else.
  const inline = new WeakMap<ServiceEntry, Map<string, readonly Endpoint[]>>()
  const themselves = new WeakMap<Service, Map<string, Endpoint>>()
  const selected = new WeakMap<WorkloadEntry, Map<string, Endpoint>>()
  const discovered = new WeakMap<DiscoveredEndpoint, Map<string, Endpoint>>()

  const family = cells<readonly Endpoint[]>(
    (key) => {
      const cut = key.lastIndexOf('\n')
      const service = registry.current(key.slice(0, cut))
      const number = Number(key.slice(cut + 1))
      const shared = service?.ports.find((candidate) => candidate.number === number)
      if (!service || !shared) return []
      return registry.entries(service).flatMap((entry) => {
        if (registry.isDiscovered(entry))
          return (discovery.endpoints(service.hostname) ?? []).map((instance) =>
            memo(discovered, instance, `${entry.key} ${portKey(shared)}`, () =>
              fromRegistry(world, entry, instance, shared),
            ),
          )
        const port = portOfEntry(shared, entry)
        if (!port) return []
        const labels = entry.spec.workloadSelector?.labels
        if (entry.spec.workloadSelector)
          return world
            .inNamespace<WorkloadEntrySpec>('WorkloadEntry', entry.namespace)
            .filter((workload) => labels && matchesLabels(labels, workloadLabels(workload)))
            .map((workload) => memo(selected, workload, portKey(port), () => fromWorkload(world, workload, port)))
        if (!entry.spec.endpoints?.length)
          return placesOfItself(service).map((address) => {
            const key = JSON.stringify([address, port.number, port.targetPort, entry.labels])
            return memo(themselves, service, key, () => itself(service, address, port, entry.labels))
          })
        return memo(inline, entry, portKey(port), () => fromEntry(world, entry, port))
      })
    },
    sameItems,
    { lasting: registry.declared },
  )

  const look: Endpoints['look'] = (service, port) =>
    family(`${serviceKey(service.hostname, service.namespace)}\n${port.number}`)
  const local = cells<readonly string[]>(
    (key) => {
      const cut = key.lastIndexOf('\n')
      const service = registry.current(key.slice(0, cut))
      const shared = service?.ports.find(({ number }) => number === Number(key.slice(cut + 1)))
      if (!service || !shared) return []
      return registry.entries(service).flatMap((entry) => {
        const port = portOfEntry(shared, entry)
        if (!port) return []
        return (entry.spec.endpoints ?? []).flatMap((endpoint) => {
          const { address = '' } = endpoint
          return isLoopback(address) ? [hostPort(address, portOf(endpoint, port))] : []
        })
      })
    },
    sameItems,
    { lasting: registry.declared },
  )
  const isDiscovered = (service: Service) => registry.entries(service).some(registry.isDiscovered)

  return {
    look,
    local: (service, port) => local(`${serviceKey(service.hostname, service.namespace)}\n${port.number}`),
    known: (service) => !isDiscovered(service) || discovery.endpoints(service.hostname) !== undefined,
    serve(service, port) {
      if (isDiscovered(service) && !isSupposing()) discovery.use(service.hostname)
      const present = look(service, port)
      if (!draining) return present
      const key = `${serviceKey(service.hostname, service.namespace)}\n${port.number}`
      const left = draining.follow(key, () => family(key))
      return left.length === 0 ? present : [...present, ...left]
    },
  }
}

/**
 * A port of a service as one of its entries has it: what it is called there and where its endpoints serve it, which other entries of the same
 * host may say otherwise. Undefined when the entry has no such port.
 */
function portOfEntry(shared: ServicePort, { spec }: ServiceEntry): ServicePort | undefined {
  const port = spec.ports?.find(({ number }) => number === shared.number)
  return port && { ...shared, name: port.name ?? '', targetPort: port.targetPort || undefined }
}

/** Whether labels hold every pair of a selector; an empty selector fits everything. */
export function matchesLabels(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value)
}

/** A service that is found by its own name or address. */
function itself(service: Service, address: string, port: ServicePort, labels: Endpoint['labels']): Endpoint {
  return {
    address,
    port: port.targetPort ?? port.number,
    labels,
    locality: NO_LOCALITY,
    weight: 1,
    origin: service.origin,
  }
}

function fromEntry(world: World, entry: ServiceEntry, port: ServicePort): readonly Endpoint[] {
  return (entry.spec.endpoints ?? []).map((endpoint, index) =>
    toEndpoint(endpoint, endpointLabels(endpoint), port, world.origin(entry, ['spec', 'endpoints', index])),
  )
}

function fromWorkload(world: World, workload: WorkloadEntry, port: ServicePort): Endpoint {
  return toEndpoint(workload.spec, workloadLabels(workload), port, world.origin(workload, ['spec', 'address']))
}

function fromRegistry(world: World, entry: ServiceEntry, instance: DiscoveredEndpoint, port: ServicePort): Endpoint {
  const { address, labels, locality, weight, health } = instance
  return {
    address,
    port: own(instance.ports, port.name) ?? port.targetPort ?? instance.port,
    labels: withPlace(labels, locality.region && `${locality.region}/${locality.zone}/${locality.subZone}`),
    locality,
    weight,
    ...(health === 'healthy' ? {} : { health }),
    origin: world.origin(entry, ['spec', 'hosts', 0]),
  }
}

function toEndpoint(
  spec: WorkloadEntrySpec,
  labels: Readonly<Record<string, string>>,
  port: ServicePort,
  origin: Endpoint['origin'],
): Endpoint {
  const address = spec.address ?? ''
  return {
    address,
    port: address.startsWith('unix://') ? 0 : portOf(spec, port),
    labels,
    locality: parseLocality(localityOf(spec, labels)),
    weight: spec.weight || 1,
    origin,
  }
}

function portOf({ ports = {} }: WorkloadEntrySpec, { number, name, targetPort }: ServicePort): number {
  return own(ports, name) ?? targetPort ?? number
}

const NO_LOCALITY: Locality = { region: '', zone: '', subZone: '' }

/** `region/zone/subzone`, later parts optional. */
export function parseLocality(text: string): Locality {
  const [region = '', zone = '', subZone = ''] = text.split('/')
  return region ? { region, zone, subZone } : NO_LOCALITY
}

function portKey(port: ServicePort): string {
  return `${port.number}/${port.name}/${port.targetPort ?? ''}`
}

function memo<K extends object, V>(store: WeakMap<K, Map<string, V>>, owner: K, key: string, make: () => V): V {
  let values = store.get(owner)
  if (!values) {
    values = new Map()
    store.set(owner, values)
  }
  let value = values.get(key)
  if (value === undefined) {
    value = make()
    values.set(key, value)
  }
  return value
}
