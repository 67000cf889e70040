import type { RevisionFilter } from './history.ts'
import type { FileChange, LedgerFile, Revision, RevisionSource } from './revision.ts'

export interface ApplyOptions {
  readonly who: string
  readonly why: string
  readonly source: RevisionSource
  readonly refers?: number | undefined
  /** Hash of what each changed file must hold now; undefined for one that must not exist. Files left out may hold anything. */
  readonly expected: ReadonlyMap<string, string | undefined>
}

/** Why a history can be read here, but not changed. */
export interface ReadOnlyReason {
  /** For the one who asks. */
  readonly reason: string
  /** Address of the API where it can be changed, where that is known. */
  readonly api?: string | undefined
}

/** One sequence of revisions of a set of files, wherever both are kept: a folder (`Ledger`) or Consul (`KvLedger`). */
export interface RevisionLedger {
  /** Number of the newest revision; 0 before the first file. */
  readonly head: number
  /** Absent where it can be changed. */
  readonly readOnly?: ReadOnlyReason
  /** Files as the newest revision has them, by name. */
  files(): readonly LedgerFile[]
  file(file: string): LedgerFile | undefined
  /** Whether a file may be replaced. */
  isWritable(file: string): boolean
  /** Bytes with this hash, if they are kept. */
  content(hash: string): Buffer | undefined
  /** Bytes of a file as it was after a revision (the newest if not given); undefined when it was not there. */
  read(file: string, revision?: number): Buffer | undefined
  /** What a file held, the newest first, back to when there was no such file; without a revision what is older than all that are kept. */
  contentsOf(file: string): Iterable<{ readonly revision: number | undefined; readonly bytes: Buffer }>
  hashAt(file: string, revision: number): string | undefined
  treeAt(revision: number): ReadonlyMap<string, string>
  revision(id: number): Revision | undefined
  /** Newest first. */
  revisions(filter: RevisionFilter): readonly Revision[]
  /** What was kept of the traffic after a revision, as it was given. */
  figures(revision: number): string | undefined
  /** Keeps what traffic did after a revision. @throws StorageError when that cannot be written */
  keepFigures(revision: number, figures: string): Promise<void>
  onRevision(listener: (revision: Revision) => void): () => void
  /** Takes over what changed elsewhere. */
  sync(): Promise<Revision | undefined>
  /** @throws ConflictError, FileRefusedError, or Error when it cannot be written; then nothing has changed */
  apply(changes: readonly FileChange[], options: ApplyOptions): Promise<Revision>
  /** Forgets the oldest revisions, all but `keep`. Answers how many went. */
  compact(keep?: number): number | Promise<number>
  close(): Promise<void>
}
