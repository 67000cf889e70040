import { hash as digest } from 'node:crypto'
import { type Database, row, rows, run, runEach, transact } from './database.ts'
import type { ChangedFile, LedgerFile, Revision, RevisionSource } from './revision.ts'
import { StorageError } from './storage-error.ts'

/** A change with the content to keep. */
export interface RecordedChange {
  readonly file: string
  readonly before: string | undefined
  readonly after: { readonly hash: string; readonly bytes: Uint8Array } | undefined
}

export interface RevisionFacts {
  readonly at: number
  readonly who: string
  readonly why: string
  readonly source: RevisionSource
  readonly refers?: number | undefined
}

export interface RevisionFilter {
  /** Only revisions before this one. */
  readonly before?: number | undefined
  readonly limit: number
  readonly file?: string | undefined
  readonly source?: RevisionSource | undefined
  readonly who?: string | undefined
}

/** Revisions whose figures are kept; some 30 KB each at most. */
const MOST_FIGURES = 1_000

const ROWS_AT_A_TIME = 20

interface RevisionRow {
  readonly id: number
  readonly parent: number | null
  readonly at: number
  readonly who: string
  readonly why: string
  readonly source: RevisionSource
  readonly refers: number | null
}

interface ChangeRow {
  readonly revision: number
  readonly file: string
  readonly before: string | null
  readonly after: string | null
}

/** Identifies content; equal content is kept once. */
export function contentHash(bytes: Uint8Array): string {
  return digest('sha256', bytes, 'hex')
}

/**
 * The sequence of revisions in the database. A revision is `pending` from the moment its files are about to be written until
 * all of them are; there is one such at most, and only `settle` and `forget` of the writer make it go.
 */
