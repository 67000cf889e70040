import type { StatusBook } from '../status/book.ts'
import { ClassLog } from '../subscription/class-log.ts'
import type { View } from '../xds/resource.ts'

/** The classes that have clients, each with its log. A log without clients goes; what the class accepted is kept a while. */
export class Classes {
  /** Counts the changes of the configuration. */
  readonly epoch = { now: 0 }
  /** Names that are asked for and do not exist. */
  readonly missing = { count: 0 }
  private readonly logs = new Map<string, ClassLog>()
  private readonly status: StatusBook
  private readonly verdictChanged: () => void

  constructor(status: StatusBook, verdictChanged: () => void) {
    this.status = status
    this.verdictChanged = verdictChanged
  }

  of(view: View): ClassLog {
    const known = this.logs.get(view.key)
    if (known) {
      known.setView(view)
      return known
    }
    const log: ClassLog = new ClassLog(
      view,
      this.epoch,
      this.status.verdicts(view.key, () => this.changed(view.key)),
      this.missing,
    )
    this.logs.set(view.key, log)
    return log
  }

  [Symbol.iterator](): IterableIterator<ClassLog> {
    return this.logs.values()
  }

  /** To be called when a client has left the class. */
  left(log: ClassLog): void {
    if (log.readers.size > 0 || this.logs.get(log.key) !== log) return
    this.logs.delete(log.key)
    this.status.classIdle(log.key)
  }

  private changed(key: string): void {
    this.logs.get(key)?.invalidate()
    this.verdictChanged()
  }
}
