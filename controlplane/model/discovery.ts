import type { ServiceEntrySpec } from '../config/kinds/service-entry.ts'
import type { ConfigObject } from '../config/object.ts'
import { batch, cell, type Source, sameItems, source, unrecorded } from './cells.ts'
import { sweeping } from './lasting.ts'
import type { EndpointHealth, Locality } from './service.ts'
import { isSupposing } from './supposition.ts'

/** An instance of a service as a registry has it. Immutable; equal content should keep the same object. */
export interface DiscoveredEndpoint {
  /** Unique in its service. */
  readonly id: string
  readonly address: string
  readonly port: number
  /** Port by name of the service port, where it differs from `port`. */
  readonly ports: Readonly<Record<string, number>>
  readonly labels: Readonly<Record<string, string>>
  readonly locality: Locality
  readonly weight: number
  readonly health: EndpointHealth
}

export type DiscoveredService = ConfigObject<ServiceEntrySpec>

/** What the model reads of registries outside of the configuration. Reads are tracked. */
export interface DiscoveryReader {
  /** Services, each as a ServiceEntry of one host without endpoints, in a stable order. */
  services(): readonly DiscoveredService[]
  /** Endpoints of a host; undefined while they have not been read. */
  endpoints(hostname: string): readonly DiscoveredEndpoint[] | undefined
  /** Says that somebody is served the endpoints of this host: from now on they are kept up to date. */
  use(hostname: string): void
}

/** No registry at all. */
export const NO_DISCOVERY: DiscoveryReader = { services: () => [], endpoints: () => [], use: () => {} }

/**
 * What registries know, as the model reads it, and what the model wants of them: names of all services, but endpoints only
 * of those that somebody is served. A registry writes with `change`; it hears of hosts by `onWanted` and asks with `sweep`
 * which of them nobody reads any more.
 */
export class Discovery implements DiscoveryReader {
  readonly #services = source<readonly DiscoveredService[]>([], 'discovered services')
  readonly #endpoints = new Map<string, Source<readonly DiscoveredEndpoint[] | undefined>>()
  readonly #hosts = cell(() => new Set(this.#services.value.map(({ spec }) => spec.hosts[0])))
  /** Who reads the endpoints of a service that is gone looks again should it come back: the list of services is another one then. */
  readonly #forgetGone = sweeping({
    present: () => this.#hosts(),
    has: (hosts, hostname) => hosts.has(hostname) || this.#used.has(hostname),
  })
  readonly #round = source(0, 'discovery round')
  /** Hosts in use, with the round in which they were last read. */
  readonly #used = new Map<string, number>()
  readonly #wantedListeners = new Set<(hostname: string) => void>()
  readonly #changeListeners = new Set<() => void>()

  services(): readonly DiscoveredService[] {
    return this.#services.value
  }

  endpoints(hostname: string): readonly DiscoveredEndpoint[] | undefined {
    return isSupposing() && !this.#endpoints.has(hostname) ? undefined : this.#source(hostname).value
  }

  use(hostname: string): void {
    const before = this.#used.get(hostname)
    this.#used.set(hostname, this.#round.value)
    if (before === undefined) for (const listener of this.#wantedListeners) listener(hostname)
  }

  /** Hosts whose endpoints somebody is served. */
  wanted(): readonly string[] {
    return [...this.#used.keys()]
  }

  /** Calls back, once each time it begins to be in use, with a host. Runs inside computations: it must only take note. */
  onWanted(listener: (hostname: string) => void): () => void {
    this.#wantedListeners.add(listener)
    return () => this.#wantedListeners.delete(listener)
  }

  /** Calls back after each change. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener)
    return () => this.#changeListeners.delete(listener)
  }

  /** Makes several writes one change. Listeners are told only if something differs. */
  change(write: (to: { services(list: readonly DiscoveredService[]): void; endpoints: SetEndpoints }) => void): void {
    let changed = false
    batch(() =>
      write({
        services: (list) => {
          if (sameItems(list, this.#services.peek())) return
          this.#services.value = list
          changed = true
        },
        endpoints: (hostname, list) => {
          const present = this.#source(hostname)
          const before = present.peek()
          if (before === list || (before && list && sameItems(before, list))) return
          present.value = list
          changed = true
        },
      }),
    )
    if (changed) for (const listener of [...this.#changeListeners]) listener()
  }

  /**
   * Starts another round: whoever is served reads again. Returns the hosts that nobody read since the last call; they are not
   * in use any more, and their endpoints are forgotten.
   */
  sweep(): readonly string[] {
    const round = this.#round.peek()
    const idle = [...this.#used].filter(([, last]) => last < round).map(([hostname]) => hostname)
    for (const hostname of idle) this.#used.delete(hostname)
    this.change(({ endpoints }) => {
      for (const hostname of idle) endpoints(hostname, undefined)
    })
    this.#round.value = round + 1
    for (const listener of [...this.#changeListeners]) listener()
    return idle
  }

  #source(hostname: string): Source<readonly DiscoveredEndpoint[] | undefined> {
    let present = this.#endpoints.get(hostname)
    if (!present) {
      present = source<readonly DiscoveredEndpoint[] | undefined>(undefined)
      this.#endpoints.set(hostname, present)
      unrecorded(() => this.#forgetGone(this.#endpoints, hostname))
    }
    return present
  }
}

type SetEndpoints = (hostname: string, list: readonly DiscoveredEndpoint[] | undefined) => void