export class History {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Number of the newest revision; 0 when there is none. */
  head(): number {
    return row<{ id: number | null }>(this.#db, "select max(id) as id from revisions where state = 'done'")?.id ?? 0
  }

  /** Content that is kept. */
  content(hash: string): Buffer | undefined {
    const found = row<{ bytes: ArrayBuffer }>(this.#db, 'select bytes from blobs where hash = ?', hash)
    return found && Buffer.from(found.bytes)
  }

  /** Bytes of content that is kept. */
  size(hash: string): number | undefined {
    return row<{ size: number }>(this.#db, 'select length(bytes) as size from blobs where hash = ?', hash)?.size
  }

  /** Files as the last revision left them, in order of their names. */
  files(): readonly LedgerFile[] {
    return rows<LedgerFile>(this.#db, 'select file, hash, revision from files order by file')
  }

  file(file: string): LedgerFile | undefined {
    return row<LedgerFile>(this.#db, 'select file, hash, revision from files where file = ?', file)
  }

  /** Hash of a file as it was after a revision; undefined when it was not there. */
  hashAt(file: string, revision: number): string | undefined {
    const next = row<{ before: string | null }>(
      this.#db,
      "select c.before from changes c join revisions r on r.id = c.revision and r.state = 'done' where c.file = ? and c.revision > ? order by c.revision limit 1",
      file,
      revision,
    )
    return next ? (next.before ?? undefined) : this.file(file)?.hash
  }

  /**
   * Hashes of what a file held, the newest first, each with the revision that made it so (undefined for one that is forgotten), back to
   * when there was no such file. Rows are read as they are asked for, some at a time.
   */
  *hashesOf(file: string): Generator<{ readonly revision: number | undefined; readonly hash: string }> {
    let oldest: { readonly before: string | null } | undefined
    for (let below = Number.MAX_SAFE_INTEGER; ; ) {
      const found = rows<ChangeRow>(
        this.#db,
        `select c.* from changes c join revisions r on r.id = c.revision and r.state = 'done'
         where c.file = ? and c.revision < ? order by c.revision desc limit ${ROWS_AT_A_TIME}`,
        file,
        below,
      )
      for (const change of found) {
        if (change.after === null) return
        yield { revision: change.revision, hash: change.after }
        oldest = change
        below = change.revision
      }
      if (found.length < ROWS_AT_A_TIME) break
    }
    const before = oldest ? oldest.before : this.file(file)?.hash
    if (before) yield { revision: undefined, hash: before }
  }

  /** Hashes of all files as they were after a revision. */
  treeAt(revision: number): ReadonlyMap<string, string> {
    const tree = new Map(this.files().map(({ file, hash }) => [file, hash]))
    const later = rows<ChangeRow>(
      this.#db,
      "select c.* from changes c join revisions r on r.id = c.revision and r.state = 'done' where c.revision > ? order by c.revision desc",
      revision,
    )
    for (const { file, before } of later) {
      if (before === null) tree.delete(file)
      else tree.set(file, before)
    }
    return tree
  }

  /** A revision with its files; undefined where there is none, or it is not done. */
  revision(id: number): Revision | undefined {
    const found = row<RevisionRow>(this.#db, "select * from revisions where id = ? and state = 'done'", id)
    return found && this.#withFiles(found)
  }

  /** Newest first. */
  revisions({ before = Number.MAX_SAFE_INTEGER, limit, file, source, who }: RevisionFilter): readonly Revision[] {
    const found = rows<RevisionRow>(
      this.#db,
      `select * from revisions r where state = 'done' and id < ?
       and (?2 is null or exists (select 1 from changes c where c.revision = r.id and c.file = ?2))
       and (?3 is null or source = ?3) and (?4 is null or who = ?4)
       order by id desc limit ?5`,
      before,
      file ?? null,
      source ?? null,
      who ?? null,
      limit,
    )
    return found.map((one) => this.#withFiles(one))
  }

  /** Adds a revision with its content; `pending` ones count only from `settle` on. Answers its number. */
  add(facts: RevisionFacts, changes: readonly RecordedChange[], state: 'pending' | 'done'): number {
    return transact(this.#db, () => {
      const parent = this.head()
      const pending = this.pending()
      if (pending)
        throw new StorageError(
          'STORAGE_LOCKED',
          `another process is writing revision ${pending.id}: try again in a moment, or start meshgate again if that process is gone`,
        )
      const id = parent + 1
      run(
        this.#db,
        'insert into revisions (id, parent, at, who, why, source, state, refers) values (?, ?, ?, ?, ?, ?, ?, ?)',
        ...[id, parent || null, facts.at, facts.who, facts.why, facts.source, state, facts.refers ?? null],
      )
      this.#record(id, changes)
      if (state === 'done') this.#count(id)
      return id
    })
  }

  /**
   * Takes over a revision that was made elsewhere, under its own number: the one after the newest, or any as the first of all.
   * `tree` are all files after it; needed only for the first, whose earlier history is not known. `origin` is kept with it.
   */
  adopt(
    id: number,
    facts: RevisionFacts,
    changes: readonly RecordedChange[],
    origin: string,
    tree?: ReadonlyMap<string, { readonly hash: string; readonly bytes: Uint8Array }>,
  ): void {
    transact(this.#db, () => {
      const parent = this.head()
      if (parent !== 0 && id !== parent + 1) throw new Error(`revision ${id} does not follow ${parent}`)
      run(
        this.#db,
        "insert into revisions (id, parent, at, who, why, source, state, refers) values (?, ?, ?, ?, ?, ?, 'done', ?)",
        ...[id, parent || null, facts.at, facts.who, facts.why, facts.source, facts.refers ?? null],
      )
      this.#keep([...(tree?.values() ?? [])])
      const files = [...(tree ?? [])].map(([file, { hash }]) => [file, hash, id])
      runEach(this.#db, 'insert or replace into files (file, hash, revision) values (?, ?, ?)', files)
      this.#record(id, changes)
      this.#count(id)
      run(this.#db, 'insert or replace into origin (id, note) values (1, ?)', origin)
    })
  }

  /** What the newest revision that was taken over said of its origin. */
  origin(): string | undefined {
    return row<{ note: string }>(this.#db, 'select note from origin')?.note
  }

  /** The revision whose files are being written, or were when the process died. */
  pending(): { readonly id: number; readonly files: readonly ChangedFile[] } | undefined {
    const found = row<{ id: number }>(this.#db, "select id from revisions where state = 'pending'")
    return found && { id: found.id, files: this.#changes(found.id) }
  }

  /** All files of a pending revision are written: it counts. */
  settle(id: number): void {
    transact(this.#db, () => {
      if (run(this.#db, "update revisions set state = 'done' where id = ? and state = 'pending'", id) === 0)
        throw new StorageError('STORAGE_FAILED', `another process took revision ${id} back while it was written`)
      this.#count(id)
    })
  }

  /** None of the files of a pending revision is written: it never was. */
  forget(id: number): void {
    transact(this.#db, () => {
      run(this.#db, "delete from revisions where id = ? and state = 'pending'", id)
      this.#sweep()
    })
  }

  /**
   * Forgets the oldest revisions, all but `keep`, and content nothing refers to any more. What was kept can still be read and gone
   * back to. Answers how many revisions went.
   */
  compact(keep: number): number {
    return transact(this.#db, () => {
      const first = this.head() - keep + 1
      const gone = run(this.#db, "delete from revisions where id < ? and state = 'done'", first)
      if (gone === 0) return 0
      run(this.#db, 'update revisions set parent = null where id = ?', first)
      this.#sweep()
      return gone
    })
  }

  /** What was kept of the traffic after a revision. */
  figures(revision: number): string | undefined {
    return row<{ figures: string }>(this.#db, 'select figures from figures where revision = ?', revision)?.figures
  }

  /** Keeps what traffic did after a revision, for the newest of those that have any. Of a revision that is not kept nothing is. */
  keepFigures(revision: number, figures: string): void {
    transact(this.#db, () => {
      run(
        this.#db,
        'insert or replace into figures (revision, figures) select id, ? from revisions where id = ?',
        ...[figures, revision],
      )
      run(
        this.#db,
        'delete from figures where revision <= (select revision from figures order by revision desc limit 1 offset ?)',
        MOST_FIGURES,
      )
    })
  }

  /** How many revisions are kept, those that are not done included. */
  count(): number {
    return row<{ n: number }>(this.#db, 'select count(*) as n from revisions')?.n ?? 0
  }

  #sweep(): void {
    run(
      this.#db,
      `delete from blobs where not exists (select 1 from changes where before = blobs.hash)
       and not exists (select 1 from changes where after = blobs.hash)
       and not exists (select 1 from files where files.hash = blobs.hash)`,
    )
  }

  #keep(contents: readonly { readonly hash: string; readonly bytes: Uint8Array }[]): void {
    const values = contents.map(({ hash, bytes }) => [hash, bytes])
    runEach(this.#db, 'insert or ignore into blobs (hash, bytes) values (?, ?)', values)
  }

  #record(id: number, changes: readonly RecordedChange[]): void {
    this.#keep(changes.flatMap(({ after }) => after ?? []))
    const values = changes.map(({ file, before, after }) => [id, file, before ?? null, after?.hash ?? null])
    runEach(this.#db, 'insert into changes (revision, file, before, after) values (?, ?, ?, ?)', values)
  }

  /** Makes the files of a revision those in force. */
  #count(id: number): void {
    const gone = 'select file from changes where revision = ? and after is null'
    run(this.#db, `delete from files where file in (${gone})`, id)
    run(
      this.#db,
      `insert or replace into files (file, hash, revision)
       select file, after, revision from changes where revision = ? and after is not null`,
      id,
    )
  }

  #changes(id: number): readonly ChangedFile[] {
    return rows<ChangeRow>(this.#db, 'select * from changes where revision = ? order by file', id).map(
      ({ file, before, after }) => ({ file, before: before ?? undefined, after: after ?? undefined }),
    )
  }

  #withFiles({ id, parent, at, who, why, source, refers }: RevisionRow): Revision {
    const files = this.#changes(id)
    return { id, parent: parent ?? undefined, at, who, why, source, refers: refers ?? undefined, files }
  }
}
