import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ApplyOptions,
  ConflictError,
  contentHash,
  type FileChange,
  FileRefusedError,
  History,
  nameProblem,
  openDatabase,
  RecordedLedger,
  type Revision,
  type RevisionLedger,
  STATE_FOLDER,
} from '../ledger/index.ts'
import { folderBeside, mendCopy, takePlace } from './copy-folders.ts'
import { CopyState } from './copy-state.ts'
import { type ConsulAddress, ConsulError, ConsulHttp } from './http.ts'
import { Kv, type KvEntry, readEntries } from './kv.ts'
import { compactStore } from './kv-compaction.ts'
import { KvContent, LAYOUT } from './kv-content.ts'
import { type Head, readJson, revisionOf, type StoredFile, type StoredRevision } from './kv-records.ts'
import type { SessionLock } from './lock.ts'
import { Watch } from './watch.ts'

export interface KvLedgerOptions {
  readonly address: ConsulAddress
  /** Keys begin with it; without slashes at its ends. */
  readonly prefix: string
  /** Folder for the copy that reads are answered from, and that a start without Consul serves. */
  readonly mirror: string
  readonly keep?: number
  /** How long content that no revision refers to is left in Consul, ms. */
  readonly graceMs?: number
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** Where `head` stands, for check-and-set. */
interface Known {
  /** 0 when there is none. */
  readonly index: number
  readonly swept: string | undefined
}

/** Which state of which store the copy is of. */
interface Origin {
  readonly name: string
  readonly revision: number
  readonly manifest: string
}

/** Longest list of files that stands in the revision itself, characters: a transaction takes 512 KiB in base64. */
const MOST_LISTED = 128 * 1024

/** Tries of one apply against others who write at the same time. */
const TRIES = 20
/** Tries of reading revisions whose content goes meanwhile, because they are forgotten. */
const READS = 10
const GRACE_MS = 3_600_000
const MOST_BACKOFF_MS = 10_000

/**
 * The history of a configuration in Consul: one sequence for all replicas. A revision exists when one transaction has set `head`
 * from the revision before it and written the revision's own key: of two writers at the same time one wins, the other looks
 * again, and is refused only if the same files changed. A copy of everything is kept on the disk, which all reads are from.
 */
export class KvLedger extends RecordedLedger implements RevisionLedger {
  readonly #kv: Kv
  readonly #content: KvContent
  readonly #prefix: string
  readonly #options: KvLedgerOptions
  #db: ReturnType<typeof openDatabase>
  #watch: Watch | undefined
  readonly #state: CopyState
  #failures = 0
  #retry: NodeJS.Timeout | undefined
  #closed = false

  private constructor(options: KvLedgerOptions, db: ReturnType<typeof openDatabase>) {
    super(new History(db))
    this.#options = options
    this.#prefix = `${options.prefix.replace(/^\/+|\/+$/g, '')}/`
    this.#kv = new Kv(new ConsulHttp(options.address))
    this.#content = new KvContent(this.#kv, this.#prefix)
    this.#db = db
    this.#state = new CopyState(this.name, join(options.mirror, 'as-of'), options.log)
  }

