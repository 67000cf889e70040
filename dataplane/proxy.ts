import { isDeepStrictEqual } from 'node:util'
import type { Codec } from '../codecs/contract.ts'
import { errorText } from '../errors/thrown.ts'
import { Cluster } from './cluster/cluster.ts'
import { addressText, type Host } from './cluster/host.ts'
import { type Look, Names } from './cluster/names.ts'
import type { Configuration, ListenerConfig, SocketAddress } from './configuration.ts'
import { Engine } from './engine.ts'
import { inlineMore } from './inlining.ts'
import { Acceptor } from './listen/acceptor.ts'
import { ListenerRuntime } from './listen/listener.ts'
import { Protocols } from './protocols.ts'
import { type CompiledTable, compileTable, keepStates, link, type States } from './route/compile.ts'
import { everyMs, wake } from './turn.ts'
import type { dial } from './upstream/dial.ts'
import { warm } from './warm.ts'

const emptyConfiguration: Configuration = { version: '', protocols: [], listeners: [], routes: [], clusters: [] }

/** Something of a configuration that could not be used; the rest is in force. */
export interface ConfigurationProblem {
  readonly kind: 'protocol' | 'listener' | 'route' | 'cluster'
  readonly name: string
  readonly message: string
  /** True when it is not the configuration's fault and may work at another time: a port that is in use. */
  readonly transient?: true
}

export interface ProxyOptions {
  /** How long clients that were told to go may go on, in ms, when a listener leaves; default 5000. */
  readonly drainGraceMs?: number
  /** Opens upstream connections; default: real ones. */
  readonly dial?: typeof dial
  /** Finds the addresses of names; default: the system's resolver. */
  readonly look?: Look
}

/** So long the end of a proxy waits at most for its last lines and spans: a collector has 5 s for each of two batches. */
const lastLinesMs = 10_000

interface Bound {
  readonly acceptor: Acceptor
  /** The address it was opened for; that of the runtime is what is wanted now, and may be taken. */
  readonly asked: SocketAddress
  runtime: ListenerRuntime
}

/** A proxy: listeners, routes and clusters of one configuration at a time, in one process. */
export class MessageProxy {
  readonly engine: Engine
  readonly #options: ProxyOptions
  readonly #protocols = new Protocols()
  readonly #states: States = new Map()
  readonly #clusters = new Map<string, Cluster>()
  readonly #names: Names
  #namesDue = false
  /** By name of the table and codec. */
  #tables = new Map<string, Map<Codec, CompiledTable>>()
  readonly #listeners = new Map<string, Bound>()
  /** Listeners that left, as long as they have connections. */
  readonly #leaving = new Set<ListenerRuntime>()
  readonly #removedHosts = new Set<Host>()
  readonly #stopSweeping: () => void
  #applying: Promise<unknown> = Promise.resolve()
  configuration = emptyConfiguration
  problems: readonly ConfigurationProblem[] = []
  draining = false
  /** Tries to open a listener that failed. */
  openFailures = 0

  constructor(options: ProxyOptions = {}) {
    inlineMore()
    this.#options = options
    this.engine = new Engine(options.dial)
    this.#names = new Names(() => this.#namesChanged(), options.look)
    this.#stopSweeping = everyMs(1000, () => this.#sweep())
  }

  get clusters(): ReadonlyMap<string, Cluster> {
    return this.#clusters
  }

  get states(): States {
    return this.#states
  }

