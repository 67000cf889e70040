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
} from '../ledger/index.ts'
import { type ConsulAddress, ConsulError, ConsulHttp } from './http.ts'
import { Kv, type KvEntry, MOST_OPERATIONS, readEntries } from './kv.ts'
import { KvContent, LAYOUT } from './kv-content.ts'
import type { SessionLock } from './lock.ts'
import { Watch } from './watch.ts'

export interface KvLedgerOptions {
  readonly address: ConsulAddress
  /** Keys begin with it; without slashes at its ends. */
  readonly prefix: string
  /** Folder for the copy that reads are answered from, and that a start without Consul serves. */
  readonly mirror: string
  readonly keep?: number
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** What a revision says of itself in Consul. */
interface StoredRevision {
  readonly manifest: string
  readonly at: number
  readonly who: string
  readonly why: string
  readonly source: Revision['source']
  readonly refers?: number
  /** Tells our own write from another's when an answer got lost. */
  readonly request: string
  readonly files: readonly StoredFile[]
  /** Hash of the list of files where it is too long to stand here. */
  readonly list?: string
}

interface StoredFile {
  readonly file: string
  readonly before?: string
  readonly after?: string
}

interface Head {
  readonly revision: number
  readonly manifest: string
}

/** Which state of which store the copy is of. */
interface Origin extends Head {
  readonly name: string
}

/** Longest list of files that stands in the revision itself, characters: a transaction takes 512 KiB in base64. */
const MOST_LISTED = 128 * 1024

/** Tries of one apply against others who write at the same time. */
const TRIES = 20

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
  #error: string | undefined
  #lastContact: number | undefined

  private constructor(options: KvLedgerOptions, db: ReturnType<typeof openDatabase>) {
    super(new History(db))
    this.#options = options
    this.#prefix = `${options.prefix.replace(/^\/+|\/+$/g, '')}/`
    this.#kv = new Kv(new ConsulHttp(options.address))
    this.#content = new KvContent(this.#kv, this.#prefix)
    this.#db = db
  }