  /**
   * Opens the store and brings the copy up to it. Without an answer the copy is served as it is, if there is one.
   * @throws ConsulError when Consul cannot be read and nothing is known of it
   */
  static async open(options: KvLedgerOptions): Promise<KvLedger> {
    await mkdir(options.mirror, { recursive: true })
    mendCopy(options.mirror)
    const ledger = new KvLedger(options, openDatabase(options.mirror))
    try {
      await ledger.inTurn(() => ledger.#catchUp())
    } catch (error) {
      if (ledger.head === 0 || !ledger.#isSameStore()) {
        await ledger.close()
        throw error
      }
      ledger.#state.failed(error as Error)
    }
    ledger.#follow()
    return ledger
  }

  /** `consul:http://…/prefix` */
  get name(): string {
    return `consul:${this.#kv.http.url}/${this.#prefix.slice(0, -1)}`
  }

  /** The newest complaint while Consul does not answer; reads go on from the copy. */
  get error(): string | undefined {
    return this.#state.error
  }

  get lastContact(): number | undefined {
    return this.#state.lastContact
  }

  /** When the copy was last known to be that of the head, by this process or an earlier one; ms since 1970. */
  get asOf(): number | undefined {
    return this.#state.asOf
  }

  isWritable(): boolean {
    return true
  }

  /** Takes over revisions of other replicas. */
  sync(): Promise<Revision | undefined> {
    return this.inTurn(async () => {
      const before = this.head
      await this.#catchUp()
      return this.head === before ? undefined : this.revision(this.head)
    })
  }

  apply(changes: readonly FileChange[], options: ApplyOptions): Promise<Revision> {
    for (const { file } of changes) {
      const problem = nameProblem(file)
      if (problem) return Promise.reject(new FileRefusedError(file, problem))
    }
    return this.inTurn(() => this.#apply(changes, options))
  }

  /**
   * Forgets the oldest revisions in the copy, and, where the lock is held or there is none, in Consul, with the content nothing
   * refers to any more. A holder that was paused beyond its session is refused by Consul itself. Answers how many revisions went
   * from Consul.
   */
  compact(keep = this.#options.keep ?? 10_000, lock?: SessionLock): Promise<number> {
    return this.inTurn(async () => {
      this.history.compact(keep)
      if (lock && !lock.held) return 0
      const done = await compactStore({
        ...{ kv: this.#kv, content: this.#content, prefix: this.#prefix, keep },
        graceMs: this.#options.graceMs ?? GRACE_MS,
        ...(lock ? { fence: () => lock.fence() } : {}),
        treeAt: (revision) => this.treeAt(revision),
        sizeOf: (hash) => this.history.size(hash),
      })
      if (done.revisions + done.content > 0)
        this.#options.log.info({ store: this.name, ...done }, 'forgot old revisions, and content nothing refers to')
      return done.revisions
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.tellNobody()
    this.#watch?.stop()
    this.#state.note()
    clearTimeout(this.#retry)
    await this.inTurn(async () => this.#db.close()).catch(() => {})
    this.#kv.http.close()
  }

  #follow(): void {
    this.#watch = new Watch(this.#kv.http, {
      path: `/v1/kv/${this.#prefix}${LAYOUT.head}`,
      minGapMs: 20,
      onAnswer: ({ value }) => {
        if (value !== undefined) readEntries(value)
        this.#update()
      },
      onContact: () => this.#state.answered(),
      onError: (error) => this.#state.failed(error),
    })
    if (this.error !== undefined) this.#retryLater()
  }

  /** Catches up, and tries again until it has: nothing else may happen for hours that would make it. */
  #update(): void {
    clearTimeout(this.#retry)
    this.inTurn(() => this.#catchUp()).catch((error: Error) => {
      if (this.#closed) return
      this.#state.failed(error)
      this.#retryLater()
    })
  }

  #retryLater(): void {
    const most = Math.min(MOST_BACKOFF_MS, 250 * 2 ** Math.min(this.#failures++, 10))
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#update(), most / 2 + Math.random() * (most / 2)).unref()
  }

  async #apply(changes: readonly FileChange[], options: ApplyOptions): Promise<Revision> {
    const request = randomUUID()
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const known = await this.#catchUp()
      const conflicts: string[] = []
      const recorded: { file: string; before: string | undefined; bytes: Uint8Array | undefined }[] = []
      for (const { file, bytes } of changes) {
        const before = this.file(file)?.hash
        if (options.expected.has(file) && options.expected.get(file) !== before) conflicts.push(file)
        if ((bytes && contentHash(bytes)) !== before) recorded.push({ file, before, bytes })
      }
      if (conflicts.length > 0) throw new ConflictError(conflicts)
      const tree = new Map(this.files().map(({ file, hash }) => [file, hash]))
      const files: StoredFile[] = []
      const written = await Promise.all(recorded.map(({ bytes }) => bytes && this.#content.writeBlob(bytes)))
      for (const [index, { file, before }] of recorded.entries()) {
        const after = written[index]
        if (after === undefined) tree.delete(file)
        else tree.set(file, after)
        files.push({ file, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) })
      }
      const manifest = await this.#content.writeTree(tree)
      const { who, why, source, refers } = options
      const text = JSON.stringify(files)
      const list = text.length > MOST_LISTED ? await this.#content.writeBlob(Buffer.from(text)) : undefined
      const stored: StoredRevision = {
        ...{ manifest, at: Date.now(), who, why, source, ...(refers === undefined ? {} : { refers }) },
        ...(list === undefined ? { request, files } : { request, files: [], list }),
      }
      const id = this.head + 1
      if (await this.#commit(id, stored, known)) {
        await this.#catchUp()
        return this.revision(id)!
      }
      // Somebody else was first: look again, not in step with others who do the same.
      await sleep(Math.random() * Math.min(200, 10 * 2 ** attempt))
    }
    throw new Error(`${this.name}: too many others write at the same time; try again`)
  }

  /** Whether the revision became the head. An answer that got lost is looked up, not guessed. */
  async #commit(id: number, stored: StoredRevision, { index, swept }: Known): Promise<boolean> {
    const head: Head = { revision: id, manifest: stored.manifest, ...(swept === undefined ? {} : { swept }) }
    const revisionKey = this.#prefix + LAYOUT.revision(id)
    const json = (value: unknown) => Buffer.from(JSON.stringify(value))
    try {
      return await this.#kv.transact([
        { verb: 'cas', key: this.#prefix + LAYOUT.head, value: json(head), index },
        { verb: 'cas', key: revisionKey, value: json(stored), index: 0 },
      ])
    } catch (error) {
      if (error instanceof ConsulError && error.status !== undefined && error.status < 500) throw error
      for (let look = 0; look < 5; look++) {
        await sleep(200 * (look + 1))
        const entry = await this.#kv.get(revisionKey, true).catch(() => undefined)
        if (entry) return readJson<StoredRevision>(entry).request === stored.request
      }
      throw new Error(
        `${(error as Error).message}; whether revision ${id} was written cannot be told: look at the history before doing it again`,
        { cause: error },
      )
    }
  }

  /** Brings the copy to the head. Answers where that stands. */
  async #catchUp(): Promise<Known> {
    this.#state.doubt()
    for (let read = 1; ; read++)
      try {
        const known = await this.#readOn()
        this.#failures = 0
        this.#state.caughtUp()
        return known
      } catch (error) {
        // Revisions may have been forgotten while they were read: then there are others by now.
        if (!(error instanceof ConsulError && error.status === 404 && read < READS)) throw error
      }
  }

  async #readOn(): Promise<Known> {
    const entry = await this.#kv.get(this.#prefix + LAYOUT.head, true)
    if (!entry) {
      if (this.head === 0) return { index: 0, swept: undefined }
      if (!this.#isSameStore()) {
        this.#forget()
        return { index: 0, swept: undefined }
      }
      throw new ConsulError(
        `${this.name} has lost its history (there is no head, and revision ${this.head} is known): bring it back from a backup, or ` +
          'with "meshgate store copy"',
        404,
      )
    }
    const head = readJson<Head>(entry)
    this.#content.notice(head.swept)
    if (this.head > 0 && !(await this.#isSameHistory(head))) {
      this.#options.log.warn(
        { store: this.name },
        `${this.name} has another history than the copy of it, which is at revision ${this.head}: it is taken as it stands, at revision ${head.revision}`,
      )
      await this.#replace(head)
    } else if (this.head < head.revision) await this.#adopt(head, this.history, (id) => this.tell(this.revision(id)!))
    return { index: entry.modifyIndex, swept: head.swept }
  }

