import type { AccessRows } from '../../ledger/index.ts'
import type { SourceLog } from '../contact.ts'
import { type ConsulAddress, ConsulHttp } from '../http.ts'
import { Kv, type KvEntry, readEntries } from '../kv.ts'
import { Watch } from '../watch.ts'
import { LAYOUT } from './kv-content.ts'

export interface KvAccessOptions {
  readonly address: ConsulAddress
  /** Of the store, without slashes at its ends. */
  readonly prefix: string
  readonly rows: AccessRows
  readonly log: SourceLog
  /** How often it is looked whether something changed here, ms. */
  readonly everyMs?: number
}

/** Says that the users are kept here: a store that was wiped has it no more. */
const MARK = 'format'

/**
 * Users, sessions and tokens of all replicas, below `<prefix>/access/`: what changes on one is on all within a second or two. Requests are
 * checked against each replica's own copy. Of two changes of one row the later one stands; a copy that joins takes over what is there.
 */
export class KvAccess {
  readonly #options: KvAccessOptions
  readonly #kv: Kv
  readonly #root: string
  readonly #watch: Watch
  readonly #timer: NodeJS.Timeout
  #turn: Promise<void> = Promise.resolve()
  #complaint: string | undefined

  private constructor(options: KvAccessOptions) {
    this.#options = options
    this.#kv = new Kv(new ConsulHttp(options.address))
    this.#root = `${options.prefix}/${LAYOUT.access}`
    this.#watch = new Watch(this.#kv.http, {
      path: `/v1/kv/${this.#root}`,
      query: { recurse: '' },
      minGapMs: 200,
      onAnswer: ({ value }) => {
        if (value !== undefined) readEntries(value)
        void this.#inTurn()
      },
      onError: (error) => this.#fail(error),
    })
    this.#timer = setInterval(() => {
      if (this.#changedHere()) void this.#inTurn()
    }, options.everyMs ?? 1_000)
    this.#timer.unref()
  }

  /** Begins; resolves when the copy is up to date, or Consul could not be asked. */
  static async start(options: KvAccessOptions): Promise<KvAccess> {
    const access = new KvAccess(options)
    await access.#inTurn()
    return access
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#watch.stop()
    await this.#turn
    this.#kv.http.close()
  }

  #changedHere(): boolean {
    const [local, base] = [this.#options.rows.read(), this.#options.rows.base()]
    base.delete(MARK)
    return local.size !== base.size || [...local].some(([key, row]) => base.get(key) !== row)
  }

  #inTurn(): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#sync())
      .then(
        () => {
          this.#complaint = undefined
        },
        (error: Error) => this.#fail(error),
      )
    return this.#turn
  }

  #fail(error: Error): void {
    if (this.#complaint === undefined)
      this.#options.log.warn(
        { err: error },
        'users, sessions and tokens are not shared with other replicas at present: what changed last elsewhere may be missing here',
      )
    this.#complaint = error.message
  }

  async #sync(): Promise<void> {
    const { rows, prefix } = this.#options
    const entries = await this.#kv.list(this.#root)
    const remote = new Map(entries.map((entry) => [entry.key.slice(this.#root.length), entry]))
    const local = rows.read()
    const known = rows.base()
    const marked = remote.has(MARK)
    if (!marked && known.size > 0 && !(await this.#kv.get(`${prefix}/${LAYOUT.head}`, 'consistent')))
      throw new Error(
        `${prefix} was wiped in Consul, with the users of all replicas: those known here stay, and are written there again once ` +
          'the configuration is back (from a backup, or with "meshgate store copy")',
      )
    // A store without the mark is new, or was wiped and brought back: all that is known here is new to it.
    const base = marked ? known : new Map<string, string>()
    const here = new Map<string, string | undefined>()
    const agreed = new Map<string, string | undefined>()
    for (const key of new Set([...local.keys(), ...base.keys(), ...remote.keys()])) {
      if (key === MARK) continue
      const [mine, before, entry] = [local.get(key), base.get(key), remote.get(key)]
      const theirs = entry?.value.toString('utf8')
      const changedHere = mine !== before && !(before === undefined && theirs !== undefined)
      if (!changedHere) {
        if (theirs !== mine) here.set(key, theirs)
        else if (theirs !== before) agreed.set(key, theirs)
      } else if (mine === theirs || (await this.#send(key, mine, entry))) agreed.set(key, mine)
    }
    // Last: who sees the mark takes a row that is not there for one that was removed.
    if (!marked) await this.#kv.put(this.#root + MARK, '1', 0)
    if (!known.has(MARK)) agreed.set(MARK, '1')
    if (here.size > 0 || agreed.size > 0) rows.write(here, agreed)
  }

  /** Whether it was written; not when somebody else was first, whose change is then looked at. */
  async #send(key: string, row: string | undefined, entry: KvEntry | undefined): Promise<boolean> {
    if (row !== undefined) return this.#kv.put(this.#root + key, row, entry?.modifyIndex ?? 0)
    if (entry) await this.#kv.delete(this.#root + key)
    return true
  }
}
