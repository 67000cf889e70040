import { patiently } from './database.ts'
import type { History, RevisionFilter } from './history.ts'
import type { LedgerFile, Revision } from './revision.ts'

/** What ledgers share, wherever their files are: reading the history, telling of new revisions, one piece of work at a time. */
export abstract class RecordedLedger {
  /** The history that reads are answered from. */
  protected history: History
  readonly #listeners = new Set<(revision: Revision) => void>()
  #turn: Promise<unknown> = Promise.resolve()

  protected constructor(history: History) {
    this.history = history
  }

  /** Number of the newest revision; 0 before the first file. */
  get head(): number {
    return this.history.head()
  }

  /** Files as the newest revision has them, by name. */
  files(): readonly LedgerFile[] {
    return this.history.files()
  }

  file(file: string): LedgerFile | undefined {
    return this.history.file(file)
  }

  /** Bytes with this hash, if the ledger has them. */
  content(hash: string): Buffer | undefined {
    return this.history.content(hash)
  }

  /** Bytes of a file as it was after a revision (the newest if not given); undefined when it was not there. */
  read(file: string, revision = this.head): Buffer | undefined {
    const hash = this.history.hashAt(file, revision)
    return hash === undefined ? undefined : this.content(hash)
  }

  /** What a file held, the newest first, back to when there was no such file or the history of it is forgotten. */
  *contentsOf(file: string): Generator<{ readonly revision: number | undefined; readonly bytes: Buffer }> {
    for (const { revision, hash } of this.history.hashesOf(file)) {
      const bytes = this.content(hash)
      if (!bytes) return
      yield { revision, bytes }
    }
  }

  /** Hash of a file as it was after a revision; undefined when it was not there. */
  hashAt(file: string, revision: number): string | undefined {
    return this.history.hashAt(file, revision)
  }

  /** Hashes of all files as they were after a revision that is kept. */
  treeAt(revision: number): ReadonlyMap<string, string> {
    return this.history.treeAt(revision)
  }

  revision(id: number): Revision | undefined {
    return this.history.revision(id)
  }

  /** Newest first. */
  revisions(filter: RevisionFilter): readonly Revision[] {
    return this.history.revisions(filter)
  }

  /** What was kept of the traffic after a revision, as it was given. */
  figures(revision: number): string | undefined {
    return this.history.figures(revision)
  }

  /** Keeps what traffic did after a revision, here and not elsewhere. @throws StorageError when that cannot be written */
  keepFigures(revision: number, figures: string): Promise<void> {
    return patiently(() => this.history.keepFigures(revision, figures))
  }

  /** Calls back after each new revision. Returns the way to unsubscribe. */
  onRevision(listener: (revision: Revision) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  protected tell(revision: Revision): void {
    for (const listener of [...this.#listeners]) listener(revision)
  }

  protected tellNobody(): void {
    this.#listeners.clear()
  }

  /** Runs after all that was begun before, whether that went well or not. */
  protected inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}