  /**
   * Opens the store and brings the copy up to it. Without an answer the copy is served as it is, if there is one.
   * @throws ConsulError when Consul cannot be read and nothing is known of it
   */
  static async open(options: KvLedgerOptions): Promise<KvLedger> {
    await mkdir(options.mirror, { recursive: true })
    const ledger = new KvLedger(options, openDatabase(options.mirror))
    try {
      await ledger.inTurn(() => ledger.#catchUp())
    } catch (error) {
      if (ledger.head === 0 || !ledger.#isSameStore()) {
        await ledger.close()
        throw error
      }
      ledger.#fail(error as Error)
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
    return this.#error
  }

  get lastContact(): number | undefined {
    return this.#lastContact
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
   * Forgets the oldest revisions in Consul and in the copy. With a lock, only while it is held: a holder that was paused beyond its
   * session is refused by Consul itself.
   */
  compact(keep = this.#options.keep ?? 10_000, lock?: SessionLock): Promise<number> {
    return this.inTurn(async () => {
      const first = this.head - keep + 1
      const keys = (await this.#kv.keys(this.#prefix + LAYOUT.revisions)).filter(
        (key) => Number(key.slice(key.lastIndexOf('/') + 1)) < first,
      )
      const fence = lock?.fence()
      if (lock && !fence) return 0
      for (let at = 0; at < keys.length; at += MOST_OPERATIONS - 1) {
        const deletes = keys.slice(at, at + MOST_OPERATIONS - 1).map((key) => ({ verb: 'delete' as const, key }))
        if (!(await this.#kv.transact([...(fence ? [fence] : []), ...deletes])))
          throw new ConsulError('another replica has taken over what must be done once', 409)
      }
      this.history.compact(keep)
      return keys.length
    })
  }

  async close(): Promise<void> {
    this.tellNobody()
    this.#watch?.stop()
    await this.inTurn(async () => this.#db.close()).catch(() => {})
    this.#kv.http.close()
  }

  #follow(): void {
    this.#watch = new Watch(this.#kv.http, {
      path: `/v1/kv/${this.#prefix}${LAYOUT.head}`,
      minGapMs: 20,
      onAnswer: ({ value }) => {
        if (value !== undefined) readEntries(value)
        this.inTurn(() => this.#catchUp()).catch((error: Error) => this.#fail(error))
      },
      onContact: () => this.#contact(),
      onError: (error) => this.#fail(error),
    })
  }

  #contact(): void {
    this.#lastContact = Date.now()
    if (this.#error === undefined) return
    this.#error = undefined
    this.#options.log.info({ store: this.name }, 'the store answers again')
  }

  #fail(error: Error): void {
    if (this.#error === undefined)
      this.#options.log.warn({ store: this.name }, `${error.message}; the configuration read last stays in force`)
    this.#error = error.message
  }

  async #apply(changes: readonly FileChange[], options: ApplyOptions): Promise<Revision> {
    const request = randomUUID()
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const index = await this.#catchUp()
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
      if (await this.#commit(id, stored, index)) {
        await this.#catchUp()
        return this.revision(id)!
      }
      // Somebody else was first: look again, not in step with others who do the same.
      await sleep(Math.random() * Math.min(200, 10 * 2 ** attempt))
    }
    throw new Error(`${this.name}: too many others write at the same time; try again`)
  }

  /** Whether the revision became the head. An answer that got lost is looked up, not guessed. */
  async #commit(id: number, stored: StoredRevision, headIndex: number): Promise<boolean> {
    const head: Head = { revision: id, manifest: stored.manifest }
    const revisionKey = this.#prefix + LAYOUT.revision(id)
    const json = (value: unknown) => Buffer.from(JSON.stringify(value))
    try {
      return await this.#kv.transact([
        { verb: 'cas', key: this.#prefix + LAYOUT.head, value: json(head), index: headIndex },
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

  /** Brings the copy to the head. Answers the head's index for check-and-set; 0 when there is no head. */
  async #catchUp(): Promise<number> {
    const entry = await this.#kv.get(this.#prefix + LAYOUT.head, true)
    this.#contact()
    if (!entry) {
      if (this.head === 0) return 0
      if (!this.#isSameStore()) {
        this.#forget()
        return 0
      }
      throw new ConsulError(
        `${this.name} has lost its history (there is no head, and revision ${this.head} is known): bring it back from a backup, or ` +
          'with "meshgate store copy"',
        404,
      )
    }
    const head = readJson<Head>(entry)
    if (this.head > 0 && !(await this.#isSameHistory(head))) this.#forget()
    if (this.head < head.revision) await this.#adopt(head)
    return entry.modifyIndex
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

  async #adopt(head: Head): Promise<void> {
    const stored = new Map<number, StoredRevision>()
    const read = (entry: KvEntry) =>
      stored.set(Number(entry.key.slice(entry.key.lastIndexOf('/') + 1)), readJson<StoredRevision>(entry))
    if (head.revision - this.head > 8)
      for (const entry of await this.#kv.list(this.#prefix + LAYOUT.revisions)) read(entry)
    else
      for (let id = this.head + 1; id <= head.revision; id++) {
        const entry = await this.#kv.get(this.#prefix + LAYOUT.revision(id), true)
        if (entry) read(entry)
      }
    for (const id of [...stored.keys()].sort((a, b) => a - b)) {
      if (id <= this.head || id > head.revision) continue
      const revision = stored.get(id)!
      const first = this.head === 0
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
      this.history.adopt(id, revision, changes, JSON.stringify(origin), first ? tree : undefined)
      const told = this.revision(id)!
      this.tell(told)
    }
    if (this.head !== head.revision)
      throw new ConsulError(`${this.name}: revision ${this.head + 1} is missing, the head is ${head.revision}`, 404)
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

  /** The copy is of something else: it begins anew. */
  #forget(): void {
    this.#db.close()
    rmSync(join(this.#options.mirror, '.meshgate'), { recursive: true, force: true })
    this.#db = openDatabase(this.#options.mirror)
    this.history = new History(this.#db)
  }
}

/** @throws ConsulError for a value somebody else has written over */
function readJson<T>({ key, value }: KvEntry): T {
  try {
    const json: unknown = JSON.parse(value.toString('utf8'))
    if (typeof json === 'object' && json !== null) return json as T
  } catch {
    // Told below.
  }
  throw new ConsulError(
    `${key} in Consul is not what meshgate wrote: restore the key from a backup, or the configuration with "meshgate store copy" to another prefix`,
    200,
  )
}
