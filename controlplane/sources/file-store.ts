import { normalize } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { isConfigName, isIgnoredName } from './config-names.ts'
import type { EarlierContents } from './earlier.ts'
import { blockingFileAccess, type FileAccess, nodeFileAccess } from './file-access.ts'
import { FileSet } from './file-set.ts'
import { defaultStoreLimits, type StoreLimits } from './limits.ts'
import type { Dirty } from './scan.ts'
import type { ConfigSource, SourceSnapshot } from './source.ts'
import { type FolderWatcher, type WatchFolders, watchFolders } from './watch.ts'
import { complainAt } from './yaml-documents.ts'

export interface FileStoreOptions {
  /** Folders and files; a file named here is read whatever its name. */
  readonly paths: string | readonly string[]
  readonly limits?: Partial<StoreLimits>
  /** How long files must be at rest before a change is taken over, ms; 100 if not given, at most 1000. */
  readonly debounceMs?: number
  /** How long a file that would lose documents must be at rest, because it may be half written, ms; 1000 if not given. */
  readonly graceMs?: number
  /** Look for changes this often instead of watching, ms: for network file systems. */
  readonly pollMs?: number
  /** Look at everything this often beside watching, in case an event was lost, ms; 30,000 if not given. */
  readonly rescanMs?: number
  /** The file system; that of this machine if not given. */
  readonly access?: FileAccess
  readonly watch?: WatchFolders
  /** What files said before this process, for those that cannot be read when it starts. */
  readonly earlier?: EarlierContents
}

const maxDebounceMs = 1000
/** Between looks while a root is gone or a folder cannot be watched. */
const troubledMs = 1000
/**
 * Configuration in files: every `.yaml`, `.yml` and `.json` below the given folders, watched.
 *
 * The snapshot is complete at any time, sorted by path and position, and documents that did not change stay the same
 * objects. What cannot be read or parsed keeps its last good documents, with a diagnostic, also those of before this process
 * where `earlier` has them; so does a folder that goes away. Changes are taken over in batches, when files have come to rest: a half-written file is no deletion.
 */
export class FileStore implements ConfigSource {
  readonly #set: FileSet
  readonly #watchFolders: WatchFolders
  readonly #debounceMs: number
  readonly #pollMs: number | undefined
  readonly #rescanMs: number
  readonly #listeners = new Set<(snapshot: SourceSnapshot) => void>()
  readonly #unwatched = new Map<string, string>()
  #watcher: FolderWatcher | undefined
  #dirty: Map<string, Set<string> | 'all'> | 'all' = 'all'
  #started: Promise<SourceSnapshot> | undefined
  #stopped = false
  #checks: Promise<void> = Promise.resolve()
  #checkMs = 0
  #lastFull = 0
  #fullAt = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY

  /** Throws RangeError for an option out of range. */
  constructor(options: FileStoreOptions) {
    const paths = typeof options.paths === 'string' ? [options.paths] : options.paths
    if (paths.length === 0) throw new RangeError('a FileStore needs at least one path')
    const roots = [...new Set(paths.map((path) => normalize(path).replace(/(?<=.)[/\\]+$/, '')))]
    this.#debounceMs = inRange('debounceMs', options.debounceMs ?? 100, 0, maxDebounceMs)
    this.#pollMs = options.pollMs === undefined ? undefined : inRange('pollMs', options.pollMs, 10, 3_600_000)
    this.#rescanMs = inRange('rescanMs', options.rescanMs ?? 30_000, 100, 3_600_000)
    const graceMs = inRange('graceMs', options.graceMs ?? 1000, 0, 60_000)
    const access = { atStart: options.access ?? blockingFileAccess, later: options.access ?? nodeFileAccess }
    this.#watchFolders = options.watch ?? watchFolders
    const limits = { ...defaultStoreLimits, ...options.limits }
    const times = { quietMs: this.#debounceMs, graceMs, maxWaitMs: Math.max(maxDebounceMs, graceMs) }
    this.#set = new FileSet(roots, access, limits, times, options.earlier)
  }

  /** What is in force now; empty before `start` resolves. */
  get snapshot(): SourceSnapshot {
    return this.#set.snapshot
  }

  /**
   * Reads everything once and begins to watch. Rejects when a path does not exist or a folder cannot be listed; an error
   * in a single file is a diagnostic.
   */
  start(): Promise<SourceSnapshot> {
    if (this.#stopped) return Promise.reject(new Error('this file store was stopped; make a new one'))
    if (!this.#started) {
      this.#started = this.#start().catch((error) => {
        this.#started = undefined
        this.#release()
        throw error
      })
      this.#checks = this.#started.then(ignore, ignore)
    }
    return this.#started
  }

