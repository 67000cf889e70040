import type { ServiceFigures, StepFigures } from '../../figures/index.ts'
import type { RevisionLedger } from '../../ledger/index.ts'

/** How long a change is looked at, and what came before it, ms. */
const WATCH_MS = 5 * 60_000
/** What is counted in a window is known when counters were read once more, ms. */
const LAST_READING_MS = 10_000
const MOST_SERVICES = 20
/** Services whose course is kept; of the others the sums are. */
const MOST_COURSES = 5
/** Revisions watched at the same time. */
const MOST_WATCHED = 50

interface WindowFigures {
  readonly seconds: number
  readonly requests: number
  readonly failed: number
  readonly p50Ms?: number
  readonly p99Ms?: number
}

/** Traffic of the services a revision touches. */
export interface RevisionTraffic {
  /** ISO 8601. */
  readonly appliedAt: string
  /** When the figures are complete. */
  readonly until: string
  /** Proxies whose counters are read. */
  readonly reading: number
  /** Services left out. */
  readonly more: number
  readonly services: readonly {
    readonly hostname: string
    readonly before: WindowFigures
    readonly after: WindowFigures
    readonly steps: readonly StepFigures[]
  }[]
}

type Figures = Pick<ServiceFigures, 'book' | 'reading' | 'since'>

export interface TrafficWatchOptions {
  readonly ledger: Pick<RevisionLedger, 'figures' | 'keepFigures' | 'readOnly'>
  readonly figures?: Figures | undefined
  readonly now?: () => number
  /** Told of figures that could not be kept. */
  readonly warn: (error: Error) => void
}

interface Watched {
  readonly services: readonly string[]
  /** ms since 1970. */
  readonly at: number
  readonly timer: NodeJS.Timeout
}

/** Looks at the traffic of the services that revisions touch, for five minutes each, and keeps beside the revision what it saw. */
export class TrafficWatch {
  readonly #options: TrafficWatchOptions
  readonly #now: () => number
  readonly #watched = new Map<number, Watched>()

  constructor(options: TrafficWatchOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** @param at when it was applied, ms since 1970 */
  begin(revision: number, services: readonly string[], at: number): void {
    this.#end(revision)
    // By the clock of who applied it, which may be another's and wrong.
    const left = Math.min(WATCH_MS, at + WATCH_MS - this.#now())
    const timer = setTimeout(() => this.#end(revision), left + LAST_READING_MS).unref()
    this.#watched.set(revision, { services, at, timer })
    for (const oldest of this.#watched.keys()) if (this.#watched.size > MOST_WATCHED) this.#end(oldest)
  }

  /** What is known so far, or what was kept; undefined of a revision nobody watched. */
  of(revision: number): RevisionTraffic | undefined {
    const watched = this.#watched.get(revision)
    if (watched) return trafficAround(this.#options.figures, watched.services, watched.at, this.#now())
    const kept = this.#options.ledger.figures(revision)
    return kept === undefined ? undefined : (JSON.parse(kept) as RevisionTraffic)
  }

  /** Keeps what was seen so far. */
  stop(): void {
    for (const revision of [...this.#watched.keys()]) this.#end(revision)
  }

  #end(revision: number): void {
    const watched = this.#watched.get(revision)
    if (!watched) return
    clearTimeout(watched.timer)
    const { ledger, figures, warn } = this.#options
    if (!ledger.readOnly) {
      const now = this.#now()
      const { services, until, ...rest } = trafficAround(figures, watched.services, watched.at, now)
      const ended = new Date(Math.min(now, Date.parse(until))).toISOString()
      const kept = services.map((one, place) => (place < MOST_COURSES ? one : { ...one, steps: [] }))
      ledger.keepFigures(revision, JSON.stringify({ ...rest, until: ended, services: kept })).catch(warn)
    }
    this.#watched.delete(revision)
  }
}

/** @param appliedAt and `now` in ms since 1970 */
function trafficAround(
  figures: Figures | undefined,
  services: readonly string[],
  appliedAt: number,
  now: number,
): RevisionTraffic {
  const end = Math.min(now, appliedAt + WATCH_MS)
  const start = Math.max(appliedAt - WATCH_MS, Math.min(figures?.since ?? appliedAt, appliedAt))
  const window = (hostname: string, from: number, to: number) => ({
    seconds: Math.round((to - from) / 1_000),
    ...(figures?.book.between(hostname, from, to) ?? { requests: 0, failed: 0 }),
  })
  const all = services
    .map((hostname) => ({
      hostname,
      before: window(hostname, start, appliedAt),
      after: window(hostname, appliedAt, end),
      steps: figures?.book.steps(hostname, start, end) ?? [],
    }))
    .sort((a, b) => b.before.requests + b.after.requests - a.before.requests - a.after.requests)
  return {
    appliedAt: new Date(appliedAt).toISOString(),
    until: new Date(appliedAt + WATCH_MS).toISOString(),
    reading: figures?.reading.length ?? 0,
    more: Math.max(0, all.length - MOST_SERVICES),
    services: all.slice(0, MOST_SERVICES),
  }
}