  /** Runtimes that have connections or may get some. */
  get listeners(): readonly ListenerRuntime[] {
    return [...[...this.#listeners.values()].map(({ runtime }) => runtime), ...this.#leaving]
  }

  /** Where a listener listens, with the port that was free if it asked for any. */
  address(listener: string): SocketAddress | undefined {
    return this.#listeners.get(listener)?.acceptor.address
  }

  /**
   * Puts a configuration in force. Codecs are compiled and sockets opened first; then everything changes in one step between two messages.
   * What cannot be used is left out and reported; a listener, table or cluster of the old configuration with the same name then stays.
   */
  apply(configuration: Configuration): Promise<readonly ConfigurationProblem[]> {
    const next = this.#applying.then(() => this.#apply(configuration))
    this.#applying = next.catch(() => undefined)
    return next
  }

  async #apply(configuration: Configuration): Promise<readonly ConfigurationProblem[]> {
    const problems: ConfigurationProblem[] = []
    const [codecs] = await Promise.all([
      this.#protocols.compile(configuration.protocols, problems),
      this.#names.learn(configuration.clusters),
    ])
    const opened = await this.#open(configuration.listeners, codecs, problems)
    if (this.draining) {
      for (const { acceptor, runtime } of opened.values()) {
        acceptor.close()
        void runtime.close()
      }
      return problems
    }
    wake()
    this.#swapClusters(configuration, problems)
    this.#swapTables(configuration, codecs, problems)
    this.#swapListeners(configuration, codecs, opened, problems)
    this.#warm()
    this.#forgetRoutes()
    this.#names.keep(configuration.clusters)
    this.configuration = configuration
    this.problems = problems
    return problems
  }

  /** Listens on addresses that are new. Nothing is served there before the swap: connections wait until then. */
  async #open(
    listeners: readonly ListenerConfig[],
    codecs: ReadonlyMap<string, Codec>,
    problems: ConfigurationProblem[],
  ): Promise<Map<string, Bound>> {
    const opened = new Map<string, Bound>()
    for (const config of listeners) {
      const codec = codecs.get(config.protocol)
      if (!codec) {
        const wrong = problems.find(({ kind, name }) => kind === 'protocol' && name === config.protocol)
        const message = wrong
          ? `protocol "${config.protocol}": ${wrong.message}`
          : `there is no protocol "${config.protocol}"`
        problems.push({ kind: 'listener', name: config.name, message })
        continue
      }
      const old = this.#listeners.get(config.name)
      const asked = config.address
      if (old && addressText(old.asked) === addressText(asked)) continue
      const runtime = new ListenerRuntime(config, codec)
      const renamed = this.#atAddress(config, listeners)
      if (renamed) {
        opened.set(config.name, { acceptor: renamed, runtime, asked })
        continue
      }
      const acceptor = new Acceptor(this.engine, runtime, asked)
      try {
        await acceptor.listen()
        opened.set(config.name, { acceptor, runtime, asked })
      } catch (error) {
        this.openFailures++
        // It is tried again and again, and its log is an open file.
        void runtime.close()
        problems.push({
          kind: 'listener',
          name: config.name,
          message: `cannot listen on ${addressText(config.address)}: ${errorText(error)}`,
          transient: true,
        })
      }
    }
    return opened
  }