  onChange(listener: (snapshot: SourceSnapshot) => void): () => void {
    const own = (snapshot: SourceSnapshot) => listener(snapshot)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** Looks at everything now and resolves when all of it is in force. */
  async refresh(): Promise<SourceSnapshot> {
    await this.start()
    let waitMs: number | undefined
    do {
      if (waitMs !== undefined) await setTimeout(waitMs)
      this.#dirty = 'all'
      waitMs = await this.#check()
    } while (waitMs !== undefined && !this.#stopped)
    return this.snapshot
  }

  /** Ends watching and releases all timers. The last snapshot stays readable. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#listeners.clear()
    this.#release()
    await this.#started?.catch(ignore)
    await this.#checks
    this.#release()
  }

  /** Reads paths once, without watching: for commands that end. Rejects as `start` does. */
  static async read(options: FileStoreOptions): Promise<SourceSnapshot> {
    const store = new FileStore({ ...options, watch: watchNothing })
    try {
      return await store.start()
    } finally {
      await store.stop()
    }
  }

  async #start(): Promise<SourceSnapshot> {
    await this.#set.look('all')
    const missing = this.#set.missingRoots()
    if (missing.length > 0) throw new Error(missing.join('\n'))
    // Watching begins before reading and is followed by another look: no change falls between.
    await this.#watch()
    await this.#set.advance('at once')
    this.#lastFull = performance.now()
    if (this.#stopped) this.#release()
    else this.#schedule(this.#debounceMs, 'all')
    return this.snapshot
  }

  #release(): void {
    clearTimeout(this.#timer)
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#watcher?.close()
  }

  /** Watches what was found. Folders that were not watched before are looked at again: something may have changed in between. */
  async #watch(): Promise<void> {
    if (this.#pollMs !== undefined) return
    this.#watcher ??= this.#watchFolders(
      (folder, name, renamed) => this.#onEvent(folder, name, renamed),
      (folder, code) => this.#onWatchError(folder, code),
    )
    const folders = await this.#set.foldersToWatch()
    if (this.#stopped) return
    this.#unwatched.clear()
    const fresh = this.#watcher.update(folders)
    const owners = fresh.flatMap((folder) => this.#set.ownersOf(folder))
    if (this.#lastFull > 0 && owners.length > 0) this.#schedule(this.#debounceMs, wholly(owners))
  }

  #onEvent(folder: string, name: string | undefined, renamed: boolean): void {
    const owners = this.#set.ownersOf(folder, name)
    if (owners.length === 0) return
    // A name without an ending may be a folder that came or went; `..data` is how Kubernetes swaps a mounted ConfigMap.
    const matters =
      name === undefined || isConfigName(name) || name.startsWith('..') || (renamed && !isIgnoredName(name))
    // What a link leads to, or a file that was named, may have any name.
    const elsewhere = !owners.includes(folder)
    if (!matters && !elsewhere) return
    const single = !elsewhere && owners.length === 1 && name !== undefined && !name.startsWith('..')
    const dirty = single ? new Map([[folder, new Set([name])]]) : wholly(owners)
    this.#schedule(Math.max(this.#debounceMs / 4, 2 * this.#checkMs), dirty)
  }

  #onWatchError(folder: string, code: string): void {
    this.#unwatched.set(folder, code)
    this.#schedule(this.#debounceMs, wholly(this.#set.ownersOf(folder)))
  }

  #complaints(): Diagnostic[] {
    const [first] = this.#unwatched
    if (!first) return []
    const [folder, code] = first
    const more = this.#unwatched.size - 1
    const others = more > 0 ? ` and ${more} other folder${more > 1 ? 's' : ''}` : ''
    const message = `${folder}${others} cannot be watched (${code})`
    return [complainAt('SOURCE_WATCH_LIMITED', folder, message)]
  }

  /** One look, one after the other. Resolves with ms to the next one when something has yet to come to rest. */
  #check(): Promise<number | undefined> {
    const check = this.#checks.then(() => (this.#stopped ? undefined : this.#checkOnce()))
    // A look that fails is a defect of ours, not of a file; it may not end the process, and the next one starts afresh.
    const settled = check.catch((error) => {
      process.emitWarning(error instanceof Error ? error : String(error))
      this.#dirty = 'all'
      return undefined
    })
    this.#checks = settled.then((waitMs) => this.#plan(waitMs))
    return settled
  }

