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

interface Datacenter {
  /** Another one when the agent's own datacenter gets another name. */
  name: string
  /** What its complaints go by, whatever its name was when they began. */
  readonly question: string
  readonly belief: Belief<CatalogService>
  readonly watch: Watch
}

/**
 * Which services there are, in all datacenters. A name that went is kept for a while: its service may only be restarting. The agent's own
 * datacenter is asked for without its name, which may change.
 */
export class Names {
  readonly #options: NamesOptions
  #datacenters: readonly Datacenter[] = []
  readonly #leaving = new Map<string, { readonly service: CatalogService; readonly until: number }>()
  readonly #timer: NodeJS.Timeout
  #hosts: ReadonlyMap<string, CatalogService> = new Map()
  #own = ''
  /** Runs from the answer of the own datacenter on: the others are not waited for any longer when it is over. */
  #patience: NodeJS.Timeout | undefined
  #impatient = false

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
    return this.#datacenters.map(({ belief }) => belief)
  }

  /** What is believed of each service, in every datacenter. */
  get known(): readonly CatalogService[] {
    return this.#datacenters.flatMap(({ name, belief }) => labelled(belief.list ?? [], name))
  }

  /** Whether what a datacenter tells is certain not to be all there is. */
  isFiltered(datacenter: string): boolean {
    return this.#datacenters.find(({ name }) => name === datacenter)?.belief.held?.why === 'filtered'
  }

  /** Begins to follow the catalogs, with what an earlier process knew of them to fall back to. */
  begin(own: string, known: readonly CatalogService[] = []): void {
    const { settings } = this.#options
    this.#own = own
    // One that is not there any more has its grace, as if it had gone now.
    this.#hosts = new Map(known.filter(isOfMesh).map((service) => [hostOf(service, settings, own), service]))
    const others = [...new Set(settings.datacenters)].filter((name) => name !== own)
    this.#datacenters = [this.#follow(own, {}), ...others.map((name) => this.#follow(name, { dc: name }))]
    for (const { name, belief } of this.#datacenters) {
      const before = known.filter((service) => service.datacenter === name)
      if (before.length > 0) belief.spare(before)
    }
  }

  /** The agent's own datacenter has another name: hosts stay, for they do not carry it. */
  rename(own: string): void {
    const [mine, ...others] = this.#datacenters
    if (!mine || own === this.#own) return
    for (const { watch, belief } of others.filter(({ name }) => name === own)) {
      watch.stop()
      belief.stop()
    }
    mine.name = own
    this.#own = own
    this.#datacenters = [mine, ...others.filter(({ name }) => name !== own)]
    this.#join()
  }

  /** Asks anew at once, whatever is under way. */
  again(): void {
    for (const { watch } of this.#datacenters) watch.again(0)
  }

  /** Those that wait to try again need not wait any longer. */
  retry(): void {
    for (const { question, watch } of this.#datacenters) if (this.#options.contact.isFailing(question)) watch.again(0)
  }

  stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#patience)
    for (const { watch, belief } of this.#datacenters) {
      watch.stop()
      belief.stop()
    }
  }

  #follow(first: string, query: Readonly<Record<string, string>>): Datacenter {
    const { http, settings, onHeld, contact } = this.#options
    const read = (value: unknown) => readCatalog(value, datacenter.name)
    const belief = new Belief<CatalogService>({
      get what() {
        return `services of ${datacenter.name}`
      },
      share: settings.shrinkShare,
      confirmMs: () => settings.confirmMs,
      idOf: ({ name }) => name,
      // Consul's servers are a service in every catalog: who does not see it any more may not see others either.
      filtered: (list, before) => before.some(isConsul) && !list.some(isConsul),
      reread: async () => read((await http.json({ path: PATH, query: { ...query, consistent: '' } })).value),
      onList: () => this.#join(),
      onHeld,
      answering: () => contact.isAnswering(PATIENCE_MS),
    })
    const question = `catalog of ${first}`
    const watch = new Watch(http, {
      ...{ path: PATH, query, waitMs: settings.waitMs, minGapMs: 1_000 },
      onAnswer: ({ value, wentBack }) => belief.offer(read(value), wentBack),
      onContact: () => contact.answered(question),
      onError: (error) => {
        contact.failed(question, error)
        belief.fallBack()
      },
    })
    const datacenter: Datacenter = { name: first, question, belief, watch }
    return datacenter
  }

  #join(): void {
    const { settings, onHosts } = this.#options
    const hosts = new Map<string, CatalogService>()
    for (const { name, belief } of this.#datacenters) {
      if (belief.list === undefined && name !== this.#own && this.#impatient) continue
      if (belief.list === undefined) return
      this.#patience ??= setTimeout(() => this.#loseWait(), settings.confirmMs).unref()
      for (const service of labelled(belief.list, name).filter(isOfMesh))
        hosts.set(hostOf(service, settings, this.#own), service)
    }
    const until = performance.now() + settings.nameGraceMs
    for (const [host, service] of this.#hosts)
      if (!hosts.has(host) && !this.#leaving.has(host)) this.#leaving.set(host, { service, until })
    for (const [host, { service }] of this.#leaving) {
      if (hosts.has(host)) this.#leaving.delete(host)
      else hosts.set(host, service)
    }
    this.#hosts = hosts
    onHosts(hosts)
  }

  #loseWait(): void {
    this.#impatient = true
    this.#join()
  }

  #drop(): void {
    const now = performance.now()
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

function isConsul({ name }: CatalogService): boolean {
  return name === 'consul'
}

/** Consul's servers are no service of the mesh. */
function isOfMesh(service: CatalogService): boolean {
  return !isConsul(service)
}

/** With the name their datacenter has now. */
function labelled(services: readonly CatalogService[], datacenter: string): readonly CatalogService[] {
  return services.map((service) => (service.datacenter === datacenter ? service : { ...service, datacenter }))
}
