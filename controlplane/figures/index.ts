import type { Call } from './call-book.ts'
import { FigureBook } from './figure-book.ts'
import { isLoopbackAddress, Scraper, type ScrapeTarget } from './scraper.ts'

/** A connected proxy as it describes itself. */
export interface FigureNode {
  readonly id: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** Address it is connected from. */
  readonly peer: string
}

export interface FiguresOptions {
  /** Proxies connected now. */
  readonly nodes: () => readonly FigureNode[]
  /** Tells of load reports as they come in; returns the way to unsubscribe. */
  readonly onReport: (
    listener: (report: {
      readonly node: string
      readonly clusters: readonly {
        readonly cluster: string
        readonly localities: readonly { readonly succeeded: number; readonly failed: number }[]
      }[]
    }) => void,
  ) => () => void
  readonly warn?: (target: ScrapeTarget, error: Error) => void
  readonly now?: () => number
}

/** Name of the metadata of a node that says where its admin interface listens, `<ip>:<port>`. */
const ADMIN_ADDRESS = 'ADMIN_ADDRESS'

/** Figures of services, kept up to date from all that tells them. */
export class ServiceFigures {
  readonly book: FigureBook
  /** Since when figures are taken, ms since 1970. */
  readonly since: number
  readonly #scraper: Scraper
  readonly #named = new Map<string, () => Promise<string | undefined>>()
  readonly #unsubscribe: () => void
  readonly #now: () => number

  constructor({ nodes, onReport, warn, now }: FiguresOptions) {
    this.book = new FigureBook(now)
    this.#now = now ?? Date.now
    this.since = this.#now()
    this.#scraper = new Scraper({
      book: this.book,
      ...(warn ? { warn } : {}),
      targets: async () => {
        const found = new Map<string, string>()
        for (const { id, metadata, peer } of nodes()) {
          const named = await this.#named.get(id)?.()
          const address = named ?? (isLoopbackPeer(peer) ? metadata[ADMIN_ADDRESS] : undefined)
          if (typeof address === 'string' && isLoopbackAddress(address)) found.set(id, address)
        }
        return [...found].map(([node, address]) => ({ node, address }))
      },
    })
    this.#unsubscribe = onReport(({ node, clusters }) => {
      if (this.book.isRead(node)) return
      for (const { cluster, localities } of clusters) {
        const sum = { requests: 0, failed: 0 }
        for (const { succeeded, failed } of localities) {
          // Those that came to an end: what finds no connection was never issued, and has failed all the same.
          sum.requests += succeeded + failed
          sum.failed += failed
        }
        this.book.add(cluster, { ...sum, node })
      }
    })
  }

  start(): void {
    this.#scraper.start()
  }

  /** Who called whom in the last so many seconds, and how long that is. */
  calls(seconds: number): { readonly seconds: number; readonly calls: readonly Call[] } {
    const { ms, calls } = this.book.calls.recent(seconds * 1_000, this.since, this.#now())
    return { seconds: Math.round(ms / 1_000), calls }
  }

  /** Reads every proxy once. */
  round(): Promise<void> {
    return this.#scraper.round()
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#scraper.stop()
  }

  /** Somebody who started a proxy knows where its admin interface is, or will be. */
  name(node: string, address: () => Promise<string | undefined>): void {
    this.#named.set(node, address)
  }

  /** Proxies whose counters are read. */
  get reading(): readonly string[] {
    return this.#scraper.reading
  }
}

function isLoopbackPeer(peer: string): boolean {
  return /^(\[?::1\]?|\[?::ffff:127\.|127\.)/.test(peer)
}

export type { Call } from './call-book.ts'
export {
  type ClusterFigures,
  FigureBook,
  type Figures,
  REMEMBERED_MS,
  STEP_MS,
  type StepFigures,
} from './figure-book.ts'
export { addLatency, type Latency, type Percentiles, percentilesOf } from './latency.ts'
