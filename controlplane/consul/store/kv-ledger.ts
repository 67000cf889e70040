import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { asError, errorText } from '../../../errors/thrown.ts'
import {
  type ApplyOptions,
  ConflictError,
  contentHash,
  type FileChange,
  FileRefusedError,
  nameProblem,
  RecordedLedger,
  type Revision,
  type RevisionLedger,
} from '../../ledger/index.ts'
import { type ConsulAddress, ConsulError, ConsulHttp } from '../http.ts'
import { Kv, readEntries } from '../kv.ts'
import type { SessionLock } from '../lock.ts'
import { Watch } from '../watch.ts'
import { CopyState } from './copy-state.ts'
import { compactStore } from './kv-compaction.ts'
import { KvContent, LAYOUT } from './kv-content.ts'
import { KvCopy } from './kv-copy.ts'
import { type Head, readJson, type StoredFile, type StoredRevision } from './kv-records.ts'

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

/** What a ledger and its copy share. */
interface KvParts {
  readonly prefix: string
  readonly name: string
  readonly kv: Kv
  readonly content: KvContent
}

/** Where `head` stands, for check-and-set. */
interface Known {
  /** 0 when there is none. */
  readonly index: number
  readonly swept: string | undefined
}

/** Longest list of files that stands in the revision itself, characters: a transaction takes 512 KiB in base64. */
const MOST_LISTED = 128 * 1024

/** Tries of one apply against others who write at the same time. */
const TRIES = 50
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
  /** `consul:http://…/prefix` */
  readonly name: string
  readonly #options: KvLedgerOptions
  readonly #copy: KvCopy
  #watch: Watch | undefined
  readonly #state: CopyState
  #failures = 0
  #retry: NodeJS.Timeout | undefined
  #closed = false

  private constructor(options: KvLedgerOptions, parts: KvParts, copy: KvCopy) {
    super(copy.history)
    this.#options = options
    this.#prefix = parts.prefix
    this.name = parts.name
    this.#kv = parts.kv
    this.#content = parts.content
    this.#copy = copy
    this.#state = new CopyState(this.name, join(options.mirror, 'as-of'), options.log)
  }

  /**
   * Opens the store and brings the copy up to it. Without an answer the copy is served as it is, if there is one.
   * @throws ConsulError when Consul cannot be read and nothing is known of it
   */
  static async open(options: KvLedgerOptions): Promise<KvLedger> {
    const prefix = `${options.prefix.replace(/^\/+|\/+$/g, '')}/`
    const kv = new Kv(new ConsulHttp(options.address))
    const parts = {
      prefix,
      kv,
      name: `consul:${kv.http.url}/${prefix.slice(0, -1)}`,
      content: new KvContent(kv, prefix),
    }
    const copy = await KvCopy.open({ ...parts, mirror: options.mirror })
    const ledger = new KvLedger(options, parts, copy)
    try {
      await ledger.inTurn(() => ledger.#catchUp())
    } catch (error) {
      if (ledger.head === 0 || !copy.isSameStore) {
        await ledger.close()
        throw error
      }
      ledger.#state.failed(asError(error))
    }
    ledger.#follow()
    return ledger
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
    await this.inTurn(async () => this.#copy.close()).catch(() => {})
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
      onContact: (isWell) => this.#state.answered(isWell),
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
    throw new ConsulError(`${this.name}: too many others write at the same time; try again`, 409)
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
        const entry = await this.#kv.get(revisionKey, 'consistent').catch(() => undefined)
        if (entry) return readJson<StoredRevision>(entry).request === stored.request
      }
      throw new Error(
        `${errorText(error)}; whether revision ${id} was written cannot be told: look at the history before doing it again`,
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
    const entry = await this.#kv.get(this.#prefix + LAYOUT.head, 'consistent')
    if (!entry) {
      if (this.head === 0) return { index: 0, swept: undefined }
      if (!this.#copy.isSameStore) {
        this.#copy.forget()
        this.history = this.#copy.history
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
    if (this.head > 0 && !(await this.#copy.isSameHistory(head))) {
      this.#options.log.warn(
        { store: this.name },
        `${this.name} has another history than the copy of it, which is at revision ${this.head}: it is taken as it stands, at revision ${head.revision}`,
      )
      await this.#copy.replace(head)
      this.history = this.#copy.history
      const newest = this.revision(this.head)
      if (newest) this.tell(newest)
    } else if (this.head < head.revision) await this.#copy.readOn(head, (id) => this.tell(this.revision(id)!))
    return { index: entry.modifyIndex, swept: head.swept }
  }
}
