import { asError } from '../../../errors/thrown.ts'
import { Saver } from '../../../files/saver.ts'
import type { DiscoveredService, Discovery } from '../../model/index.ts'
import { Contact, LeaderProbe, PROBE_TIMEOUT_MS, type SourceLog } from '../contact.ts'
import { ConsulHttp } from '../http.ts'
import type { ConsulSettings } from '../settings.ts'
import { FollowedServices } from './followed.ts'
import type { Belief, Held } from './held.ts'
import { Names } from './names.ts'
import { type DiscoveryCache, loadCache, saveCache } from './saved.ts'
import { type CatalogService, toService } from './services.ts'

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
  /** What is known of this Consul already, in place of what is in the file. */
  readonly known?: DiscoveryCache | undefined
  readonly log: SourceLog
}

/** Of so many probes one asks for the agent's own datacenter, too. */
const OWN_PROBES = 6

/** How often what is known is written to the cache file, ms. */
const SAVE_MS = 30_000

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
  readonly #contact: Contact
  readonly #names: Names
  readonly #followed: FollowedServices
  #probe: LeaderProbe | undefined
  /** Entries by host: an unchanged service keeps its object. */
  #entries: ReadonlyMap<string, DiscoveredService> = new Map()
  #cache: DiscoveryCache | undefined
  #ready = false
  #stopped = false
  #readyListeners: (() => void)[] = []
  readonly #saver: Saver
  #timers: NodeJS.Timeout[] = []
  #wake: () => void = () => {}
  readonly #pendingWants = new Set<string>()
  readonly #unsubscribe: () => void

  /** @throws Error for settings that cannot be used */
  constructor(options: ConsulDiscoveryOptions) {
    const { discovery, settings, log } = options
    this.#options = options
    this.discovery = discovery
    this.#settings = settings
    const http = new ConsulHttp(settings)
    this.#http = http
    this.#contact = new Contact(http.url, log, () => this.#followed.retry())
    this.#saver = this.#saverTo(options.cacheFile ?? '')
    const common = { http, settings, contact: this.#contact, onHeld: this.#tellHeld.bind(this) }
    this.#names = new Names({
      ...common,
      onHosts: (hosts) => this.#publish(hosts),
      onGone: (hosts) => this.#unfollow(hosts),
    })
    this.#followed = new FollowedServices({
      ...common,
      own: () => this.#names.own,
      isFiltered: (datacenter) => this.#names.isFiltered(datacenter),
      onInstances: (host, list) => discovery.change(({ endpoints }) => endpoints(host, list)),
    })
    this.#unsubscribe = discovery.onWanted((hostname) => this.#want(hostname))
  }

  /** Whether the names of all datacenters are known: before that nobody may be told what exists. */
  get ready(): boolean {
    return this.#ready
  }

  /** Begins to follow the catalog, and with what an earlier process knew. Does not wait for Consul. */
  async start(): Promise<void> {
    const { cacheFile, known, log } = this.#options
    this.#cache = known ?? (cacheFile === undefined ? undefined : await loadCache(cacheFile, this.#http.url, log))
    if (this.#cache) this.#names.begin(this.#cache.datacenter, this.#cache.names)
    void this.#followOwn()
    const own = new ConsulHttp(this.#settings)
    this.#probe = new LeaderProbe(own, this.#settings.probeMs, this.#contact, {
      onAnswer: () => this.#names.retry(),
      onAnother: (leader) => this.#askAnew(leader),
    })
    this.#every(this.#settings.idleMs, () => this.#unfollow(this.discovery.sweep()))
    this.#every(SAVE_MS, () => void this.save())
  }

  /** Resolves when `ready`. */
  whenReady(): Promise<void> {
    if (this.#ready) return Promise.resolve()
    return new Promise((resolve) => this.#readyListeners.push(resolve))
  }

  state(): SourceState {
    const { last, silentMs: silent, error: complaint } = this.#contact
    const lostMs = 2 * this.#settings.probeMs + PROBE_TIMEOUT_MS
    const lost = silent === undefined ? complaint !== undefined : silent > lostMs
    const error = complaint ?? this.#followed.error
    const saved = this.#cache?.savedAt
    const lists = this.#followed.beliefs.map(({ list }) => list)
    return {
      name: `consul:${this.#http.url}`,
      state: lost ? 'lost' : !this.#ready ? 'syncing' : error !== undefined ? 'degraded' : 'ok',
      services: this.#names.hosts.size,
      followed: this.#followed.size,
      instances: lists.reduce((sum, list) => sum + (list?.length ?? 0), 0),
      lastContact: last,
      ageMs:
        silent === undefined
          ? saved === undefined
            ? 0
            : Math.max(1, Date.now() - saved)
          : silent > lostMs
            ? silent
            : 0,
      waiting: lists.filter((list) => list === undefined).length,
      error,
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
    this.#wake()
    this.#contact.stop()
    this.#unsubscribe()
    for (const timer of this.#timers) clearInterval(timer)
    this.#probe?.stop()
    this.#names.stop()
    this.#followed.stop()
    await this.save()
    await this.#saver.stop()
    this.#http.close()
  }

  /** Ends it and takes back what it told the model. */
  async withdraw(): Promise<void> {
    const { hosts } = this.#followed
    await this.stop()
    this.discovery.change(({ services, endpoints }) => {
      services([])
      for (const host of hosts) endpoints(host, undefined)
    })
  }

  /** Ends it, for another one that has told the model its services: takes back the instances of hosts the other has not. */
  async giveWayTo(other: ConsulDiscovery): Promise<void> {
    const left = this.#followed.hosts.filter((host) => !other.#names.hosts.has(host))
    const stopped = this.stop()
    this.discovery.change(({ endpoints }) => {
      for (const host of left) endpoints(host, undefined)
    })
    await stopped
  }

  /** What is known by now; undefined before it is `ready`. */
  known(): DiscoveryCache | undefined {
    const savedAt = this.#contact.last ?? this.#cache?.savedAt
    if (!this.#ready || savedAt === undefined) return undefined
    const endpoints = new Map(this.#followed.known())
    return { datacenter: this.#names.own, savedAt, names: this.#names.known, endpoints }
  }

  /** Writes what is known to the cache file, if there is one. */
  async save(): Promise<void> {
    if (this.#options.cacheFile === undefined || !this.#ready || this.#contact.last === undefined) return
    this.#saver.save()
    await this.#saver.saved
  }

  #saverTo(cacheFile: string): Saver {
    const { log } = this.#options
    const fields = { consul: this.#http.url, file: cacheFile }
    return new Saver({
      write: async () => {
        const known = this.known()
        if (known) await saveCache(cacheFile, { ...known, url: this.#http.url, endpoints: [...known.endpoints] })
      },
      failed: (err) =>
        log.warn({ ...fields, err }, 'what Consul told cannot be kept for the next start, it is tried again'),
      recovered: () => log.info(fields, 'what Consul told is kept for the next start again'),
    })
  }

  #beliefs(): readonly Pick<Belief<unknown>, 'held' | 'confirm'>[] {
    return [...this.#names.beliefs, ...this.#followed.beliefs]
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms)
    timer.unref()
    this.#timers.push(timer)
  }

  /** The agent's own datacenter: what hosts without one are of. It may get another name. */
  async #followOwn(): Promise<void> {
    const { probeMs } = this.#settings
    for (let failures = 0; !this.#stopped; ) {
      let wait = OWN_PROBES * probeMs
      try {
        const { value } = await this.#http.json({ path: '/v1/agent/self' })
        const own = (value as { Config?: { Datacenter?: unknown } } | undefined)?.Config?.Datacenter
        if (typeof own !== 'string' || own === '') throw new Error('it does not tell its datacenter')
        if (this.#stopped) return
        this.#contact.settled('agent')
        failures = 0
        this.#isOwn(own)
      } catch (error) {
        this.#contact.failed('agent', asError(error))
        wait = 100 + Math.random() * Math.min(2 * probeMs, 200 * 2 ** Math.min(failures++, 6))
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, wait).unref()
      })
    }
  }

  #isOwn(own: string): void {
    const before = this.#names.own
    if (before === '') this.#names.begin(own)
    else if (before !== own) {
      this.#options.log.warn(
        { consul: this.#http.url, before, now: own },
        `the datacenter of ${this.#http.url} was ${before} and is ${own}: its services keep their hosts`,
      )
      this.#names.rename(own)
    }
  }

  #publish(hosts: ReadonlyMap<string, CatalogService>): void {
    const entries = new Map<string, DiscoveredService>()
    for (const [host, service] of [...hosts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const made = toService(service, this.#settings, this.#names.own)
      if (!made) continue
      const before = this.#entries.get(host)
      entries.set(host, before?.source.revision === made.source.revision && before.key === made.key ? before : made)
    }
    this.#entries = entries
    this.discovery.change(({ services }) => services([...entries.values()]))
    for (const host of this.discovery.wanted()) this.#follow(host)
    if (this.#ready) return
    this.#ready = true
    for (const listener of this.#readyListeners.splice(0)) listener()
  }

  /** Called from within computations: work is done afterwards, many hosts in one go. */
  #want(hostname: string): void {
    if (this.#pendingWants.size === 0)
      queueMicrotask(() => {
        const hosts = [...this.#pendingWants]
        this.#pendingWants.clear()
        for (const host of hosts) this.#follow(host)
      })
    this.#pendingWants.add(hostname)
  }

  #follow(host: string): void {
    const service = this.#names.hosts.get(host)
    if (service && !this.#stopped) this.#followed.follow(host, service, this.#cache?.endpoints.get(host))
  }

  #unfollow(hosts: readonly string[]): void {
    for (const host of hosts)
      if (this.#followed.leave(host)) this.discovery.change(({ endpoints }) => endpoints(host, undefined))
  }

  /** A query may be parked at the old leader, which may be frozen and never answer. */
  #askAnew(leader: string): void {
    this.#options.log.info({ consul: this.#http.url, leader }, 'Consul has another leader: asking anew')
    this.#names.again()
    this.#followed.again()
  }

  #tellHeld(what: string, held: Held | undefined): void {
    const { log } = this.#options
    if (held)
      log.warn(
        { consul: this.#http.url, ...held },
        `${what}: ${held.before} → ${held.now} (${held.why}) waits to be confirmed, by time or by "meshgate sources confirm"`,
      )
    else log.info({ consul: this.#http.url, what }, `${what}: nothing waits to be confirmed any more`)
  }
}
