import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, openDatabase } from './database.ts'
import { type Replacement, removeLeftovers, replaceFiles } from './durable.ts'
import { contentHash, History, type RecordedChange } from './history.ts'
import { RecordedLedger } from './recorded.ts'
import { ConflictError, type FileChange, FileRefusedError, type Revision } from './revision.ts'
import type { ApplyOptions, RevisionLedger } from './revision-ledger.ts'
import { findFiles, readBytes, writeProblem } from './tree.ts'

export interface LedgerOptions {
  /** Revisions to keep; 10,000 if not given. */
  readonly keep?: number
  readonly now?: () => number
}

/** How many revisions beyond those to keep may gather before the oldest go, so that not every change pays for it. */
const SLACK = 100

/**
 * The history of a folder of configuration: one sequence of revisions, whether made through the API or by hand. The files stay
 * the truth; the database beside them (`.meshgate/ledger.db`) remembers what they were.
 *
 * A revision made through the API is first written down, then its files are replaced, then it counts. A process that dies in
 * between leaves a revision that the next `open` completes: after it, all files have the old or all have the new content.
 */
export class Ledger extends RecordedLedger implements RevisionLedger {
  readonly root: string
  readonly db: Database
  readonly #keep: number
  readonly #now: () => number
  /** What each file looked like to the file system when it was last read, with its hash. */
  readonly #seen = new Map<string, { readonly version: string; readonly hash: string }>()
  #readOnly: ReadonlySet<string> = new Set()

  private constructor(root: string, db: Database, options: LedgerOptions) {
    super(new History(db))
    this.root = root
    this.db = db
    this.#keep = options.keep ?? 10_000
    this.#now = options.now ?? Date.now
    if (!Number.isInteger(this.#keep) || this.#keep < 1) throw new RangeError('keep must be a whole number, 1 at least')
  }

  /**
   * Opens the ledger of a folder, completes what an earlier process left unfinished and records what was edited since. Do this
   * before anybody reads the files.
   * @throws Error when the folder is none or cannot be written to.
   */
  static async open(root: string, options: LedgerOptions = {}): Promise<Ledger> {
    const real = realpathSync(root)
    const ledger = new Ledger(real, openDatabase(real), options)
    try {
      await ledger.#recover()
      await ledger.sync()
      return ledger
    } catch (error) {
      ledger.db.close()
      throw error
    }
  }

  /** Whether a file may be replaced; what is reached through a link may not. */
  isWritable(file: string): boolean {
    return !this.#readOnly.has(file)
  }

  /** Compares the files with the newest revision and records what was edited by hand, if anything. */
  sync(): Promise<Revision | undefined> {
    return this.inTurn(() => this.#sync())
  }

  /**
   * Writes files and records it as a revision. One at a time: of two calls that expect the same content, one wins.
   * @throws ConflictError when a file does not hold what is expected
   * @throws FileRefusedError when a file may not be written
   * @throws Error of the file system; then nothing has changed
   */
  apply(changes: readonly FileChange[], options: ApplyOptions): Promise<Revision> {
    return this.inTurn(() => this.#apply(changes, options))
  }

  /** Forgets the oldest revisions, all but `keep`. Answers how many went. */
  compact(keep = this.#keep): number {
    return this.history.compact(keep)
  }

  /** Waits for what is under way and closes the database. */
  async close(): Promise<void> {
    this.tellNobody()
    await this.inTurn(async () => this.db.close())
  }

  async #apply(changes: readonly FileChange[], options: ApplyOptions): Promise<Revision> {
    for (const { file } of changes) {
      const problem = await writeProblem(this.root, file)
      if (problem) throw new FileRefusedError(file, problem)
    }
    // What was edited by hand a moment ago comes first, as a revision of its own.
    await this.#sync()
    const conflicts: string[] = []
    const recorded: RecordedChange[] = []
    for (const { file, bytes } of changes) {
      const before = this.file(file)?.hash
      if (options.expected.has(file) && options.expected.get(file) !== before) conflicts.push(file)
      const after = bytes && { hash: contentHash(bytes), bytes }
      if (after?.hash !== before) recorded.push({ file, before, after })
    }
    if (conflicts.length > 0) throw new ConflictError(conflicts)
    const { who, why, source, refers } = options
    const id = this.history.add({ at: this.#now(), who, why, source, refers }, recorded, 'pending')
    await this.#write(id, recorded)
    this.history.settle(id)
    if (this.history.count() > this.#keep + SLACK) this.compact()
    return this.#tell(id)
  }

  async #write(id: number, recorded: readonly RecordedChange[]): Promise<void> {
    const replacements = recorded.map(({ file, after }) => this.#replacement(file, after?.bytes))
    try {
      await replaceFiles(replacements, tagOf(id))
    } catch (error) {
      const back = recorded.map(({ file, before }) =>
        this.#replacement(file, before === undefined ? undefined : this.#kept(before)),
      )
      // If even this fails the revision stays pending, and the next start completes it.
      await replaceFiles(back, tagOf(id))
      this.history.forget(id)
      throw error
    }
  }

  /** Completes the revision a process died over. A file that was edited after that stays as it is: `sync` records it. */
  async #recover(): Promise<void> {
    const pending = this.history.pending()
    if (!pending) return
    const replacements: Replacement[] = []
    const all: Replacement[] = []
    for (const { file, before, after } of pending.files) {
      const bytes = await readBytes(this.root, file)
      const now = bytes && contentHash(bytes)
      const replacement = this.#replacement(file, after === undefined ? undefined : this.#kept(after))
      all.push(replacement)
      if (now === before) replacements.push(replacement)
    }
    await removeLeftovers(all, tagOf(pending.id))
    await replaceFiles(replacements, tagOf(pending.id))
    this.history.settle(pending.id)
  }

  async #sync(): Promise<Revision | undefined> {
    const { files, unreadable } = await findFiles(this.root)
    const known = new Map(this.files().map(({ file, hash }) => [file, hash]))
    const recorded: RecordedChange[] = []
    const present = new Set<string>()
    for (const { file, version } of files) {
      present.add(file)
      const seen = this.#seen.get(file)
      if (seen?.version === version && seen.hash === known.get(file)) continue
      const bytes = await readBytes(this.root, file).catch(() => {
        return undefined
      })
      if (!bytes) continue
      const hash = contentHash(bytes)
      this.#seen.set(file, { version, hash })
      const before = known.get(file)
      if (hash !== before) recorded.push({ file, before, after: { hash, bytes } })
    }
    this.#readOnly = new Set(files.filter(({ writable }) => !writable).map(({ file }) => file))
    for (const [file, before] of known) {
      if (present.has(file) || unreadable.some((path) => file === path || file.startsWith(`${path}/`))) continue
      recorded.push({ file, before, after: undefined })
      this.#seen.delete(file)
    }
    if (recorded.length === 0) return undefined
    const why = this.head === 0 ? 'first reading' : ''
    const id = this.history.add({ at: this.#now(), who: 'files', why, source: 'files' }, recorded, 'done')
    return this.#tell(id)
  }

  #tell(id: number): Revision {
    const revision = this.revision(id)!
    this.tell(revision)
    return revision
  }

  #replacement(file: string, bytes: Uint8Array | undefined): Replacement {
    return { path: join(this.root, file), bytes }
  }

  #kept(hash: string): Buffer {
    const bytes = this.content(hash)
    if (!bytes) throw new Error(`the ledger has lost the content ${hash}`)
    return bytes
  }
}

function tagOf(revision: number): string {
  return `meshgate-${revision}`
}
