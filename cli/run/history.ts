import { Changes } from '../../controlplane/admin/changes/changes.ts'
import type { Editing, NoEditing } from '../../controlplane/admin/editing.ts'
import { Accounts, Audit } from '../../controlplane/ledger/index.ts'
import type { ConfigStore } from './config-store.ts'
import type { Log } from './log.ts'

/** How often a history that could not be opened is asked for again, ms. */
const AGAIN_MS = 2_000

export interface HistoryOptions extends Omit<ConstructorParameters<typeof Changes>[0], 'ledger' | 'warn'> {
  readonly store: ConfigStore
  /** Whether the API can be reached from this machine only. */
  readonly loopback: boolean
  readonly log: Log
}

/**
 * The history of the configuration, and with it the right to change it. Where it cannot be opened at the start, because somebody
 * else has it or its place cannot be used, it is asked for again until it can.
 */
export class ConfigHistory {
  editing: Editing | undefined
  noEditing: NoEditing | undefined
  readonly #options: HistoryOptions
  #timer: NodeJS.Timeout | undefined
  #opening: Promise<void> | undefined
  #stopped = false

  private constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** Opens the history of a folder or a store. One that cannot be opened yet is tried again; until then nothing can be edited. */
  static async open(options: HistoryOptions): Promise<ConfigHistory> {
    const history = new ConfigHistory(options)
    if (!(await history.#open())) history.#later()
    return history
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#opening
    this.editing?.changes.stop()
    this.editing?.audit.flush()
  }

  /** Whether there is nothing more to hope for. */
  async #open(): Promise<boolean> {
    const { store, loopback, log, ...rest } = this.#options
    const again = `(tried again every ${AGAIN_MS / 1_000} s)`
    const opened = await store.openLedger()
    if (!opened) return true
    const before = this.editing
    if ('reason' in opened) {
      if (opened.reason !== this.noEditing?.reason) log.warn({ folder: store.folder }, `${opened.reason} ${again}`)
      this.noEditing = opened
      return false
    }
    const { ledger, db } = opened
    const { readOnly } = ledger
    if (before?.changes.ledger === ledger) {
      await ledger.sync()
      return readOnly === undefined
    }
    this.editing = {
      changes: new Changes({
        ...{ ...rest, ledger },
        warn: (error) =>
          log.warn({ err: error }, 'a change of the configuration could not be recorded or ended; it is tried again'),
        again: () => log.info({ folder: store.folder }, 'changes of the configuration are recorded again'),
      }),
      accounts: new Accounts(db),
      audit: new Audit(db, {
        warn: (error) => log.warn({ err: error }, 'the audit cannot be written; its entries wait'),
        again: () => log.info('the audit is written again, with the entries that waited'),
      }),
      loopback,
    }
    if (readOnly) log.warn({ folder: store.folder }, `${readOnly.reason} ${again}`)
    else if (before || this.noEditing)
      log.info({ folder: store.folder }, 'the history is there now: the configuration can be changed')
    // Who listens to its events comes back and asks for everything anew.
    before?.changes.stop()
    before?.audit.flush()
    this.noEditing = undefined
    return readOnly === undefined
  }

  #later(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#opening = this.#open()
        .catch((error: Error) => {
          this.#options.log.warn({ err: error }, 'the history cannot be opened')
          return false
        })
        .then((done) => {
          if (!done) this.#later()
        })
    }, AGAIN_MS)
    this.#timer.unref()
  }
}
