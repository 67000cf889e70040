import type { Contact } from './contact.ts'
import { Belief, type BeliefOptions, PATIENCE_MS } from './held.ts'
import type { ConsulHttp } from './http.ts'
import { type CatalogService, hostOf, readCatalog } from './services.ts'
import type { ConsulSettings } from './settings.ts'
import { Watch } from './watch.ts'

const PATH = '/v1/catalog/services'

export interface NamesOptions {
  readonly http: ConsulHttp
  readonly settings: ConsulSettings
  readonly contact: Contact
  readonly onHeld: BeliefOptions<CatalogService>['onHeld']
  /** Called with all services by host; only once every datacenter has answered, or is known from before. */
  readonly onHosts: (hosts: ReadonlyMap<string, CatalogService>) => void
  /** Called with hosts that are over for good: their names went, and their grace with them. */
  readonly onGone: (hosts: readonly string[]) => void
}

/** Which services there are, in all datacenters. A name that went is kept for a while: its service may only be restarting. */
export class Names {
  readonly #options: NamesOptions
  readonly #datacenters = new Map<string, { readonly belief: Belief<CatalogService>; watch: Watch | undefined }>()
  readonly #leaving = new Map<string, { readonly service: CatalogService; readonly until: number }>()
  readonly #timer: NodeJS.Timeout
  #hosts: ReadonlyMap<string, CatalogService> = new Map()
  #own = ''

  constructor(options: NamesOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#drop(), 1_000)
    this.#timer.unref()
  }

  /** By host, with those that are leaving. */
  get hosts(): ReadonlyMap<string, CatalogService> {
    return this.#hosts
  }

  /** The agent's own datacenter, what hosts without one are of; empty before `begin`. */
  get own(): string {
    return this.#own
  }

  get beliefs(): readonly Belief<CatalogService>[] {
    return [...this.#datacenters.values()].map(({ belief }) => belief)
  }

  /** Begins to follow the catalogs, with what an earlier process knew of them to fall back to. */
  begin(own: string, known: readonly CatalogService[] = []): void {
    const { http, settings, contact } = this.#options
    this.#own = own
    // One that is not there any more has its grace, as if it had gone now.
    this.#hosts = new Map(known.filter(isOfMesh).map((service) => [hostOf(service, settings, own), service]))
    const all = new Set([own, ...settings.datacenters])
    for (const datacenter of all)
      this.#datacenters.set(datacenter, { belief: this.#belief(datacenter), watch: undefined })
    for (const [datacenter, { belief }] of this.#datacenters) {
      const before = known.filter((service) => service.datacenter === datacenter)
      if (before.length > 0) belief.spare(before)
    }
    for (const [datacenter, entry] of this.#datacenters)
      entry.watch = new Watch(http, {
        path: PATH,
        query: { dc: datacenter },
        waitMs: settings.waitMs,
        minGapMs: 1_000,
        onAnswer: ({ value, wentBack }) => entry.belief.offer(readCatalog(value, datacenter), wentBack),
        onContact: () => contact.answered(questionOf(datacenter)),
        onError: (error) => {
          contact.failed(questionOf(datacenter), error)
          entry.belief.fallBack()
        },
      })
  }

  /** Asks anew at once, whatever is under way. */
  again(): void {
    for (const { watch } of this.#datacenters.values()) watch?.again(0)
  }

  /** Those that wait to try again need not wait any longer. */
  retry(): void {
    for (const [datacenter, { watch }] of this.#datacenters)
      if (this.#options.contact.isFailing(questionOf(datacenter))) watch?.again(0)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const { watch, belief } of this.#datacenters.values()) {
      watch?.stop()
      belief.stop()
    }
  }

  #belief(datacenter: string): Belief<CatalogService> {
    const { http, settings, onHeld, contact } = this.#options
    return new Belief<CatalogService>({
      what: `services of ${datacenter}`,
      share: settings.shrinkShare,
      confirmMs: () => settings.confirmMs,
      idOf: ({ name }) => name,
      reread: async () => {
        const { value } = await http.json({ path: PATH, query: { dc: datacenter, consistent: '' } })
        return readCatalog(value, datacenter)
      },
      onList: () => this.#join(),
      onHeld,
      answering: () => contact.isAnswering(PATIENCE_MS),
    })
  }

  #join(): void {
    const { settings, onHosts } = this.#options
    const hosts = new Map<string, CatalogService>()
    for (const { list } of this.beliefs) {
      if (list === undefined) return
      for (const service of list.filter(isOfMesh)) hosts.set(hostOf(service, settings, this.#own), service)
    }
    const until = Date.now() + settings.nameGraceMs
    for (const [host, service] of this.#hosts)
      if (!hosts.has(host) && !this.#leaving.has(host)) this.#leaving.set(host, { service, until })
    for (const [host, { service }] of this.#leaving) {
      if (hosts.has(host)) this.#leaving.delete(host)
      else hosts.set(host, service)
    }
    this.#hosts = hosts
    onHosts(hosts)
  }

  #drop(): void {
    const now = Date.now()
    const over = [...this.#leaving].filter(([, { until }]) => until <= now).map(([host]) => host)
    if (over.length === 0) return
    const hosts = new Map(this.#hosts)
    for (const host of over) {
      this.#leaving.delete(host)
      hosts.delete(host)
    }
    this.#hosts = hosts
    this.#options.onHosts(hosts)
    this.#options.onGone(over)
  }
}

/** Consul's servers are no service of the mesh. */
function isOfMesh({ name }: CatalogService): boolean {
  return name !== 'consul'
}

function questionOf(datacenter: string): string {
  return `catalog of ${datacenter}`
}
