import { basename, dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { errorCode } from '../../errors/thrown.ts'
import { compareDiagnostics, type Diagnostic } from '../diagnostics/diagnostic.ts'
import type { FoundFile } from './choose-files.ts'
import {
  type EarlierContents,
  isUnreadable,
  type LookBack,
  lookBack,
  type RevisionsOf,
  revisionsIn,
  stateBefore,
} from './earlier.ts'
import { errorReason, type FileAccess } from './file-access.ts'
import { type FileState, keepLastGood, knownPieces, nothingHeld } from './keep.ts'
import type { StoreLimits } from './limits.ts'
import { eachOf } from './list-folder.ts'
import { type Dirty, nothingFound, type Scan, scan } from './scan.ts'
import { type Change, Settler, type SettleTimes } from './settle.ts'
import { emptySnapshot, snapshotOf } from './snapshot.ts'
import type { SourceSnapshot } from './source.ts'
import {
  complainAt,
  type FileReading,
  limited,
  type PieceReading,
  readFileInSteps,
  tooLarge,
  unusable,
} from './yaml-documents.ts'

export interface FileSetTimes extends SettleTimes {
  /** How long a file that would lose documents must be at rest, ms. */
  readonly graceMs: number
}

/** A file as it is in force. */
interface Entry {
  readonly version: string
  readonly identity: string
  readonly size: number
  /** The operating system refused: to be tried again though nothing seems to have changed. */
  readonly failed: boolean
  readonly state: FileState
}

/** A file as it is on the disk. */
interface Fresh extends Omit<Entry, 'state'> {
  readonly reading: FileReading
  /** Looks as if its end were missing. */
  readonly cut: boolean
  /** What was in force before this process, of a file that cannot be read at its start. */
  readonly earlier?: FileState
}

/** Complaints about folders come and go like a file of this name. */
const folderComplaints = ''

/** The longest the event loop is held by parsing, ms. */
const sliceMs = 15

/**
 * The files of a store: what is on the disk (`look`) against what is in force (`snapshot`), and the step from one to the
 * other (`advance`). Knows no timers and no watching.
 */
export class FileSet {
  readonly #roots: readonly string[]
  readonly #accessLater: FileAccess
  #access: FileAccess
  readonly #limits: StoreLimits
  readonly #times: FileSetTimes
  readonly #settler: Settler
  readonly #entries = new Map<string, Entry>()
  readonly #fresh = new Map<string, Fresh>()
  #scan: Scan = nothingFound
  #complaints: readonly Diagnostic[] = []
  #open: readonly string[] = []
  #snapshot: SourceSnapshot = emptySnapshot
  #sliceStart = 0
  /** Values that are there because of aliases only, in what has been read. */
  #copies = 0
  readonly #revisionsOf: RevisionsOf | undefined
  /** Until the first reading is over. */
  #atStart: { readonly earlier: EarlierContents; readonly budget: LookBack } | undefined

  /** The first reading goes by `access.atStart`, the others by `access.later`. */
  constructor(
    roots: readonly string[],
    access: { readonly atStart: FileAccess; readonly later: FileAccess },
    limits: StoreLimits,
    times: FileSetTimes,
    earlier?: EarlierContents,
  ) {
    this.#roots = roots
    this.#access = access.atStart
    this.#accessLater = access.later
    this.#limits = limits
    this.#times = times
    this.#settler = new Settler(times)
    this.#revisionsOf = earlier && revisionsIn(earlier)
    this.#atStart = earlier && { earlier, budget: lookBack() }
  }

  get snapshot(): SourceSnapshot {
    return this.#snapshot
  }

  /** Whether a root is gone, so that one had better look again soon. */
  get troubled(): boolean {
    return this.#scan.goneRoots.length > 0
  }

  /** Files that have yet to come to rest, as names in their folders, and the folders on the way to them. */
  openNames(): Map<string, Set<string>> {
    const names = new Map<string, Set<string>>()
    for (const path of this.#open) {
      for (let at = path, folder = dirname(at); folder !== at; at = folder, folder = dirname(at)) {
        names.set(folder, (names.get(folder) ?? new Set()).add(basename(at)))
      }
    }
    return names
  }

  /** Sentences about roots that are not there or cannot be listed, after a look. */
  missingRoots(): string[] {
    const gone = this.#scan.diagnostics.filter(
      ({ code, file }) => this.#roots.includes(file) && (code === 'SOURCE_FOLDER_GONE' || code === 'SOURCE_UNREADABLE'),
    )
    return gone.map(({ file, message }) => `cannot read configuration from ${file}: ${message}`)
  }

  /** Folders to watch with their identities; those that went away meanwhile are left out. */
  async foldersToWatch(): Promise<Map<string, string>> {
    const folders = new Map<string, string>()
    for (const folder of this.#scan.watch.keys()) {
      const listed = this.#scan.listed.get(folder)
      const identity = listed && !listed.stale ? listed.identity : await this.#identity(folder)
      if (identity !== undefined) folders.set(folder, identity)
    }
    return folders
  }

  /** The listed folders that may look different when entry `name` of a watched folder changes; all of them without a name. */
  ownersOf(folder: string, name?: string): string[] {
    const owners = [...(this.#scan.watch.get(folder) ?? [])]
    return owners
      .filter(([, only]) => only === undefined || name === undefined || only === name)
      .map(([owner]) => owner)
  }

  /** Looks at the disk: at everything, or where something may have changed. */
  async look(dirty: Dirty): Promise<void> {
    this.#scan = await scan(this.#roots, this.#access, this.#limits, this.#scan, dirty)
    if (dirty !== 'all') return
    for (const [path, entry] of this.#entries) if (entry.failed) this.#entries.set(path, { ...entry, version: '' })
  }

  /**
   * Takes over what has come to rest; `'at once'` takes everything. `complaints` are further ones about folders.
   * `waitMs` is the time until another look is due, if something is still in motion.
   */
  async advance(
    clock: (() => number) | 'at once',
    complaints: readonly Diagnostic[] = [],
  ): Promise<{ changed: boolean; waitMs: number | undefined }> {
    const about = [...this.#scan.diagnostics, ...complaints].sort(compareDiagnostics)
    const changes = this.#changes(about)
    if (clock === 'at once') {
      await this.#read([...changes.keys()])
      this.#access = this.#accessLater
      this.#atStart = undefined
      return { changed: this.#take([...changes.keys()], about), waitMs: undefined }
    }
    const verdict = this.#settler.observe(clock(), changes)
    await this.#read(verdict.settled)
    for (const path of verdict.settled) this.#judge(path, changes.get(path), clock())
    const { settled, waitMs } = this.#settler.verdict(clock())
    const looked = new Set(verdict.settled)
    const ready = settled.filter((path) => looked.has(path) && (isRemoval(path, changes) || this.#fresh.has(path)))
    this.#settler.done(clock(), ready)
    this.#open = this.#settler.paths()
    for (const path of this.#fresh.keys()) if (!changes.has(path)) this.#fresh.delete(path)
    const changed = this.#take(ready, about)
    return { changed, waitMs: this.#open.length === 0 ? undefined : (waitMs ?? 1) }
  }

  /** Everything in which the disk differs from what is in force. */
  #changes(about: readonly Diagnostic[]): Map<string, Change> {
    const changes = new Map<string, Change>()
    for (const file of this.#scan.files.values()) {
      const version = versionOf(file)
      if (file.kept && this.#entries.has(file.path)) continue
      if (this.#entries.get(file.path)?.version !== version) changes.set(file.path, { version })
    }
    for (const [path, entry] of this.#entries) {
      if (this.#scan.files.has(path)) continue
      const version = this.#scan.listed.has(path) ? folderVersion : undefined
      if (entry.version !== version) changes.set(path, { version })
    }
    const version = JSON.stringify(about)
    if (version !== JSON.stringify(this.#complaints)) changes.set(folderComplaints, { version })
    return changes
  }

  /** Asks for patience with a file that seems to be half written. */
  #judge(path: string, change: Change | undefined, now: number): void {
    const fresh = this.#fresh.get(path)
    if (!fresh) return
    if (fresh.version !== change?.version) {
      this.#fresh.delete(path)
      this.#settler.restless(now, path)
      return
    }
    const { quietMs, graceMs } = this.#times
    const entry = this.#entries.get(path)
    const loses = entry && keepLastGood(entry.state, fresh.reading).documents.length < entry.state.documents.length
    const inPlace = entry?.identity === fresh.identity
    if (loses && inPlace) this.#settler.need(path, graceMs)
    else if (loses || fresh.cut || (inPlace && fresh.size < entry.size))
      this.#settler.need(path, Math.min(3 * quietMs, graceMs))
  }

  async #read(paths: readonly string[]): Promise<void> {
    const reread = new Set(paths)
    this.#copies = 0
    for (const [path, { state }] of this.#entries) if (!reread.has(path)) this.#copies += copiesOf(state.held)
    await eachOf(paths, async (path) => {
      const file = this.#scan.files.get(path)
      if (path === folderComplaints || (!file && !this.#scan.listed.has(path))) return
      const version = file ? versionOf(file) : folderVersion
      if (this.#fresh.get(path)?.version === version) return
      const fresh = await this.#readFile(path, file, version)
      const known = this.#atStart && isUnreadable(fresh.reading) ? this.#atStart : undefined
      const earlier = known && (await this.#inSlices(stateBefore(path, known.earlier, this.#limits, known.budget)))
      this.#fresh.set(path, earlier ? { ...fresh, earlier } : fresh)
    })
  }

  async #readFile(path: string, file: FoundFile | undefined, version: string): Promise<Fresh> {
    const refused = (reason: string) => ({
      ...{ version, identity: file?.info?.identity ?? '', size: file?.info?.size ?? 0, failed: true, cut: false },
      reading: unusable(complainAt('SOURCE_UNREADABLE', path, `the file cannot be read: ${reason}`)),
    })
    if (!file) return refused('a folder stands in its place')
    if (!file.info) return refused(file.error ?? 'unknown error')
    if (file.info.kind !== 'file') return refused('it is not a regular file')
    try {
      const { info, bytes } =
        file.info.size > this.#limits.fileBytes
          ? { info: file.info, bytes: undefined }
          : await this.#access.read(path, this.#limits.fileBytes)
      const facts = { version: info.version, identity: info.identity, size: info.size, failed: false }
      if (!bytes) return { ...facts, cut: false, reading: unusable(tooLarge(path, info.size, this.#limits)) }
      const reading = await this.#parse(path, bytes)
      return { ...facts, reading, cut: looksCut(bytes) || (reading.pieces?.some((piece) => !piece.ok) ?? true) }
    } catch (error) {
      // Deleted since it was found: the next look says whether for good.
      return { ...refused(errorReason(error)), ...(errorCode(error) === 'ENOENT' ? { version: '' } : {}) }
    }
  }

  async #parse(path: string, bytes: Uint8Array): Promise<FileReading> {
    const before = this.#entries.get(path)
    const known = before && knownPieces(before.state)
    const reading = await this.#inSlices(readFileInSteps(path, bytes, this.#limits, known, this.#copies))
    this.#copies += copiesOf(reading.pieces ?? [])
    return reading
  }

  /** Does it and lets other work run in between. */
  async #inSlices<Result>(steps: Generator<void, Result>): Promise<Result> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value
      if (performance.now() - this.#sliceStart < sliceMs) continue
      await setImmediate()
      this.#sliceStart = performance.now()
    }
  }

  #take(paths: readonly string[], about: readonly Diagnostic[]): boolean {
    if (paths.length === 0) return false
    for (const path of paths) {
      const fresh = this.#fresh.get(path)
      this.#fresh.delete(path)
      if (path === folderComplaints) this.#complaints = about
      else if (!fresh) this.#entries.delete(path)
      else {
        const { reading, cut: _, earlier = nothingHeld, ...facts } = fresh
        const before = this.#entries.get(path)?.state ?? earlier
        const state = keepLastGood(before, reading, (texts) => this.#revisionsOf?.(path, texts) ?? new Map())
        const diagnostics = limited(path, state.diagnostics, this.#limits)
        this.#entries.set(path, { ...facts, state: { ...state, diagnostics } })
      }
    }
    return this.#publish()
  }

  #publish(): boolean {
    const last = this.#snapshot
    const parts = new Map([...this.#entries].map(([path, { state }]) => [path, state]))
    this.#snapshot = snapshotOf(last, parts, this.#complaints)
    return this.#snapshot !== last
  }

  async #identity(folder: string): Promise<string | undefined> {
    try {
      return (await this.#access.info(folder)).identity
    } catch {
      return undefined
    }
  }
}

function copiesOf(pieces: readonly PieceReading[]): number {
  return pieces.reduce((sum, { copies }) => sum + copies, 0)
}

/** Whether a change needs no reading. */
function isRemoval(path: string, changes: ReadonlyMap<string, Change>): boolean {
  return path === folderComplaints || changes.get(path)?.version === undefined
}

const folderVersion = 'folder'

function versionOf({ info, error }: FoundFile): string {
  return info ? info.version : `error: ${error}`
}

/** Text that does not end with a line break may miss its end, unless it ends by closing the bracket it began with. */
function looksCut(bytes: Uint8Array): boolean {
  const last = bytes.at(-1)
  return last !== undefined && last !== 0x0a && last !== 0x7d && last !== 0x5d
}
