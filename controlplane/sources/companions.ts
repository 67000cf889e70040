import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../errors/thrown.ts'
import type { SourceDocument } from './document.ts'
import type { ConfigSource, SourceSnapshot } from './source.ts'
import { type FolderWatcher, type WatchFolders, watchFolders } from './watch.ts'

/** Paths of other files that a document's meaning depends on, whether they exist or not. */
export type NamedFiles = (document: SourceDocument) => readonly string[]

const debounceMs = 100

interface RefreshedSource extends ConfigSource {
  refresh(): Promise<SourceSnapshot>
  readonly snapshot: SourceSnapshot
}

/**
 * A source whose documents change with the files they name: a change there gives the document another `companions` and revision, and a new
 * snapshot. Documents that name none stay the same objects.
 */
export class CompanionSource implements ConfigSource {
  readonly #source: RefreshedSource
  readonly #named: NamedFiles
  readonly #watcher: FolderWatcher
  readonly #listeners = new Set<(snapshot: SourceSnapshot) => void>()
  /** What the source has now. */
  #snapshot: SourceSnapshot | undefined
  /** The same with companions. */
  #decorated: SourceSnapshot | undefined
  /** By the document as the source has it. */
  #known = new Map<SourceDocument, SourceDocument>()
  #timer: NodeJS.Timeout | undefined
  #unsubscribe = () => {}

  constructor(source: RefreshedSource, named: NamedFiles, watch: WatchFolders = watchFolders) {
    this.#source = source
    this.#named = named
    this.#watcher = watch(
      () => this.#later(),
      // What cannot be watched is looked at with the next change of the source.
      () => undefined,
    )
  }

  async start(): Promise<SourceSnapshot> {
    const first = await this.#source.start()
    this.#unsubscribe = this.#source.onChange((snapshot) => this.#take(snapshot))
    return this.#look(first)
  }

  /** What is in force now. */
  get snapshot(): SourceSnapshot {
    return this.#decorated ?? this.#source.snapshot
  }

  /** Looks at everything now and resolves when all of it is in force. */
  async refresh(): Promise<SourceSnapshot> {
    return this.#renew(await this.#source.refresh())
  }

  onChange(listener: (snapshot: SourceSnapshot) => void): () => void {
    const own = (snapshot: SourceSnapshot) => listener(snapshot)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  stop(): Promise<void> {
    this.#unsubscribe()
    clearTimeout(this.#timer)
    this.#watcher.close()
    this.#listeners.clear()
    return this.#source.stop()
  }

  #later(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#snapshot) this.#renew(this.#snapshot)
    }, debounceMs)
  }

  /** Looks at companions again, and tells when one has changed. */
  #renew(snapshot: SourceSnapshot): SourceSnapshot {
    const before = this.#known
    const now = this.#look(snapshot)
    if ([...this.#known].some(([document, known]) => before.get(document) !== known)) this.#tell(now)
    return now
  }

  #take(snapshot: SourceSnapshot): void {
    this.#tell(this.#look(snapshot))
  }

  #tell(snapshot: SourceSnapshot): void {
    for (const listener of [...this.#listeners]) listener(snapshot)
  }

  #look(snapshot: SourceSnapshot): SourceSnapshot {
    this.#snapshot = snapshot
    const before = this.#known
    this.#known = new Map()
    const folders = new Map<string, string>()
    const documents = snapshot.documents.map((document) => {
      const files = this.#named(document)
      if (files.length === 0) return document
      for (const file of files) {
        const folder = statSync(dirname(file), { throwIfNoEntry: false })
        if (folder) folders.set(dirname(file), `${folder.dev}:${folder.ino}`)
      }
      const companions = digestOf(files)
      const known = before.get(document)
      const now =
        known?.companions === companions
          ? known
          : {
              ...document,
              // Whoever remembers something of the value must not take the new one for the old.
              value: structuredClone(document.value),
              revision: `${document.revision}+${companions}`,
              companions,
              broken: document.broken ?? false,
              get text() {
                return document.text
              },
              locate: document.locate.bind(document),
            }
      this.#known.set(document, now)
      return now
    })
    this.#watcher.update(folders)
    this.#decorated = this.#known.size > 0 ? { ...snapshot, documents } : snapshot
    return this.#decorated
  }
}

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha1')
  for (const file of files) hash.update(`${file}\0`).update(contentOf(file)).update('\0')
  return hash.digest('base64')
}

/** What cannot be read is the complaint of whoever needs it. */
function contentOf(file: string): Uint8Array | string {
  try {
    return readFileSync(file)
  } catch (error) {
    return String(errorCode(error))
  }
}