  async #checkOnce(): Promise<number | undefined> {
    const from = performance.now()
    const dirty = this.#dirty
    this.#dirty = new Map()
    if (dirty === 'all') {
      this.#lastFull = from
      this.#fullAt = Number.POSITIVE_INFINITY
    }
    await this.#set.look(dirty)
    if (this.#stopped) return undefined
    await this.#watch()
    const { changed, waitMs } = await this.#set.advance(() => performance.now(), this.#complaints())
    this.#checkMs = performance.now() - from
    if (changed && !this.#stopped) this.#tell()
    return waitMs
  }

  /** A listener that throws is a defect of its owner: the others are told first, then it surfaces as uncaught. */
  #tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(this.snapshot)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #plan(waitMs: number | undefined): void {
    if (this.#stopped) return
    if (waitMs !== undefined) {
      this.#schedule(Math.max(waitMs, this.#checkMs), this.#pollMs === undefined ? this.#set.openNames() : 'all')
    }
    if (this.#pollMs !== undefined) this.#schedule(this.#pollMs, 'all')
    else if (this.#unwatched.size > 0) this.#schedule(troubledMs, 'all')
    else if (this.#set.troubled) this.#schedule(troubledMs, new Map())
    else this.#schedule(Math.max(0, this.#lastFull + this.#rescanMs - performance.now()), 'all')
  }

  /** Has a look in so many ms at the latest. */
  #schedule(ms: number, dirty: Dirty): void {
    if (this.#stopped) return
    const at = performance.now() + ms
    if (dirty === 'all') this.#fullAt = Math.min(this.#fullAt, at)
    else if (this.#dirty !== 'all') mergeInto(this.#dirty, dirty)
    if (at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = globalThis.setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY
      if (performance.now() >= this.#fullAt - 1) this.#dirty = 'all'
      void this.#check()
    }, ms)
  }
}

function wholly(folders: readonly string[]): Map<string, 'all'> {
  return new Map(folders.map((folder) => [folder, 'all']))
}

function mergeInto(all: Map<string, Set<string> | 'all'>, dirty: Exclude<Dirty, 'all'>): void {
  for (const [folder, names] of dirty) {
    const known = all.get(folder)
    if (names === 'all') all.set(folder, 'all')
    else if (known === undefined) all.set(folder, new Set(names))
    else if (known !== 'all') for (const name of names) known.add(name)
  }
}

const ignore = () => undefined

const watchNothing: WatchFolders = () => ({ update: () => [], close: () => undefined })

function inRange(name: string, value: number, min: number, max: number): number {
  if (!(value >= min && value <= max)) throw new RangeError(`${name} must be from ${min} to ${max}, not ${value}`)
  return value
}
