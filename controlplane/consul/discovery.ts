import type { DiscoveredEndpoint, DiscoveredService, Discovery } from '../model/index.ts'
import { Belief, type Held } from './held.ts'
import { ConsulHttp } from './http.ts'
import { keepEqual, readInstances } from './instances.ts'
import { type DiscoveryCache, loadCache, saveCache } from './saved.ts'
import { type CatalogService, hostOf, readCatalog, toService } from './services.ts'
import type { ConsulSettings } from './settings.ts'
import { Gate, Watch } from './watch.ts'

/** How a registry is doing. Times in ms since 1970. */
export interface SourceState {
  /** `consul:http://127.0.0.1:8500` */
  readonly name: string
  /** syncing: never read. ok: answers. degraded: some of it fails. lost: no answer; the last good world is served. */
  readonly state: 'syncing' | 'ok' | 'degraded' | 'lost'
  readonly services: number
  /** Services somebody is served, which are followed. */
  readonly followed: number
  readonly instances: number
  /** Last time it answered a question. */
  readonly lastContact: number | undefined
  /** How old what is served may be, ms; 0 while it answers. */
  readonly ageMs: number
  /** What served hosts are waiting for since their first use. */
  readonly waiting: number
  /** The newest complaint, while there is something wrong. */
  readonly error: string | undefined
  readonly held: readonly Held[]
  readonly requests: number
}

export interface ConsulDiscoveryOptions {
  /** Where the model reads it. */
  readonly discovery: Discovery
  readonly settings: ConsulSettings
  /** File to keep what is known in, so that a start without Consul serves the last good world. */
  readonly cacheFile?: string | undefined
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

interface Followed {
  readonly service: CatalogService
  readonly belief: Belief<DiscoveredEndpoint>
  readonly watch: Watch
  error: string | undefined
}

/** Polls that begin at the same time; more make an agent slower, not faster. */
const STARTS = 16
const PROBE_TIMEOUT_MS = 2_000
/** How long a shrunk instance set is watched when the registry itself goes forward: a scale-down must not take long. */
const SHRANK_MS = 2_000

/**
 * Services and instances of a Consul, for the model. Names come from the catalog; instances are read, by one blocking query for each
 * service, only once somebody is served them, and no longer than that. Whatever Consul does, what was good stays until something
 * better is believed.
 */
export class ConsulDiscovery {
  readonly discovery: Discovery
  readonly #settings: ConsulSettings
  readonly #options: ConsulDiscoveryOptions
  readonly #http: ConsulHttp
  readonly #probeHttp: ConsulHttp
  readonly #gate = new Gate(STARTS)
  readonly #names = new Map<string, { readonly belief: Belief<CatalogService>; watch: Watch | undefined }>()
  readonly #followed = new Map<string, Followed>()
  /** Services by host, as last published. */
  #hosts: ReadonlyMap<string, CatalogService> = new Map()
  /** Entries by host: an unchanged service keeps its object. */
  #entries = new Map<string, DiscoveredService>()
  /** Hosts whose name went, with the time until which they are kept. */
  readonly #leaving = new Map<string, { readonly service: CatalogService; readonly until: number }>()
  #own = ''
  #leader = ''
  #lastContact: number | undefined
  #errors = new Map<string, string>()
  #cache: DiscoveryCache | undefined
  #ready = false
  #stopped = false
  #readyListeners: (() => void)[] = []
  #timers: NodeJS.Timeout[] = []
  readonly #pendingWants = new Set<string>()
  readonly #unsubscribe: () => void

  /** @throws Error for settings that cannot be used */
  constructor(options: ConsulDiscoveryOptions) {
    this.#options = options
    this.discovery = options.discovery
    this.#settings = options.settings
    this.#http = new ConsulHttp(options.settings)
    this.#probeHttp = new ConsulHttp(options.settings)
    this.#unsubscribe = this.discovery.onWanted((hostname) => this.#want(hostname))
  }

  /** Whether the names of all datacenters are known: before that nobody may be told what exists. */
  get ready(): boolean {
    return this.#ready
  }

