import { realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../../errors/thrown.ts'
import { type Database, databasePath, openDatabaseForServer, patiently } from './database.ts'
import { type Replacement, removeLeftovers, replaceFiles } from './durable.ts'
import { contentHash, History, type RecordedChange } from './history.ts'
import { RecordedLedger } from './recorded.ts'
import { ConflictError, type FileChange, FileRefusedError, type Revision } from './revision.ts'
import type { ApplyOptions, RevisionLedger } from './revision-ledger.ts'
import { StorageError, storageError, storageGone } from './storage-error.ts'
import { blockingDisk, type Disk, findFiles, patientDisk, readBytes, writeProblem } from './tree.ts'

export interface LedgerOptions {
  /** Revisions to keep; 10,000 if not given. */
  readonly keep?: number
  readonly now?: () => number
  /** Told of what could not be recorded for the time being. */
  readonly warn?: (error: Error) => void
}

/** How many revisions beyond those to keep may gather before the oldest go, so that not every change pays for it. */
const SLACK = 100

/**
 * The history of a folder of configuration: one sequence of revisions, whether made through the API or by hand. The files stay
 * the truth; the database beside them (`.meshgate/ledger.db`) remembers what they were.
 *
 * A revision made through the API is first written down, then its files are replaced, then it counts. A process that dies in
 * between leaves a revision that the next `open` completes, or forgets when none of its files was replaced: after it, all files have
 * the old or all have the new content. So does one whose disk was full or whose database was locked, as soon as that is over.
 */
export class Ledger extends RecordedLedger implements RevisionLedger {
  readonly root: string
  readonly db: Database
  readonly #keep: number
  readonly #now: () => number
  /** What each file looked like to the file system when it was last read, with its hash. */
  readonly #seen = new Map<string, { readonly version: string; readonly hash: string }>()
  #readOnly: ReadonlySet<string> = new Set()
  /** Which file the database was when it was opened. */
  readonly #inode: number
  /** The revision that an apply of this process could neither complete nor forget. */
  #unfinished: number | undefined

  private constructor(root: string, db: Database, options: LedgerOptions) {
    super(new History(db))
    this.root = root
    this.db = db
    this.#inode = statSync(databasePath(root)).ino
    this.#keep = options.keep ?? 10_000
    this.#now = options.now ?? Date.now
    if (!Number.isInteger(this.#keep) || this.#keep < 1) throw new RangeError('keep must be a whole number, 1 at least')
  }

  /**
   * Opens the ledger of a folder, completes what an earlier process left unfinished and records what was edited since. Do this
   * before anybody reads the files. A disk that is full now keeps edits from being recorded, not the history from being read.
   * @throws Error when the folder is none; StorageError when the database cannot be opened or read
   */
  static async open(root: string, options: LedgerOptions = {}): Promise<Ledger> {
    const real = realpathSync(root)
    const ledger = new Ledger(real, await openDatabaseForServer(real), options)
    try {
      ledger.#unfinished = ledger.history.pending()?.id
      await ledger.#syncInTurn(blockingDisk)
      return ledger
    } catch (error) {
      const storage = storageError(error)
      if (storage && options.warn && (storage.code === 'DISK_FULL' || storage.code === 'FOLDER_READ_ONLY')) {
        options.warn(storage)
        return ledger
      }
      ledger.db.close()
      throw storage ?? error
    }
  }

  /** Whether a file may be replaced; what is reached through a link may not. */
  isWritable(file: string): boolean {
    return !this.#readOnly.has(file)
  }

  /** Compares the files with the newest revision and records what was edited by hand, if anything. */
  sync(): Promise<Revision | undefined> {
    return this.#syncInTurn(patientDisk)
  }

  /**
   * Writes files and records it as a revision. One at a time: of two calls that expect the same content, one wins.
   * @throws ConflictError when a file does not hold what is expected
   * @throws FileRefusedError when a file may not be written
   * @throws StorageError when the system refuses to write; the message says whether anything has changed
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
    try {
      for (const { file } of changes) {
        const problem = await writeProblem(this.root, file)
        if (problem) throw new FileRefusedError(file, problem)
      }
      this.#stillThere()
      await this.#recover()
      // What was edited by hand a moment ago comes first, as a revision of its own.
      await this.#sync()
    } catch (error) {
      throw nothingChanged(error)
    }
    const conflicts: string[] = []
    const recorded: RecordedChange[] = []
    for (const { file, bytes } of changes) {
      const before = this.file(file)?.hash
      if (options.expected.has(file) && options.expected.get(file) !== before) conflicts.push(file)
      const after = bytes && { hash: contentHash(bytes), bytes }
      if (after?.hash !== before) recorded.push({ file, before, after })
    }
    if (conflicts.length > 0) throw new ConflictError(conflicts)
    await this.#write(await this.#begin(recorded, options), recorded)
    if (this.history.count() > this.#keep + SLACK) this.compact()
    return this.#tell(this.head)
  }

  async #begin(recorded: readonly RecordedChange[], { who, why, source, refers }: ApplyOptions): Promise<number> {
    try {
      return await patiently(() => this.history.add({ at: this.#now(), who, why, source, refers }, recorded, 'pending'))
    } catch (error) {
      throw nothingChanged(error)
    }
  }

  /** Replaces the files of a pending revision and makes it count, or brings all back to what it was. */
  async #write(id: number, recorded: readonly RecordedChange[]): Promise<void> {
    const replacements = recorded.map(({ file, after }) => this.#replacement(file, after?.bytes))
    this.#unfinished = id
    let written = false
    try {
      await replaceFiles(replacements, tagOf(id))
      written = true
      await patiently(() => this.history.settle(id))
      this.#unfinished = undefined
    } catch (error) {
      const back = recorded.map(({ file, before }) =>
        this.#replacement(file, before === undefined ? undefined : this.#kept(before)),
      )
      // If even this fails the revision stays pending: what is done next completes or forgets it, or else the next start.
      await replaceFiles(await this.#differing(back), tagOf(id)).catch(() => {
        const { code, message } = storageError(error) ?? { code: 'STORAGE_FAILED', message: errorText(error) }
        const state = written
          ? 'the change is in force, but not yet in the history: it comes there before anything else is changed'
          : 'the files may be written in part: they are completed before anything else is changed'
        throw new StorageError(code, `${state}; ${message}`, error)
      })
      const forgotten = patiently(() => this.history.forget(id)).then(() => {
        this.#unfinished = undefined
      })
      // Another attempt is made before anything else is written.
      await forgotten.catch(() => {})
      throw nothingChanged(error)
    }
  }

  /** Those that are not on the disk as they shall be. */
  async #differing(replacements: readonly Replacement[]): Promise<readonly Replacement[]> {
    const differing: Replacement[] = []
    for (const one of replacements) {
      const now = await readBytes(one.path)
      if (now === undefined || one.bytes === undefined ? now !== one.bytes : !now.equals(one.bytes)) differing.push(one)
    }
    return differing
  }

  /**
   * Completes the revision that was given up or that a process died over. A file that was edited after that stays as it is: `sync`
   * records it. A revision of which no file was written is forgotten: nobody was told that it counts.
   */
  async #recover(): Promise<void> {
    const pending = this.#unfinished === undefined ? undefined : this.history.pending()
    // One that another process is writing is its own affair.
    if (pending?.id !== this.#unfinished) this.#unfinished = undefined
    if (!pending || this.#unfinished === undefined) return
    const replacements: Replacement[] = []
    const all: Replacement[] = []
    let written = false
    for (const { file, before, after } of pending.files) {
      const bytes = await readBytes(join(this.root, file))
      const now = bytes && contentHash(bytes)
      const replacement = this.#replacement(file, after === undefined ? undefined : this.#kept(after))
      all.push(replacement)
      if (now === before) replacements.push(replacement)
      else if (now === after) written = true
    }
    await removeLeftovers(all, tagOf(pending.id))
    if (written) await replaceFiles(replacements, tagOf(pending.id))
    await patiently(() => (written ? this.history.settle(pending.id) : this.history.forget(pending.id)))
    this.#unfinished = undefined
  }

  /** @throws StorageError when what is written to the database would be lost with this process */
  #stillThere(): void {
    const { ino } = statSync(databasePath(this.root), { throwIfNoEntry: false }) ?? {}
    if (ino !== this.#inode) throw storageGone()
  }

  #syncInTurn(disk: Disk): Promise<Revision | undefined> {
    return this.inTurn(async () => {
      await this.#recover()
      return this.#sync(disk)
    })
  }

  async #sync(disk = patientDisk): Promise<Revision | undefined> {
    const { files, unreadable } = await findFiles(this.root, disk)
    const known = new Map(this.files().map(({ file, hash }) => [file, hash]))
    const recorded: RecordedChange[] = []
    const present = new Set<string>()
    for (const { file, version } of files) {
      present.add(file)
      const seen = this.#seen.get(file)
      if (seen?.version === version && seen.hash === known.get(file)) continue
      const bytes = await readBytes(join(this.root, file), disk).catch(() => undefined)
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
    const facts = { at: this.#now(), who: 'files', why, source: 'files' } as const
    const id = await patiently(() => this.history.add(facts, recorded, 'done'))
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

function nothingChanged(error: unknown): unknown {
  const storage = storageError(error)
  return storage
    ? new StorageError(storage.code, `nothing was changed: ${storage.message}`, storage.cause ?? storage)
    : error
}

function tagOf(revision: number): string {
  return `meshgate-${revision}`
}
