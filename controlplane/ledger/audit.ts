import { type Database, rows, run, transact } from './database.ts'

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

const KEEP = 100_000
const MOST_WAITING = 1_000
const MOST_CHARACTERS = 500

/** The record of every write and every refusal. What was done is written at once; refusals gather for a second, so that a flood of them costs little. */
export class Audit {
  readonly #db: Database
  readonly #now: () => number
  readonly #waiting = new Map<string, { entry: NewEntry; at: number; times: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor(db: Database, now: () => number = Date.now) {
    this.#db = db
    this.#now = now
  }

  record(entry: NewEntry): void {
    const short = { ...entry, detail: entry.detail.slice(0, MOST_CHARACTERS), who: entry.who.slice(0, 128) }
    if (entry.outcome === 'done') {
      this.#insert(short, this.#now(), 1)
      return
    }
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
    this.#timer ??= setTimeout(() => this.flush(), 1_000).unref()
  }

  /** Newest first. */
  entries(limit: number, before = Number.MAX_SAFE_INTEGER): readonly AuditEntry[] {
    this.flush()
    return rows<AuditEntry>(this.#db, 'select * from audit where id < ? order by id desc limit ?', before, limit)
  }

  /** Writes down what has gathered. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    transact(this.#db, () => {
      for (const { entry, at, times } of waiting) this.#insert(entry, at, times)
      run(this.#db, 'delete from audit where id <= (select max(id) from audit) - ?', KEEP)
    })
  }

  #insert({ who, peer, action, outcome, detail }: NewEntry, at: number, times: number): void {
    run(
      this.#db,
      'insert into audit (at, who, peer, action, outcome, detail, times) values (?, ?, ?, ?, ?, ?, ?)',
      ...[at, who, peer, action, outcome, detail, times],
    )
  }
}
