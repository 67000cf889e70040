import type { Contact } from '../contact.ts'
import type { ConsulHttp } from '../http.ts'
import { mayRead } from '../rights.ts'
import type { ConsulSettings } from '../settings.ts'
import { Watch } from '../watch.ts'
import { Belief, type BeliefOptions, type Held, PATIENCE_MS } from './held.ts'
import { type CatalogService, hostOf, readCatalog } from './services.ts'

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

interface Leaving {
  readonly service: CatalogService
  readonly until: number
  /** While the token may not see it, wherever it is: then time does not end it. */
  readonly hidden?: Held
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
  readonly #leaving = new Map<string, Leaving>()
  #dropping = false
  readonly #timer: NodeJS.Timeout
  #hosts: ReadonlyMap<string, CatalogService> = new Map()
  #own = ''
  /** Runs from the answer of the own datacenter on: the others are not waited for any longer when it is over. */
  #patience: NodeJS.Timeout | undefined
  #impatient = false

  constructor(options: NamesOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#drop(), 1_000)
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

  /** What waits to be confirmed, or may. */
  get beliefs(): readonly Pick<Belief<CatalogService>, 'held' | 'confirm'>[] {
    const hidden = [...this.#leaving].flatMap(([host, { hidden: held }]) =>
      held ? [{ held, confirm: () => this.#end([host]) }] : [],
    )
    return [...this.#datacenters.map(({ belief }) => belief), ...hidden]
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
    for (const { question, watch } of this.#datacenters) if (this.#options.contact.isFailing(question)) watch.retry()
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
      visible: (lost) => mayRead(http, lost.map(readable), query),
      reread: async () => read((await http.json({ path: PATH, query: { ...query, consistent: '' } })).value),
      onList: () => this.#join(),
      onHeld,
      answering: () => contact.isAnswering(PATIENCE_MS),
    })
    const question = `catalog of ${first}`
    const watch = new Watch(http, {
      ...{ path: PATH, query, waitMs: settings.waitMs, minGapMs: 1_000 },
      onAnswer: ({ value, wentBack }) => belief.offer(read(value), wentBack),
      onContact: (isWell) => contact.answered(isWell ? question : undefined),
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
      if (hosts.has(host)) {
        if (this.#leaving.get(host)?.hidden) this.#options.onHeld(host, undefined)
        this.#leaving.delete(host)
      } else hosts.set(host, service)
    }
    this.#hosts = hosts
    onHosts(hosts)
  }

  #loseWait(): void {
    this.#impatient = true
    this.#join()
  }

  /** Ends those whose grace is over; not what the token may not see any more. */
  async #drop(): Promise<void> {
    const now = performance.now()
    const over = [...this.#leaving].filter(([, { until }]) => until <= now)
    if (over.length === 0 || this.#dropping) return
    this.#dropping = true
    try {
      const hidden = new Set<string>()
      for (const name of new Set(over.map(([, { service }]) => service.datacenter))) {
        const mine = over.filter(([, { service }]) => service.datacenter === name)
        const query = name === this.#own ? {} : { dc: name }
        // One question for all, and one for each only where something may not be seen.
        if ((await this.#visible(mine, query)) !== false) continue
        for (const one of mine) if ((await this.#visible([one], query)) === false) hidden.add(one[0])
      }
      const ended: string[] = []
      for (const [host, leaving] of over) {
        if (this.#leaving.get(host) !== leaving) continue
        if (hidden.has(host)) this.#hide(host, leaving)
        else if (leaving.hidden) this.#lookAgain(host, leaving)
        else ended.push(host)
      }
      this.#end(ended)
    } finally {
      this.#dropping = false
    }
  }

  #visible(leaving: readonly (readonly [string, Leaving])[], query: Readonly<Record<string, string>>) {
    return mayRead(
      this.#options.http,
      leaving.map(([, { service }]) => readable(service)),
      query,
    )
  }

  /** It may be seen again: whether it is there the catalog has yet to say, whose index tells nothing of rights. */
  #lookAgain(host: string, { service }: Leaving): void {
    const { settings, onHeld } = this.#options
    this.#leaving.set(host, { service, until: performance.now() + settings.nameGraceMs })
    onHeld(host, undefined)
    for (const { name, watch } of this.#datacenters) if (name === service.datacenter) watch.again(0)
  }

  #hide(host: string, { service, hidden }: Leaving): void {
    const { settings, onHeld } = this.#options
    const held: Held = hidden ?? { what: host, since: Date.now(), before: 1, now: 0, why: 'filtered' }
    this.#leaving.set(host, { service, until: performance.now() + settings.nameGraceMs, hidden: held })
    if (!hidden) onHeld(host, held)
  }

  #end(over: readonly string[]): void {
    if (over.length === 0) return
    const hosts = new Map(this.#hosts)
    for (const host of over) {
      if (this.#leaving.get(host)?.hidden) this.#options.onHeld(host, undefined)
      this.#leaving.delete(host)
      hosts.delete(host)
    }
    this.#hosts = hosts
    this.#options.onHosts(hosts)
    this.#options.onGone(over)
  }
}

function readable({ name }: CatalogService) {
  return { resource: 'service' as const, name }
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
