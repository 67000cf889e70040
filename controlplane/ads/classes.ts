import type { ResourceType } from '../../proto/types.ts'
import type { StatusBook } from '../status/book.ts'
import { ClassLog } from '../subscription/class-log.ts'
import type { Verdicts } from '../subscription/verdicts.ts'
import type { View } from '../xds/resource.ts'

/** Classes without clients whose view is kept: what was compiled for some thousand services is some 20 MB. */
const MOST_IDLE = 8
/** Names looked at in one step, less than a millisecond. */
const AT_ONCE = 100

/**
 * The classes that have clients, each with its log. A log without clients goes; what the class accepted, and what was compiled for it,
 * is kept a while: the only proxy of a class that restarts or is sent to another replica comes back to it.
 */
export class Classes {
  /** Counts the changes of the configuration. */
  readonly epoch = { now: 0 }
  /** Names that are asked for and do not exist. */
  readonly missing = { count: 0 }
  private readonly logs = new Map<string, ClassLog>()
  /** Held for nothing but to be found again by those who make views; oldest first. */
  private readonly idle = new Map<string, { readonly view: View; readonly until: number }>()
  private readonly status: StatusBook
  private readonly verdictChanged: () => void
  private readonly idleMs: number

  /** @param idleMs how long what was compiled for a class is kept without a client */
  constructor(status: StatusBook, idleMs: number, verdictChanged: () => void) {
    this.status = status
    this.idleMs = idleMs
    this.verdictChanged = verdictChanged
  }

  /** The log of a class, from now on with this view; made where the class has none. */
  of(view: View): ClassLog {
    this.idle.delete(view.key)
    const known = this.logs.get(view.key)
    if (known) {
      known.setView(view)
      return known
    }
    // Verdicts outlive the class: what they hold on to must not be its view.
    const { key } = view
    const log = new ClassLog(view, this.epoch, this.verdicts(key), this.missing)
    this.logs.set(key, log)
    return log
  }

  [Symbol.iterator](): IterableIterator<ClassLog> {
    return this.logs.values()
  }

  /**
   * To be called when a client has left the class.
   * @param now ms
   */
  left(log: ClassLog, now: number): void {
    if (log.readers.size > 0 || this.logs.get(log.key) !== log) return
    this.logs.delete(log.key)
    log.retire()
    this.status.classIdle(log.key)
    this.idle.delete(log.key)
    this.idle.set(log.key, { view: log.view, until: now + this.idleMs })
    if (this.idle.size > MOST_IDLE) for (const oldest of this.idle.keys()) if (this.idle.delete(oldest)) break
  }

  /**
   * Lets go of what was compiled for a client that left before it was told, a portion with each step: of names that do not exist there may be
   * any number, and of authorities, and nobody else would ever let go of them. What else exists is likely to be asked for again.
   * @param names those it asked for
   */
  *forsake(view: View, type: ResourceType, names: Iterable<string>): Generator<void> {
    let count = 0
    for (const name of names) {
      // By now others may ask for the same.
      const log = this.logs.get(view.key)
      const isFollowed = log?.view === view && log.of(type).follows(name)
      if (!isFollowed && (type === 'vhds' || !view.get(type, name))) view.forget?.(type, name)
      if (++count % AT_ONCE === 0) yield
    }
  }

  /**
   * Lets go of what was kept long enough.
   * @param now ms
   */
  tick(now: number): void {
    for (const [key, { until }] of this.idle) {
      if (until > now) return
      this.idle.delete(key)
    }
  }

  private verdicts(key: string): Verdicts {
    return this.status.verdicts(key, () => this.changed(key))
  }

  private changed(key: string): void {
    this.logs.get(key)?.invalidate()
    this.verdictChanged()
  }
}