  /** Begins to follow the catalog, and with what an earlier process knew. Does not wait for Consul. */
  async start(): Promise<void> {
    const { cacheFile, log } = this.#options
    this.#cache = cacheFile === undefined ? undefined : await loadCache(cacheFile, this.#http.url, log)
    if (this.#cache) {
      this.#own = this.#cache.datacenter
      this.#begin([this.#own, ...this.#settings.datacenters])
    } else void this.#findOwn()
    this.#every(this.#settings.probeMs, () => void this.#probe())
    this.#every(1_000, () => this.#dropNames())
    this.#every(this.#settings.idleMs, () => this.#sweep())
    this.#every(30_000, () => void this.save())
  }

  /** Resolves when `ready`. */
  whenReady(): Promise<void> {
    if (this.#ready) return Promise.resolve()
    return new Promise((resolve) => this.#readyListeners.push(resolve))
  }

  state(): SourceState {
    const failing = [...this.#followed.values()].filter(({ error }) => error !== undefined).length
    const now = Date.now()
    const lostMs = 2 * this.#settings.probeMs + PROBE_TIMEOUT_MS
    const silent = this.#lastContact === undefined ? undefined : now - this.#lastContact
    const lost = silent === undefined ? this.#errors.size > 0 : silent > lostMs
    const wrong = this.#errors.size > 0 || failing > 0
    const error = [...this.#errors.values()][0] ?? [...this.#followed.values()].find((one) => one.error)?.error
    const saved = this.#cache?.savedAt
    return {
      name: `consul:${this.#http.url}`,
      state: lost ? 'lost' : !this.#ready ? 'syncing' : wrong ? 'degraded' : 'ok',
      services: this.#hosts.size,
      followed: this.#followed.size,
      instances: [...this.#followed.values()].reduce((sum, { belief }) => sum + (belief.list?.length ?? 0), 0),
      lastContact: this.#lastContact,
      ageMs: silent === undefined ? (saved === undefined ? 0 : now - saved) : silent > lostMs ? silent : 0,
      waiting: [...this.#followed.values()].filter(({ belief }) => belief.list === undefined).length,
      error: lost || wrong ? error : undefined,
      held: this.#beliefs().flatMap(({ held }) => held ?? []),
      requests: this.#http.requests,
    }
  }

  /** A person says that what is held is so: all of it, or one thing by its name. Returns how many things were held. */
  confirm(what?: string): number {
    const held = this.#beliefs().filter((belief) => belief.held && (what === undefined || belief.held.what === what))
    for (const belief of held) belief.confirm()
    return held.length
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#unsubscribe()
    for (const timer of this.#timers) clearInterval(timer)
    for (const { watch, belief } of this.#names.values()) {
      watch?.stop()
      belief.stop()
    }
    for (const { watch, belief } of this.#followed.values()) {
      watch.stop()
      belief.stop()
    }
    await this.save()
    this.#http.close()
    this.#probeHttp.close()
  }

  /** Ends it and takes back what it told the model. */
  async withdraw(): Promise<void> {
    const hosts = [...this.#followed.keys()]
    await this.stop()
    this.discovery.change(({ services, endpoints }) => {
      services([])
      for (const host of hosts) endpoints(host, undefined)
    })
  }

  /** Writes what is known to the cache file, if there is one. */
  async save(): Promise<void> {
    const { cacheFile, log } = this.#options
    if (cacheFile === undefined || !this.#ready || this.#lastContact === undefined) return
    const names = [...this.#names.values()].flatMap(({ belief }) => belief.list ?? [])
    const endpoints = [...this.#followed].flatMap(([host, { belief }]) =>
      belief.list ? [[host, belief.list] as const] : [],
    )
    const savedAt = this.#lastContact
    await saveCache(cacheFile, { url: this.#http.url, datacenter: this.#own, savedAt, names, endpoints }).catch(
      (error: Error) => log.warn({ file: cacheFile, err: error }, 'what Consul told cannot be kept for the next start'),
    )
  }

  #beliefs(): readonly Pick<Belief<unknown>, 'held' | 'confirm'>[] {
    return [...this.#names.values(), ...this.#followed.values()].map(({ belief }) => belief)
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms)
    timer.unref()
    this.#timers.push(timer)
  }

  /** The agent's own datacenter: what hosts without one are of. */
  async #findOwn(): Promise<void> {
    for (let failures = 0; !this.#stopped; failures++) {
      try {
        const { value } = await this.#http.json({ path: '/v1/agent/self' })
        const own = (value as { Config?: { Datacenter?: unknown } } | undefined)?.Config?.Datacenter
        if (typeof own !== 'string' || own === '') throw new Error('it does not tell its datacenter')
        this.#own = own
        this.#contact('agent')
        this.#begin([own, ...this.#settings.datacenters])
        return
      } catch (error) {
        this.#fail('agent', error as Error)
        await new Promise((resolve) => {
          setTimeout(resolve, 100 + Math.random() * Math.min(10_000, 200 * 2 ** Math.min(failures, 6))).unref()
        })
      }
    }
  }

  #begin(datacenters: readonly string[]): void {
    const { shrinkShare, confirmMs, waitMs } = this.#settings
    for (const datacenter of new Set(datacenters)) {
      const query = { dc: datacenter }
      const path = '/v1/catalog/services'
      const belief = new Belief<CatalogService>({
        what: `services of ${datacenter}`,
        share: shrinkShare,
        confirmMs: () => confirmMs,
        idOf: ({ name }) => name,
        reread: async () => {
          const { value } = await this.#http.json({ path, query: { ...query, consistent: '' } })
          return readCatalog(value, datacenter)
        },
        onList: () => this.#publishNames(),
        onHeld: () => this.#tellHeld(`services of ${datacenter}`),
      })
      const entry: { belief: Belief<CatalogService>; watch: Watch | undefined } = { belief, watch: undefined }
      this.#names.set(datacenter, entry)
    }
    for (const [datacenter, { belief }] of this.#names) {
      const known = this.#cache?.names.filter((service) => service.datacenter === datacenter)
      if (known && known.length > 0) belief.remember(known)
    }
    for (const [datacenter, entry] of this.#names)
      entry.watch = new Watch(this.#http, {
        path: '/v1/catalog/services',
        query: { dc: datacenter },
        waitMs,
        minGapMs: 1_000,
        onAnswer: ({ value, wentBack }) => entry.belief.offer(readCatalog(value, datacenter), wentBack),
        onContact: () => this.#contact(`catalog of ${datacenter}`),
        onError: (error) => this.#fail(`catalog of ${datacenter}`, error),
      })
  }

  #publishNames(): void {
    const beliefs = [...this.#names.values()].map(({ belief }) => belief)
    if (beliefs.some(({ list }) => list === undefined)) return
    const hosts = new Map<string, CatalogService>()
    for (const { list } of beliefs)
      for (const service of list!) {
        // Consul's servers are no service of the mesh.
        if (service.name === 'consul') continue
        hosts.set(hostOf(service, this.#settings, this.#own), service)
      }
    const until = Date.now() + this.#settings.nameGraceMs
    for (const [host, service] of this.#hosts)
      if (!hosts.has(host) && !this.#leaving.has(host)) this.#leaving.set(host, { service, until })
    for (const [host, { service }] of this.#leaving) {
      if (hosts.has(host)) this.#leaving.delete(host)
      else hosts.set(host, service)
    }
    this.#setHosts(hosts)
    if (this.#ready) return
    this.#ready = true
    for (const listener of this.#readyListeners.splice(0)) listener()
  }

  #setHosts(hosts: ReadonlyMap<string, CatalogService>): void {
    this.#hosts = hosts
    const entries = new Map<string, DiscoveredService>()
    for (const [host, service] of [...hosts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const made = toService(service, this.#settings, this.#own)
      if (!made) continue
      const before = this.#entries.get(host)
      entries.set(host, before?.source.revision === made.source.revision && before.key === made.key ? before : made)
    }
    this.#entries = entries
    this.discovery.change(({ services }) => services([...entries.values()]))
    for (const host of this.discovery.wanted()) this.#follow(host)
  }

  /** Names whose grace is over go; nobody can be served their endpoints any more. */
  #dropNames(): void {
    const now = Date.now()
    const over = [...this.#leaving].filter(([, { until }]) => until <= now).map(([host]) => host)
    if (over.length === 0) return
    const hosts = new Map(this.#hosts)
    for (const host of over) {
      this.#leaving.delete(host)
      hosts.delete(host)
    }
    this.#setHosts(hosts)
    for (const host of over) this.#unfollow(host)
  }

  /** Called from within computations: work is done afterwards, many hosts in one go. */
  #want(hostname: string): void {
    if (this.#pendingWants.size === 0) queueMicrotask(() => this.#followWanted())
    this.#pendingWants.add(hostname)
  }

  #followWanted(): void {
    const hosts = [...this.#pendingWants]
    this.#pendingWants.clear()
    for (const host of hosts) this.#follow(host)
  }

  #follow(host: string): void {
    const service = this.#hosts.get(host)
    if (!service || this.#stopped || this.#followed.has(host)) return
    const { shrinkShare, confirmMs, waitMs } = this.#settings
    const path = `/v1/health/service/${encodeURIComponent(service.name)}`
    const query = { dc: service.datacenter }
    const belief = new Belief<DiscoveredEndpoint>({
      what: host,
      share: shrinkShare,
      confirmMs: (why) => (why === 'shrank' ? Math.min(SHRANK_MS, confirmMs) : confirmMs),
      idOf: ({ id }) => id,
      reread: async () => {
        const { value } = await this.#http.json({ path, query: { ...query, consistent: '' } })
        return readInstances(value)
      },
      onList: (list) => {
        if (this.#followed.has(host)) this.discovery.change(({ endpoints }) => endpoints(host, list))
      },
      onHeld: () => this.#tellHeld(host),
    })
    const followed: Followed = {
      service,
      belief,
      error: undefined,
      watch: new Watch(this.#http, {
        path,
        query,
        waitMs,
        gate: this.#gate,
        onAnswer: ({ value, wentBack }) => belief.offer(keepEqual(belief.list ?? [], readInstances(value)), wentBack),
        onContact: () => {
          followed.error = undefined
          this.#contact(undefined)
        },
        onError: (error) => {
          followed.error = error.message
        },
      }),
    }
    this.#followed.set(host, followed)
    const known = this.#cache?.endpoints.get(host)
    if (known) belief.remember(known)
  }

  #unfollow(host: string): void {
    const followed = this.#followed.get(host)
    if (!followed) return
    followed.watch.stop()
    followed.belief.stop()
    this.#followed.delete(host)
    this.discovery.change(({ endpoints }) => endpoints(host, undefined))
  }

  #sweep(): void {
    for (const host of this.discovery.sweep()) this.#unfollow(host)
  }

  async #probe(): Promise<void> {
    try {
      const { value } = await this.#probeHttp.json({ path: '/v1/status/leader', timeoutMs: PROBE_TIMEOUT_MS })
      if (typeof value !== 'string') throw new Error(`${this.#http.url}: its answer about the leader is no text`)
      if (value === '') throw new Error(`${this.#http.url}: it has no leader; the last good services are served`)
      this.#contact('leader')
      for (const { watch } of this.#names.values()) if (this.#errors.size > 0) watch?.again(0)
      const before = this.#leader
      this.#leader = value
      // A query may be parked at the old leader, which may be frozen and never answer: ask anew, spread over some seconds.
      if (before !== '' && before !== value) this.#askAnew()
    } catch (error) {
      this.#fail('leader', error as Error)
    }
  }

  #askAnew(): void {
    this.#options.log.info({ consul: this.#http.url, leader: this.#leader }, 'Consul has another leader: asking anew')
    for (const { watch } of this.#names.values()) watch?.again(0)
    const spreadMs = Math.min(5_000, this.#followed.size * 2)
    for (const { watch } of this.#followed.values()) watch.again(Math.random() * spreadMs)
  }

  #contact(what: string | undefined): void {
    this.#lastContact = Date.now()
    if (what === undefined) return
    if (!this.#errors.delete(what) || this.#errors.size > 0) return
    this.#options.log.info({ consul: this.#http.url }, 'Consul answers again')
    // Those that wait to try again need not wait any longer; not all at once.
    for (const { watch, error } of this.#followed.values()) if (error !== undefined) watch.again(Math.random() * 1_000)
  }

  #fail(what: string, error: Error): void {
    if (this.#stopped) return
    const first = !this.#errors.has(what)
    this.#errors.set(what, error.message)
    if (first)
      this.#options.log.warn(
        { consul: this.#http.url, what },
        `${error.message}; what was read last stays in force until it answers`,
      )
  }

  #tellHeld(what: string): void {
    const held = this.state().held.find((one) => one.what === what)
    if (held)
      this.#options.log.warn(
        { consul: this.#http.url, ...held },
        `${what}: ${held.before} → ${held.now} (${held.why}) waits to be confirmed, by time or by "meshgate sources confirm"`,
      )
    else this.#options.log.info({ consul: this.#http.url, what }, `${what}: confirmed`)
  }
}