  /** The socket that listens on this very address already under a name that goes away. */
  #atAddress({ address }: ListenerConfig, listeners: readonly ListenerConfig[]): Acceptor | undefined {
    if ('port' in address && address.port === 0) return undefined
    const text = addressText(address)
    for (const [name, { acceptor, asked }] of this.#listeners) {
      if (addressText(acceptor.address) !== text) continue
      const before = addressText(asked)
      const stays = listeners.some((other) => other.name === name && addressText(other.address) === before)
      if (!stays) return acceptor
    }
    return undefined
  }

  #swapClusters({ clusters }: Configuration, problems: ConfigurationProblem[]): void {
    const names = new Set(clusters.map(({ name }) => name))
    for (const [name, cluster] of this.#clusters) {
      if (names.has(name)) continue
      cluster.remove()
      this.#clusters.delete(name)
    }
    for (const written of clusters) {
      const config = this.#names.resolved(written)
      const cluster = this.#clusters.get(config.name)
      try {
        if (!cluster) this.#clusters.set(config.name, new Cluster(config, (host) => this.#hostRemoved(host)))
        else if (!isDeepStrictEqual(cluster.config, config)) cluster.update(config)
      } catch (error) {
        problems.push({ kind: 'cluster', name: config.name, message: errorText(error) })
      }
    }
  }

  /** Names that are answered in one turn are one change, and a cluster whose hosts stay keeps its tables. */
  #namesChanged(): void {
    if (this.#namesDue) return
    this.#namesDue = true
    setImmediate(() => {
      this.#namesDue = false
      if (this.draining) return
      wake()
      for (const written of this.configuration.clusters) {
        const cluster = written.names && this.#clusters.get(written.name)
        if (!cluster) continue
        const config = this.#names.resolved(written)
        if (!isDeepStrictEqual(cluster.config, config)) cluster.update(config)
      }
      this.#warm()
    })
  }

  #hostRemoved(host: Host): void {
    this.#removedHosts.add(host)
    for (const pool of host.pools.values()) pool.drain()
  }

  #swapTables(
    { routes, listeners }: Configuration,
    codecs: ReadonlyMap<string, Codec>,
    problems: ConfigurationProblem[],
  ): void {
    const sources = new Map(routes.map((table) => [table.name, table]))
    const tables = new Map<string, Map<Codec, CompiledTable>>()
    for (const listener of listeners) {
      const codec = codecs.get(listener.protocol)
      const source = sources.get(listener.routes)
      if (!codec || !source) continue
      let byCodec = tables.get(source.name)
      if (!byCodec) {
        byCodec = new Map()
        tables.set(source.name, byCodec)
      }
      if (byCodec.has(codec)) continue
      const old = this.#tables.get(source.name)?.get(codec)
      if (old && (old.source === source || isDeepStrictEqual(old.source, source))) {
        byCodec.set(codec, old)
        continue
      }
      try {
        byCodec.set(codec, compileTable(codec, source, this.#states))
      } catch (error) {
        problems.push({ kind: 'route', name: source.name, message: errorText(error) })
        if (old) byCodec.set(codec, old)
      }
    }
    this.#tables = tables
    for (const byCodec of tables.values()) {
      for (const table of byCodec.values()) link(table, (name) => this.#clusters.get(name))
    }
    // Connections of listeners that are leaving go on with their last routes, to clusters that are still there; so does a listener that cannot become
    // what it is to be.
    for (const { table } of this.listeners) if (table) link(table, (name) => this.#clusters.get(name))
  }

  #warm(): void {
    const listeners = [...this.#listeners.values()].map(({ runtime }) => runtime)
    warm(this.engine, listeners, this.#clusters.values())
  }

  /** What was counted for routes that no connection can take any more is not shown for ever. */
  #forgetRoutes(): void {
    const used = this.listeners.flatMap(({ table }) => table ?? [])
    const there = [...this.#tables.values()].flatMap((byCodec) => [...byCodec.values()])
    keepStates(this.#states, [...new Set([...there, ...used])])
  }

  #swapListeners(
    { listeners }: Configuration,
    codecs: ReadonlyMap<string, Codec>,
    opened: ReadonlyMap<string, Bound>,
    problems: readonly ConfigurationProblem[],
  ): void {
    const wanted = new Map(listeners.map((config) => [config.name, config]))
    const kept = new Set([...opened.values()].map(({ acceptor }) => acceptor))
    const failed = new Set(problems.flatMap(({ kind, name }) => (kind === 'listener' ? [name] : [])))
    for (const [name, bound] of this.#listeners) {
      if (wanted.has(name) && !opened.has(name)) continue
      if (!kept.has(bound.acceptor)) bound.acceptor.close()
      this.#listeners.delete(name)
      this.#leave(bound.runtime)
    }
    for (const config of listeners) {
      const fresh = opened.get(config.name)
      if (fresh) {
        this.#listeners.set(config.name, fresh)
        fresh.acceptor.target = fresh.runtime
      }
      const bound = this.#listeners.get(config.name)
      const codec = codecs.get(config.protocol)
      if (!bound || !codec) continue
      if (bound.runtime.codec !== codec) {
        this.#leave(bound.runtime)
        bound.runtime = new ListenerRuntime(config, codec)
        bound.acceptor.target = bound.runtime
      } else if (bound.runtime.config !== config && !failed.has(config.name)) bound.runtime.update(config)
      bound.runtime.table = this.#tables.get(config.routes)?.get(codec)
      fresh?.acceptor.open()
    }
  }

  #leave(runtime: ListenerRuntime): void {
    if (runtime.table) link(runtime.table, (name) => this.#clusters.get(name))
    if (runtime.clients.size > 0) this.#leaving.add(runtime)
    runtime.drain(this.#options.drainGraceMs ?? 5000)
    if (runtime.clients.size === 0) void runtime.close()
  }

  #sweep(): void {
    wake()
    for (const runtime of this.listeners) for (const client of runtime.clients) client.sweep()
    for (const runtime of this.#leaving) {
      if (runtime.clients.size > 0) continue
      this.#leaving.delete(runtime)
      void runtime.close()
      this.#forgetRoutes()
    }
    const spoken = new Set(this.listeners.map(({ codec }) => codec))
    const sweepHost = (host: Host) => {
      let alive = false
      for (const [codec, pool] of host.pools) {
        pool.sweep()
        // A protocol that changed has left its connections behind.
        if (!spoken.has(codec)) pool.drain()
        if (!pool.empty) alive = true
        else if (!spoken.has(codec)) host.forget(pool)
      }
      return alive
    }
    for (const cluster of this.#clusters.values()) {
      cluster.sweep()
      cluster.hosts.forEach(sweepHost)
    }
    for (const host of this.#removedHosts) if (!sweepHost(host)) this.#removedHosts.delete(host)
    this.engine.compact()
    this.engine.limits.sweep()
  }

  /**
   * Stops accepting, tells clients to go where their protocol can, lets requests in flight finish, ends the connections. Resolves when the last
   * is gone, and logs and spans are written; after `timeoutMs` what is left is closed.
   */
  async drain(timeoutMs = 30_000): Promise<void> {
    this.draining = true
    for (const { acceptor, runtime } of this.#listeners.values()) {
      acceptor.close()
      runtime.drain(Math.min(this.#options.drainGraceMs ?? 5000, timeoutMs / 2))
    }
    const end = performance.now() + timeoutMs
    while (this.listeners.some(({ clients }) => clients.size > 0) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await Promise.race([this.close(), new Promise((resolve) => setTimeout(resolve, lastLinesMs).unref())])
  }

  /** Ends everything at once. Resolves when logs and spans are written. */
  async close(): Promise<void> {
    this.draining = true
    this.#stopSweeping()
    this.#names.stop()
    for (const { acceptor } of this.#listeners.values()) acceptor.close()
    const written = this.listeners.map((runtime) => runtime.close())
    for (const cluster of this.#clusters.values()) {
      for (const host of cluster.hosts) for (const pool of host.pools.values()) pool.destroy()
    }
    for (const host of this.#removedHosts) for (const pool of host.pools.values()) pool.destroy()
    this.engine.stop()
    await Promise.all(written)
  }
}
