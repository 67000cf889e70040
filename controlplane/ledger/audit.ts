import { type Database, rows, run, transact } from './database.ts'
import { StorageError } from './storage-error.ts'

export type AuditOutcome = 'done' | 'refused' | 'failed'

/** Who did or tried what. Equal refusals in quick succession are one entry with a number. */
export interface AuditEntry {
  readonly id: number
  /** ms since 1970. */
  readonly at: number
  readonly who: string
  /** Address it came from. */
  readonly peer: string
  /** `POST /api/v1/apply` */
  readonly action: string
  readonly outcome: AuditOutcome
  readonly detail: string
  readonly times: number
}

type NewEntry = Pick<AuditEntry, 'who' | 'peer' | 'action' | 'outcome' | 'detail'>

export interface AuditOptions {
  readonly now?: () => number
  /** Told once when entries cannot be written; they wait. */
  readonly warn?: (error: Error) => void
  /** Told when what waited is written. */
  readonly again?: () => void
}

const KEEP = 100_000
const GATHER_MS = 1_000
/** When entries could not be written: until the next attempt. */
const RETRY_MS = 5_000
const MOST_WAITING = 1_000
const MOST_CHARACTERS = 500

/** The record of every write and every refusal. What was done is written at once; refusals gather for a second, so that a flood of them costs little. */
export class Audit {
  readonly #db: Database
  readonly #now: () => number
  readonly #warn: (error: Error) => void
  readonly #again: (() => void) | undefined
  /** What kept the last entry from being written. */
  #problem: string | undefined
  readonly #waiting = new Map<string, { entry: NewEntry; at: number; times: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor(db: Database, { now = Date.now, warn = process.emitWarning, again }: AuditOptions = {}) {
    this.#db = db
    this.#now = now
    this.#warn = warn
    this.#again = again
  }

  /** What was done is written at once; refusals, and what cannot be written now, are gathered and written together. Never throws for a disk. */
  record(entry: NewEntry): void {
    const short = { ...entry, detail: entry.detail.slice(0, MOST_CHARACTERS), who: entry.who.slice(0, 128) }
    // What cannot be written now is written with the refusals.
    if (entry.outcome === 'done' && this.#attempt(() => this.#insert(short, this.#now(), 1))) return
    const key = JSON.stringify(short)
    const known = this.#waiting.get(key)
    if (known) known.times++
    else if (this.#waiting.size < MOST_WAITING) this.#waiting.set(key, { entry: short, at: this.#now(), times: 1 })
    else
      this.#waiting.set('', {
        entry: { ...short, who: '', peer: '', detail: 'more refusals' },
        at: this.#now(),
        times: 1,
      })
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref()
  }

  /** Newest first. */
  entries(limit: number, before = Number.MAX_SAFE_INTEGER): readonly AuditEntry[] {
    this.flush()
    return rows<AuditEntry>(this.#db, 'select * from audit where id < ? order by id desc limit ?', before, limit)
  }

  /** Writes down what has gathered, or tries again later. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.size === 0) return
    const written = this.#attempt(() =>
      transact(this.#db, () => {
        for (const { entry, at, times } of this.#waiting.values()) this.#insert(entry, at, times)
        run(this.#db, 'delete from audit where id <= (select max(id) from audit) - ?', KEEP)
      }),
    )
    if (written) this.#waiting.clear()
    else this.#timer = setTimeout(() => this.flush(), RETRY_MS).unref()
  }

  /** Whether it could be written. A full disk or a lock must not keep anything else from being done. */
  #attempt(write: () => void): boolean {
    try {
      write()
      if (this.#problem !== undefined) this.#again?.()
      this.#problem = undefined
      return true
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      if (this.#problem !== error.code) this.#warn(error)
      this.#problem = error.code
      return false
    }
  }

  #insert({ who, peer, action, outcome, detail }: NewEntry, at: number, times: number): void {
    run(
      this.#db,
      'insert into audit (at, who, peer, action, outcome, detail, times) values (?, ?, ?, ?, ?, ?, ?)',
      ...[at, who, peer, action, outcome, detail, times],
    )
  }
}
