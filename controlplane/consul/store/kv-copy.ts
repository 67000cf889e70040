import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolders } from '../../../files/make-folders.ts'
import { History, openDatabase, STATE_FOLDER } from '../../ledger/index.ts'
import { ConsulError } from '../http.ts'
import type { Kv, KvEntry } from '../kv.ts'
import { folderBeside, mendCopy, takePlace } from './copy-folders.ts'
import { type KvContent, LAYOUT } from './kv-content.ts'
import { type Head, readJson, revisionOf, type StoredFile, type StoredRevision } from './kv-records.ts'

export interface KvCopyOptions {
  /** Of the store it is a copy of. */
  readonly name: string
  /** Its folder. */
  readonly mirror: string
  readonly kv: Kv
  readonly content: KvContent
  /** Keys of the store begin with it; with a slash at its end. */
  readonly prefix: string
}

/** Which state of which store the copy is of. */
interface Origin {
  readonly name: string
  readonly revision: number
  readonly manifest: string
}

/**
 * The copy of a store on the disk, which all reads are from. What it is a copy of is written in the same transaction as each revision, so
 * that a kill at any moment leaves a copy of some state.
 */
export class KvCopy {
  readonly #options: KvCopyOptions
  #db: ReturnType<typeof openDatabase>
  #history: History

  private constructor(options: KvCopyOptions) {
    this.#options = options
    this.#db = openDatabase(options.mirror)
    this.#history = new History(this.#db)
  }

  /** Opens it, and completes what an earlier process left half done. @throws Error for a folder that cannot be used */
  static async open(options: KvCopyOptions): Promise<KvCopy> {
    await makeFolders(options.mirror)
    mendCopy(options.mirror)
    return new KvCopy(options)
  }

  /** Another one after `replace` and `forget`. */
  get history(): History {
    return this.#history
  }

  get #head(): number {
    return this.#history.head()
  }

  get isSameStore(): boolean {
    return this.#origin?.name === this.#options.name
  }

  /** Whether it is of an earlier state of this history, not of another one under the same name. @throws ConsulError */
  async isSameHistory(head: Head): Promise<boolean> {
    if (!this.isSameStore || head.revision < this.#head) return false
    const mine = this.#origin
    if (!mine || mine.revision !== this.#head) return false
    if (head.revision === this.#head) return head.manifest === mine.manifest
    const { kv, prefix } = this.#options
    const entry = await kv.get(prefix + LAYOUT.revision(this.#head), 'consistent')
    // Compacted away meanwhile: then it is read anew.
    return entry !== undefined && readJson<StoredRevision>(entry).manifest === mine.manifest
  }

  /** Reads on to the head. @throws ConsulError, with status 404 when revisions were forgotten while they were read */
  readOn(head: Head, onRevision: (id: number) => void): Promise<void> {
    return this.#adopt(head, this.#history, onRevision)
  }

  /**
   * Reads another history whole, beside the copy of the former, and only then puts it in its place: until then, also over a kill or a
   * Consul that is away again, the former is what there is.
   */
  async replace(head: Head): Promise<void> {
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
  }

  /** It is of another store, and there is nothing in this one: it begins anew. */
  forget(): void {
    this.#db.close()
    rmSync(join(this.#options.mirror, STATE_FOLDER), { recursive: true, force: true })
    this.#reopen()
  }

  close(): void {
    this.#db.close()
  }

  /** Content that is known here is not read again. */
  async #adopt(head: Head, history: History, onRevision: (id: number) => void = () => {}): Promise<void> {
    const { name, content } = this.#options
    const stored = await this.#revisions(history.head(), head.revision)
    for (const id of [...stored.keys()].sort((a, b) => a - b)) {
      const known = history.head()
      if (id <= known || id > head.revision) continue
      const revision = stored.get(id)!
      const first = known === 0
      if (!first && id !== known + 1)
        throw new ConsulError(`${name}: revision ${known + 1} was forgotten while it was read`, 404)
      const changes = await Promise.all(
        (await this.#filesOf(revision)).map(async ({ file, before, after }) => ({
          file,
          before,
          after: after === undefined ? undefined : { hash: after, bytes: await this.#bytes(after) },
        })),
      )
      const tree = new Map<string, { hash: string; bytes: Buffer }>()
      if (first)
        for (const [file, hash] of await content.readTree(revision.manifest))
          tree.set(file, { hash, bytes: await this.#bytes(hash) })
      const origin: Origin = { name, revision: id, manifest: revision.manifest }
      history.adopt(id, revision, changes, JSON.stringify(origin), first ? tree : undefined)
      onRevision(id)
    }
    if (history.head() !== head.revision)
      throw new ConsulError(`${name}: revision ${history.head() + 1} is missing, the head is ${head.revision}`, 404)
  }

  /** Those after one and up to another, by number; others may be among them. */
  async #revisions(after: number, upTo: number): Promise<ReadonlyMap<number, StoredRevision>> {
    const { kv, prefix } = this.#options
    const stored = new Map<number, StoredRevision>()
    const read = (entry: KvEntry) => stored.set(revisionOf(entry.key), readJson<StoredRevision>(entry))
    if (upTo - after > FEW) for (const entry of await kv.list(prefix + LAYOUT.revisions)) read(entry)
    else
      for (let id = after + 1; id <= upTo; id++) {
        const entry = await kv.get(prefix + LAYOUT.revision(id), 'consistent')
        if (entry) read(entry)
      }
    return stored
  }

  async #filesOf({ files, list }: StoredRevision): Promise<readonly StoredFile[]> {
    if (list === undefined) return files
    return JSON.parse((await this.#options.content.readBlob(list)).toString('utf8')) as readonly StoredFile[]
  }

  async #bytes(hash: string): Promise<Buffer> {
    return this.#history.content(hash) ?? (await this.#options.content.readBlob(hash))
  }

  get #origin(): Origin | undefined {
    const text = this.#history.origin()
    return text === undefined ? undefined : (JSON.parse(text) as Origin)
  }

  #reopen(): void {
    this.#db = openDatabase(this.#options.mirror)
    this.#history = new History(this.#db)
  }
}

/** So many revisions are read one by one; more in one list, which is of all. */
const FEW = 8
