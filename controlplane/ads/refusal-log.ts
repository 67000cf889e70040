import type { Logger } from './logger.ts'
import { TokenBucket } from './token-bucket.ts'

/** A client that is refused tries again, mostly for ever and each half minute at the latest: what it did since is told with one of its tries. */
const EVERY_MS = 10 * 60_000
/** Refusals that are remembered; those told longest ago are forgotten first. */
const MOST_KNOWN = 1000
/** Lines at once, and in a second in the long run, whoever is refused. */
const BURST = 100
const LINES_PER_SECOND = 1

interface Told {
  readonly at: number
  /** Tries that came since, and were not told. */
  tries: number
}

/** Refusals in the log: the first of a client at once, the same ones after it summed up, and never more lines than a person can read. */
export class RefusalLog {
  private readonly logger: Logger
  private readonly now: () => number
  private readonly lines: TokenBucket
  /** Told last comes last. */
  private readonly known = new Map<string, Told>()
  /** Refusals of which there was no line, and will be none. */
  private untold = 0

  /** @param now ms; must not go back */
  constructor(logger: Logger, now: () => number) {
    this.logger = logger
    this.now = now
    this.lines = new TokenBucket(LINES_PER_SECOND, BURST, now())
  }

  /**
   * A client was refused.
   * @param address of the client; its port says nothing of who it is
   * @param what of it, where several refusals are not the same: a node, a reason
   */
  tell(level: 'info' | 'warn', address: string, what: string, fields: object, message: string): void {
    const time = this.now()
    const key = `${hostOf(address)} ${what}`
    const before = this.known.get(key)
    if (before && time - before.at < EVERY_MS) {
      before.tries++
      return
    }
    if (!this.lines.take(time)) {
      this.untold++
      return
    }
    this.remember(key, time)
    const { untold } = this
    this.untold = 0
    const tries = before ? before.tries + 1 : 1
    const minutes = before ? Math.round((time - before.at) / 60_000) : 0
    const about = { ...fields, ...(tries > 1 && { tries }), ...(untold > 0 && { untold }) }
    const again = tries > 1 ? ` (${tries} tries in ${minutes} minutes)` : ''
    const others = untold > 0 ? `; ${untold} refusals of others were left out of the log` : ''
    this.logger[level](about, `${message}${again}${others}`)
  }

  private remember(key: string, at: number): void {
    this.known.delete(key)
    this.known.set(key, { at, tries: 0 })
    if (this.known.size > MOST_KNOWN) for (const oldest of this.known.keys()) if (this.known.delete(oldest)) break
  }
}

/** An address without its port: `10.0.0.1:4711`, `::1:4711`; those of Unix sockets have none. */
function hostOf(address: string): string {
  return address.startsWith('unix:') ? address : address.replace(/:\d+$/, '')
}
