import type { VirtualHost } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { duration, make } from '../../proto/make.ts'
import type { Origin } from '../config/object.ts'
import { type Cells, cells } from '../model/cells.ts'
import { whilePresent } from '../model/lasting.ts'
import { ADS } from './listeners/config-source.ts'
import { eagerTable, isOnDemandTable, splitVirtualHostName, virtualHostName } from './names.ts'
import type { VirtualHostsOnDemand } from './resource.ts'
import { type CompiledVirtualHost, MAX_DIRECT_RESPONSE_BYTES, type RouteTable, routeClusters } from './routes/index.ts'

export interface VirtualHostSources {
  tables(): readonly string[]
  table(name: string): RouteTable | undefined
}

/**
 * How long a listener waits for the beginning of its virtual hosts. They are asked for by each request anyway, so that an
 * answer that is late costs nothing.
 */
const OPENING_MS = 50

/** Clusters sent along with a virtual host; one that may lead to more leaves it to the requests which they need. */
const MOST_CLUSTERS = 8

const NONE: readonly string[] = []

/**
 * Virtual hosts on demand (docs/decisions/on-demand.md). One resource stands for one authority that was asked for, whichever
 * domain of its virtual host that is: so no domain ever stands twice in Envoy's table, which Envoy would refuse while the
 * request that asked waits for ever.
 */
export class LazyVirtualHosts implements VirtualHostsOnDemand {
  readonly #sources: VirtualHostSources
  readonly #table: Cells<RouteTable | undefined>
  readonly #found: Cells<CompiledVirtualHost | undefined>

  constructor(sources: VirtualHostSources) {
    this.#sources = sources
    // A proxy that has just been told to take all at once still asks until its new listener is ready.
    this.#table = cells(
      (name) => (isOnDemandTable(name) ? (sources.table(name) ?? sources.table(eagerTable(name))) : undefined),
      undefined,
      {
        lasting: whilePresent({
          present: () => sources.tables(),
          has: (all, name) => all.includes(name) || all.includes(eagerTable(name)),
        }),
      },
    )
    this.#found = cells((name) => this.#find(name))
  }

  /** All virtual hosts by one of their names, for dumps and comparisons. */
  names(): readonly string[] {
    return this.#tables().flatMap((table) =>
      (this.#sources.table(table)?.domains ?? []).map((domain) => virtualHostName(table, domain)),
    )
  }

  /** The virtual host for one authority. Its own name must be that of the resource, or Envoy could not let go of it. */
  compile(name: string): { readonly message: VirtualHost; readonly origins: readonly Origin[] } | undefined {
    const found = this.#found(name)
    if (!found) return undefined
    const { authority } = splitVirtualHostName(name)
    return { message: { ...found.message, name, domains: [authority] }, origins: found.origins }
  }

  openings(): readonly string[] {
    return this.#tables().map(openingName)
  }

  clusters(name: string): readonly string[] {
    const found = this.#find(name)
    if (!found) return NONE
    const clusters = new Set(found.message.routes.flatMap(routeClusters))
    return clusters.size > MOST_CLUSTERS ? NONE : [...clusters]
  }

  stranger(name: string): boolean {
    const { authority } = splitVirtualHostName(name)
    const domains = this.#find(name)?.message.domains
    return domains !== undefined && !domains.some((domain) => domain.toLowerCase() === authority)
  }

  forget(name: string): void {
    this.#found.forget(name)
  }

  #find(name: string): CompiledVirtualHost | undefined {
    const { table, authority } = splitVirtualHostName(name)
    return authority === '' ? undefined : this.#table(table)?.hostFor(authority)
  }

  #tables(): readonly string[] {
    return this.#sources.tables().filter(isOnDemandTable)
  }
}

/** A name of the table that no authority can be: Envoy takes lower case. */
export function openingName(table: string): string {
  return virtualHostName(table, '__NONE__')
}

/** The route table of a name whose virtual hosts come on demand, or undefined for other tables. It does not change with them. */
export function emptyTable(name: string, tables: readonly string[]): RouteConfiguration | undefined {
  if (!isOnDemandTable(name) || !tables.includes(name)) return undefined
  return make(RouteConfigurationSchema, {
    name,
    vhds: { configSource: { ...ADS, initialFetchTimeout: duration(OPENING_MS) } },
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  })
}
