import type { DiscoveredEndpoint } from '../../model/index.ts'
import type { Contact } from '../contact.ts'
import type { ConsulHttp } from '../http.ts'
import { mayRead } from '../rights.ts'
import type { ConsulSettings } from '../settings.ts'
import { Gate, Watch } from '../watch.ts'
import { Belief, type BeliefOptions, PATIENCE_MS } from './held.ts'
import { keepEqual, readInstances } from './instances.ts'
import type { CatalogService } from './services.ts'

/** Polls that begin at the same time; more make an agent slower, not faster. */
const STARTS = 16
/** How long a shrunk instance set is watched when the registry itself goes forward: a scale-down must not take long. */
const SHRANK_MS = 2_000
/** Largest answer about one service, bytes: some 10,000 instances. To read it holds up everything else, and there may be one for each service. */
const MOST_BYTES = 16 * 1024 * 1024

export interface FollowedOptions {
  readonly http: ConsulHttp
  readonly settings: ConsulSettings
  readonly contact: Contact
  readonly onHeld: BeliefOptions<DiscoveredEndpoint>['onHeld']
  /** The agent's own datacenter, which is asked for without its name. */
  readonly own: () => string
  /** Whether what a datacenter tells is certain not to be all there is. */
  readonly isFiltered: (datacenter: string) => boolean
  /** Called with each list of a host's instances that is believed. */
  readonly onInstances: (host: string, instances: readonly DiscoveredEndpoint[]) => void
}

interface One {
  readonly belief: Belief<DiscoveredEndpoint>
  readonly watch: Watch
  error: string | undefined
}

/** The instances of services somebody is served: one blocking query for each, for as long as it is in use. */
export class FollowedServices {
  readonly #options: FollowedOptions
  readonly #gate = new Gate(STARTS)
  readonly #all = new Map<string, One>()

  constructor(options: FollowedOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#all.size
  }

  get hosts(): readonly string[] {
    return [...this.#all.keys()]
  }

  get beliefs(): readonly Belief<DiscoveredEndpoint>[] {
    return [...this.#all.values()].map(({ belief }) => belief)
  }

  /** The complaint of one whose query fails; undefined when all is well. */
  get error(): string | undefined {
    for (const { error } of this.#all.values()) if (error !== undefined) return error
    return undefined
  }

  /** What is believed of each host that has answered. */
  known(): readonly (readonly [host: string, instances: readonly DiscoveredEndpoint[]])[] {
    return [...this.#all].flatMap(([host, { belief }]) => (belief.list ? [[host, belief.list] as const] : []))
  }

  /** Begins, with what an earlier process knew to fall back to; does nothing for a host that is followed. */
  follow(host: string, service: CatalogService, known?: readonly DiscoveredEndpoint[]): void {
    if (this.#all.has(host)) return
    const { http, settings, contact, onInstances, onHeld, isFiltered, own } = this.#options
    const { shrinkShare, confirmMs, waitMs } = settings
    const path = `/v1/health/service/${encodeURIComponent(service.name)}`
    const isOwn = service.datacenter === own()
    const query = isOwn ? {} : { dc: service.datacenter }
    const belief = new Belief<DiscoveredEndpoint>({
      what: host,
      share: shrinkShare,
      confirmMs: (why) => (why === 'shrank' ? Math.min(SHRANK_MS, confirmMs) : confirmMs),
      idOf: ({ id }) => id,
      visible: (lost) => {
        const nodes = lost.map(({ id }) => ({ resource: 'node' as const, name: id.slice(0, id.indexOf('/')) }))
        return mayRead(http, [{ resource: 'service', name: service.name }, ...nodes], query)
      },
      filtered: () => isFiltered(isOwn ? own() : service.datacenter),
      reread: async () => {
        const { value } = await http.json({ path, query: { ...query, consistent: '' }, maxBytes: MOST_BYTES })
        return readInstances(value)
      },
      onList: (list) => {
        if (this.#all.has(host)) onInstances(host, list)
      },
      onHeld,
      answering: () => contact.isAnswering(PATIENCE_MS),
    })
    const one: One = {
      belief,
      error: undefined,
      watch: new Watch(http, {
        path,
        query,
        waitMs,
        maxBytes: MOST_BYTES,
        gate: this.#gate,
        onAnswer: ({ value, wentBack }) => belief.offer(keepEqual(belief.list ?? [], readInstances(value)), wentBack),
        onContact: (isWell) => {
          if (isWell) one.error = undefined
          contact.answered()
        },
        onError: (error) => {
          one.error = error.message
          belief.fallBack()
        },
      }),
    }
    this.#all.set(host, one)
    if (!known) return
    belief.spare(known)
    if (contact.error !== undefined) belief.fallBack()
  }

  /** Whether it was followed. */
  leave(host: string): boolean {
    const one = this.#all.get(host)
    one?.watch.stop()
    one?.belief.stop()
    return this.#all.delete(host)
  }

  /** Asks anew for all: queries may be parked at a server that is frozen. Spread, since thousands must not come at once. */
  again(): void {
    const spreadMs = Math.min(5_000, this.#all.size * 2)
    for (const { watch } of this.#all.values()) watch.again(Math.random() * spreadMs)
  }

  /** Those that wait to try again need not wait any longer; not all at once. */
  retry(): void {
    for (const { watch, error } of this.#all.values()) if (error !== undefined) watch.again(Math.random() * 1_000)
  }

  stop(): void {
    for (const { watch, belief } of this.#all.values()) {
      watch.stop()
      belief.stop()
    }
  }
}
