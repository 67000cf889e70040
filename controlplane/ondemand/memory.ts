import { Saver } from '../../files/saver.ts'
import type { WorkingSet } from '../subscription/on-demand.ts'
import { isVirtualHostName, splitGeneration } from '../xds/names.ts'
import type { NodeInfo, OnDemand } from '../xds/resource.ts'
import { GenerationBook } from './generations.ts'
import { type Holder, type IdlePolicy, lettingGo, type Usage } from './letting-go.ts'
import type { StateStore } from './state.ts'
import { WorkingSets } from './working-sets.ts'
import { workloadOf } from './workload.ts'

/** A connected proxy that gets clusters on demand. */
export interface LazyProxy {
  readonly node: NodeInfo
  readonly classKey: string
  readonly onDemand: OnDemand
  /** Names on the wire of the clusters it is told about by name. */
  readonly clusters: Iterable<string>
  /** It remembers so many names of clusters that went that it is to keep those it has. */
  readonly keepsAll: boolean
}

export interface MemoryLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface OnDemandMemoryOptions {
  /** Where it is kept over restarts. Default: nowhere. */
  readonly store?: StateStore
  readonly usage: Usage
  /** How long nobody must have used a cluster for a class to let go of it, in ms; 0 keeps all. */
  readonly idleMs: () => number
  readonly logger: MemoryLogger
  /** The clock of `usage`, ms. Default: that of the machine. */
  readonly now?: () => number
  /** How often it is looked for clusters to let go of, in ms. Default: 10,000, as often as proxies report. */
  readonly sweepMs?: number
}

/** What is known of the lazy side of one proxy, for status pages. */
export interface OnDemandFigures {
  readonly workload: string
  /** Clusters a new replica of the workload would get at once. */
  readonly learned: number
  /** Clusters its class has let go of at least once. */
  readonly evicted: number
}

const BATCH = 200
const SAVE_AFTER_MS = 500

/** Working sets, generations and what is done with them over time. One for a control plane. */
export class OnDemandMemory {
  readonly generations = new GenerationBook()
  readonly #sets = new WorkingSets()
  readonly #options: OnDemandMemoryOptions
  readonly #now: () => number
  readonly #saver: Saver | undefined
  #sweeper: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined
  #evictions = 0

  constructor(options: OnDemandMemoryOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#saver = options.store && this.#saverTo(options.store, options.logger)
    this.generations.onChange(() => this.#changed())
  }

  /** Clusters let go of by this process. */
  get evictions(): number {
    return this.#evictions
  }

  /** Workloads something is remembered of. */
  get workloads(): number {
    return this.#sets.snapshot().size
  }

  /** Reads what an earlier process knew. A state that cannot be read costs cold requests, not the start. */
  async load(): Promise<void> {
    const { store, logger } = this.#options
    try {
      const state = await store?.load()
      for (const [workload, clusters] of state?.workloads ?? []) this.#sets.learn(workload, [...clusters])
      for (const [classKey, known] of state?.generations ?? []) this.generations.learn(classKey, known)
    } catch (error) {
      logger.warn({ err: error }, 'what workloads use is not known: their new replicas start cold')
    }
    this.#saver?.upToDate()
    this.#unsubscribe = store?.onOthers?.(({ workloads, generations }) => {
      let fresh = false
      for (const [workload, clusters] of workloads) if (this.#sets.learn(workload, [...clusters])) fresh = true
      // Only burnt: to rename what the proxies here use would make them ask again for all of it.
      for (const known of generations.values())
        for (const [cluster, generation] of known) this.generations.burn(cluster, generation)
      if (fresh) this.#changed()
    })
  }

  /** For `XdsServerOptions.workingSets`. */
  workingSet(node: NodeInfo): WorkingSet {
    const workload = workloadOf(node)
    return {
      learned: () => this.#sets.of(workload),
      asked: (clusters) => {
        if (this.#sets.learn(workload, clusters.map(baseName))) this.#changed()
      },
      named: (names) => {
        for (const name of names) {
          const { cluster, generation } = splitGeneration(name)
          if (generation > 0) this.generations.burn(cluster, generation)
        }
      },
      returned: (classKey, names) => {
        const known = new Map<string, number>()
        for (const name of names) {
          const { cluster, generation } = splitGeneration(name)
          if (generation > (known.get(cluster) ?? 0)) known.set(cluster, generation)
        }
        this.generations.learn(classKey, known)
      },
    }
  }

  /** What is learned for the workload of a node, and how many clusters of its class were let go of. */
  figures(node: NodeInfo, classKey: string): OnDemandFigures {
    const workload = workloadOf(node)
    return {
      workload,
      learned: [...this.#sets.of(workload)].filter((name) => !isVirtualHostName(name)).length,
      evicted: this.generations.renamed(classKey).length,
    }
  }

  /** Begins to look now and then for clusters nobody uses. */
  start(proxies: () => Iterable<LazyProxy>): void {
    this.#sweeper = setInterval(() => this.sweep(proxies()), this.#options.sweepMs ?? 10_000)
    this.#sweeper.unref()
  }

  /** Lets go of what nobody uses. @returns how many clusters, over all classes */
  sweep(proxies: Iterable<LazyProxy>): number {
    const { usage, idleMs, logger } = this.#options
    const idle = idleMs()
    if (idle <= 0) return 0
    const classes = new Map<string, { readonly onDemand: OnDemand; readonly holders: Holder[] }>()
    for (const { node, classKey, onDemand, clusters, keepsAll } of proxies) {
      const known = classes.get(classKey) ?? { onDemand, holders: [] }
      classes.set(classKey, known)
      known.holders.push({ node: node.id, workload: workloadOf(node), clusters, keepsAll })
    }
    let count = 0
    for (const [classKey, { onDemand, holders }] of classes) {
      const always = new Set(onDemand.eager())
      const mayGo = (name: string) =>
        name.startsWith('outbound|') && !always.has(name) && onDemand.present(name) === name
      const times = (name: string) => this.generations.times(classKey, baseName(name))
      const policy: IdlePolicy = { idleMs: idle, batch: BATCH, times }
      const { unused, unlearned } = lettingGo(holders, usage, mayGo, policy, this.#now())
      for (const [workload, clusters] of unlearned)
        if (this.#sets.forget(workload, clusters.map(baseName))) this.#changed()
      if (unused.length === 0) continue
      this.generations.next(classKey, unused.map(baseName))
      count += unused.length
      logger.info({ class: classKey, clusters: unused.length }, 'clusters nobody used are let go of')
    }
    this.#evictions += count
    return count
  }

  /** Ends the clock and saves what is not saved yet. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    clearInterval(this.#sweeper)
    await this.#saver?.stop()
  }

  #changed(): void {
    this.#saver?.save()
  }

  #saverTo(store: StateStore, logger: MemoryLogger): Saver {
    return new Saver({
      write: () => store.save({ workloads: this.#sets.snapshot(), generations: this.generations.snapshot() }),
      failed: (err) =>
        logger.warn({ err }, 'what workloads use cannot be saved, it is tried again: after a restart they start cold'),
      recovered: () => logger.info({}, 'what workloads use is saved again'),
      afterMs: SAVE_AFTER_MS,
    })
  }
}

function baseName(name: string): string {
  return splitGeneration(name).cluster
}