  /** Whether the copy is of an earlier state of this history, not of another one under the same name. */
  async #isSameHistory(head: Head): Promise<boolean> {
    if (!this.#isSameStore() || head.revision < this.head) return false
    const mine = this.#origin
    if (!mine || mine.revision !== this.head) return false
    if (head.revision === this.head) return head.manifest === mine.manifest
    const entry = await this.#kv.get(this.#prefix + LAYOUT.revision(this.head), true)
    // Compacted away meanwhile: then it is read anew.
    return entry !== undefined && readJson<StoredRevision>(entry).manifest === mine.manifest
  }

  /** Reads on to the head into a copy. Content that is known here is not read again. */
  async #adopt(head: Head, history: History, onRevision: (id: number) => void = () => {}): Promise<void> {
    const stored = new Map<number, StoredRevision>()
    const read = (entry: KvEntry) => stored.set(revisionOf(entry.key), readJson<StoredRevision>(entry))
    if (head.revision - history.head() > 8)
      for (const entry of await this.#kv.list(this.#prefix + LAYOUT.revisions)) read(entry)
    else
      for (let id = history.head() + 1; id <= head.revision; id++) {
        const entry = await this.#kv.get(this.#prefix + LAYOUT.revision(id), true)
        if (entry) read(entry)
      }
    for (const id of [...stored.keys()].sort((a, b) => a - b)) {
      const known = history.head()
      if (id <= known || id > head.revision) continue
      const revision = stored.get(id)!
      const first = known === 0
      if (!first && id !== known + 1)
        throw new ConsulError(`${this.name}: revision ${known + 1} was forgotten while it was read`, 404)
      const changes = await Promise.all(
        (await this.#filesOf(revision)).map(async ({ file, before, after }) => ({
          file,
          before,
          after: after === undefined ? undefined : { hash: after, bytes: await this.#bytes(after) },
        })),
      )
      const tree = new Map<string, { hash: string; bytes: Buffer }>()
      if (first)
        for (const [file, hash] of await this.#content.readTree(revision.manifest))
          tree.set(file, { hash, bytes: await this.#bytes(hash) })
      const origin: Origin = { name: this.name, revision: id, manifest: revision.manifest }
      history.adopt(id, revision, changes, JSON.stringify(origin), first ? tree : undefined)
      onRevision(id)
    }
    if (history.head() !== head.revision)
      throw new ConsulError(
        `${this.name}: revision ${history.head() + 1} is missing, the head is ${head.revision}`,
        404,
      )
  }

  /**
   * Reads another history whole, beside the copy of the former, and only then puts it in its place: until then, also over a kill or a
   * Consul that is away again, the former is what there is.
   */
  async #replace(head: Head): Promise<void> {
    const { mirror } = this.#options
    const db = openDatabase(folderBeside(mirror))
    try {
      await this.#adopt(head, new History(db))
    } finally {
      db.close()
    }
    this.#db.close()
    takePlace(mirror)
    this.#reopen()
    const newest = this.revision(this.head)
    if (newest) this.tell(newest)
  }

  async #filesOf({ files, list }: StoredRevision): Promise<readonly StoredFile[]> {
    if (list === undefined) return files
    return JSON.parse((await this.#content.readBlob(list)).toString('utf8')) as readonly StoredFile[]
  }

  async #bytes(hash: string): Promise<Buffer> {
    return this.content(hash) ?? (await this.#content.readBlob(hash))
  }

  get #origin(): Origin | undefined {
    const text = this.history.origin()
    return text === undefined ? undefined : (JSON.parse(text) as Origin)
  }

  #isSameStore(): boolean {
    return this.#origin?.name === this.name
  }

  /** The copy is of another store, and there is nothing in this one: it begins anew. */
  #forget(): void {
    this.#db.close()
    rmSync(join(this.#options.mirror, STATE_FOLDER), { recursive: true, force: true })
    this.#reopen()
  }

  #reopen(): void {
    this.#db = openDatabase(this.#options.mirror)
    this.history = new History(this.#db)
  }
}
