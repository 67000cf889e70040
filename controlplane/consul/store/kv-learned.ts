import { asError } from '../../../errors/thrown.ts'
import {
  joinLearned,
  type Learned,
  type LearnedStore,
  NOTHING_LEARNED,
  type SharedLearnedStore,
} from '../../shared/index.ts'
import type { SourceLog } from '../contact.ts'
import { type ConsulAddress, ConsulHttp } from '../http.ts'
import { Kv, pathOf } from '../kv.ts'
import { Watch } from '../watch.ts'
import { LAYOUT } from './kv-content.ts'
import { LearnedParts } from './learned-parts.ts'

export interface KvLearnedOptions {
  readonly address: ConsulAddress
  /** Of the store, without slashes at its ends. */
  readonly prefix: string
  readonly log: SourceLog
  /** Least time between two writes of this replica, ms: each goes through the log of all servers. */
  readonly writeMs?: number
  /** Least time between two reads of what others wrote, ms. */
  readonly readMs?: number
  /** ms since 1970. */
  readonly now?: () => number
}

/** How long a start waits for what others learned, ms. */
const LOAD_MS = 3_000
/** How often what would expire is said again, ms. */
const RENEW_MS = 6 * 3_600_000

/**
 * Shares what was learned on demand with the other replicas, below `<prefix>/learned/`: a proxy that moves to another replica, and a
 * new replica of its workload there, start warm. Everything is kept by `own` as before; Consul only adds to it. Written when something
 * is new, each part by check-and-set, and not more often than every `writeMs`.
 */
export class KvLearned implements SharedLearnedStore {
  readonly #own: LearnedStore
  readonly #http: ConsulHttp
  readonly #parts: LearnedParts
  readonly #path: string
  readonly #log: SourceLog
  readonly #writeMs: number
  readonly #readMs: number
  readonly #listeners = new Set<(news: Learned) => void>()
  #mine = NOTHING_LEARNED
  #watch: Watch | undefined
  #timer: NodeJS.Timeout | undefined
  #renewal: NodeJS.Timeout | undefined
  #writtenAt = Number.NEGATIVE_INFINITY
  #turn: Promise<void> = Promise.resolve()
  #stopped = false
  #complains = false

  constructor(own: LearnedStore, options: KvLearnedOptions) {
    const { address, prefix, log, writeMs = 5_000, readMs = 10_000, now = Date.now } = options
    const root = `${prefix}/${LAYOUT.learned}`
    this.#own = own
    this.#http = new ConsulHttp(address)
    this.#parts = new LearnedParts({ kv: new Kv(this.#http), root, log, now, onNews: (news) => this.#tell(news) })
    this.#path = pathOf(root)
    this.#log = log
    this.#writeMs = writeMs
    this.#readMs = readMs
  }

  async load(): Promise<Learned> {
    this.#mine = (await this.#own.load()) ?? NOTHING_LEARNED
    const shared = await this.#loadShared()
    this.#follow()
    return joinLearned(this.#mine, shared)
  }

  async save(learned: Learned): Promise<void> {
    this.#mine = learned
    await this.#own.save(learned)
    this.#schedule()
  }

  onOthers(listener: (news: Learned) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    this.#watch?.stop()
    clearInterval(this.#renewal)
    if (this.#timer) await this.#write()
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#turn
    this.#http.close()
  }

  async #loadShared(): Promise<Learned> {
    try {
      const query = { recurse: '', consistent: '' }
      const { value } = await this.#http.json({ path: this.#path, query, timeoutMs: LOAD_MS })
      return this.#parts.takeAll(value)
    } catch (error) {
      this.#failed(asError(error))
      return NOTHING_LEARNED
    }
  }

  #follow(): void {
    this.#watch = new Watch(this.#http, {
      path: this.#path,
      query: { recurse: '' },
      minGapMs: this.#readMs,
      onAnswer: ({ value }) => {
        this.#tell(this.#parts.takeAll(value))
        // Of what is gone there something may be known here.
        this.#schedule()
      },
      onError: (error) => this.#failed(error),
    })
    this.#renewal = setInterval(() => this.#schedule(), RENEW_MS)
    this.#renewal.unref()
  }

  #schedule(): void {
    if (this.#timer || this.#stopped) return
    const waitMs = Math.max(0, this.#writtenAt + this.#writeMs - performance.now())
    this.#timer = setTimeout(() => void this.#write(), waitMs)
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writtenAt = performance.now()
    this.#turn = this.#turn.then(async () => {
      try {
        await this.#parts.add(this.#mine)
        this.#worked()
      } catch (error) {
        this.#failed(asError(error))
        this.#schedule()
      }
    })
    await this.#turn
  }

  #tell(news: Learned): void {
    if (news.workloads.size + news.generations.size === 0) return
    for (const listener of [...this.#listeners]) listener(news)
  }

  #failed(error: Error): void {
    if (!this.#complains && !this.#stopped)
      this.#log.warn({ err: error }, 'what proxies use on demand is not shared with other replicas at present')
    this.#complains = true
  }

  #worked(): void {
    if (this.#complains)
      this.#log.info({ consul: this.#http.url }, 'what proxies use on demand is shared with other replicas again')
    this.#complains = false
  }
}
