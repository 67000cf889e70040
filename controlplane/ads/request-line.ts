import { namesIn } from '../subscription/portions.ts'
import type { DiscoveryRequest } from '../subscription/request.ts'

export interface RequestLineOptions {
  /** The request as several that say the same, where it is about very many names. */
  divide(request: DiscoveryRequest): readonly DiscoveryRequest[]
  /** Whether so much must be compiled for the answer that it is done in slices first; the line is told then, in a later turn. */
  prepares(request: DiscoveryRequest, line: { ready(): void }): boolean
  take(request: DiscoveryRequest): void
  /** What waited is taken, as far as it can be at present. */
  settled(): void
  /** Whether this turn of the loop has time for an answer. */
  hasTime(): boolean
  /** Calls back in a turn that has. */
  later(work: () => void): void
  failed(error: unknown): void
  /** More wait than a client has to say before its first answer. */
  slowDown(): void
}

/** Requests that wait before the stream is read more slowly. */
const MOST_WAITING = 16
/** After a request about more names other clients are served first. */
const LIGHT = 500

/**
 * The requests of one stream in their order. Nearly all are taken as they come; one whose answer must be compiled first, that is
 * about very many names, or that comes when all others ask, too, makes those behind it wait.
 */
export class RequestLine {
  private readonly options: RequestLineOptions
  private waiting: DiscoveryRequest[] | undefined
  /** How many of the first are portions of one request. */
  private divided = 0
  /** What the first asks for is compiled. */
  private prepared = false
  private stopped = false

  constructor(options: RequestLineOptions) {
    this.options = options
  }

  /** A request that came: taken at once where there is time, or behind those that wait. May ask the transport to slow down. */
  add(request: DiscoveryRequest): void {
    if (this.waiting) {
      if (this.waiting.push(kept(request)) > MOST_WAITING) this.options.slowDown()
      return
    }
    if (!this.options.hasTime()) {
      this.waiting = [kept(request)]
      this.divided = 0
      this.options.later(() => this.go())
      return
    }
    const portions = this.options.divide(request)
    if (portions.length === 1 && !this.options.prepares(request, this)) {
      this.options.take(request)
      return
    }
    this.waiting = portions.map(kept)
    this.divided = portions.length
    if (portions.length > 1) setImmediate(() => this.go())
  }

  /** What waits is not wanted any more. */
  stop(): void {
    this.stopped = true
    this.waiting = undefined
  }

  /** What the first asks for is compiled. */
  ready(): void {
    this.prepared = true
    this.go()
  }

  private go(): void {
    try {
      this.takeWaiting()
      if (!this.stopped) this.options.settled()
    } catch (error) {
      this.stop()
      this.options.failed(error)
    }
  }

  private takeWaiting(): void {
    const { options } = this
    while (this.waiting) {
      const { waiting } = this
      if (this.divided === 0) {
        const portions = options.divide(waiting[0]!)
        waiting.splice(0, 1, ...portions)
        this.divided = portions.length
      }
      const first = waiting[0]!
      if (!this.prepared && options.prepares(first, this)) return
      this.prepared = false
      options.take(first)
      if (this.stopped) return
      waiting.shift()
      this.divided--
      if (waiting.length === 0) this.waiting = undefined
      else if (namesIn(first) > LIGHT) {
        setImmediate(() => this.go())
        return
      }
    }
  }
}

/** A request that is looked at in a later turn; what it was read from is not its own. */
function kept(request: DiscoveryRequest): DiscoveryRequest {
  return request.node ? { ...request, node: Buffer.from(request.node) } : request
}
