import { realpathSync } from 'node:fs'
import { type Database, openDatabaseForServer } from './database.ts'
import { History } from './history.ts'
import { RecordedLedger } from './recorded.ts'
import type { Revision } from './revision.ts'
import type { ReadOnlyReason, RevisionLedger } from './revision-ledger.ts'

/** The most revisions told of at once; who missed more asks for the list. */
const MOST_TOLD = 100

/** The history of a folder that another process keeps: everything can be read, and new revisions are found by `sync`; nothing can be changed. */
export class FollowedLedger extends RecordedLedger implements RevisionLedger {
  readonly db: Database
  readonly #why: () => ReadOnlyReason
  #told: number

  private constructor(db: Database, why: () => ReadOnlyReason) {
    super(new History(db))
    this.db = db
    this.#why = why
    this.#told = this.head
  }

  /** @param why who may change it, asked for each time it matters @throws Error when the folder is none; StorageError */
  static async open(root: string, why: () => ReadOnlyReason): Promise<FollowedLedger> {
    return new FollowedLedger(await openDatabaseForServer(realpathSync(root)), why)
  }

  get readOnly(): ReadOnlyReason {
    return this.#why()
  }

  isWritable(): boolean {
    return false
  }

  /** Tells of what the other process has recorded since. */
  async sync(): Promise<Revision | undefined> {
    const fresh = this.head > this.#told ? this.revisions({ limit: MOST_TOLD }) : []
    const told = this.#told
    this.#told = this.head
    for (const revision of [...fresh].reverse()) if (revision.id > told) this.tell(revision)
    return fresh[0]
  }

  async apply(): Promise<never> {
    throw new Error(this.readOnly.reason)
  }

  compact(): number {
    return 0
  }

  async close(): Promise<void> {
    this.tellNobody()
    this.db.close()
  }
}
